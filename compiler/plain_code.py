"""Checks what stays plain: module level, and classes that are no services.

Methods use both as they are, so neither may depend on clock or chance, or ask
for effects: nobody would remember what they saw. Nor may a class change what all its
objects share, or what stands at module level.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from compiler.model import Declared, Function
from compiler.modules import PlainModule
from compiler.names import UNKNOWN, Scope, canonical_name
from compiler.rewrite.statements import Statements
from compiler.vocabulary import CONTAINERS, MUTATORS, is_nondeterministic, operation

__all__ = ["check_plain_code"]

_Functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def check_plain_code(declared: Declared) -> None:
    """Record what is wrong with the plain code of the application's modules."""
    for plain in declared.plain_modules:
        services = {id(service.node) for service in declared.services.values()}
        services.update(map(id, declared.bases.values()))  # compiled with whoever inherits
        for node in plain.source.tree.body:
            if id(node) in services or isinstance(node, _Functions):
                continue
            if isinstance(node, ast.ClassDef):
                _check_class(declared, plain, node)
                for method in node.body:
                    if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                        _check_changes(declared, plain, node, method)
            else:
                _check_module_level(declared, plain, node)


def _check_class(declared: Declared, plain: PlainModule, node: ast.ClassDef) -> None:
    scope = Scope(plain.namespace, node, plain.source)
    for part in ast.walk(node):
        what = _meaning(declared, scope, part)
        if what is not None:
            _error(
                declared,
                plain,
                part,
                f"{what} in the class {node.name} is not remembered: the class is no service",
                f"a value that the service's method gives to {node.name}",
            )


def _check_changes(
    declared: Declared,
    plain: PlainModule,
    node: ast.ClassDef,
    method: ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    """What a method of a plain class changes, where it can be seen."""
    scope = Scope(plain.namespace, method, plain.source)
    seen = Statements(declared, Function(method.name, method, plain, scope))
    instance = method.args.args[0].arg if method.args.args else ""
    is_class = any(ast.unparse(each) == "classmethod" for each in method.decorator_list)
    for part, changed in _changes(method):
        if isinstance(part, ast.Global):
            seen.visit_Global(part)
        elif not seen.refuse_change(part, changed):
            name = _shared_attribute(plain.namespace.get(node.name), part, instance, is_class)
            if name is not None:
                _error(
                    declared,
                    plain,
                    part,
                    f"{name} is shared by all objects of {node.name}, of every request",
                    "an attribute that __init__ sets",
                )


def _changes(method: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    """What changes something other than a variable, and what it changes."""
    for part in ast.walk(method):
        if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            yield part, part.value
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            if part.func.attr in MUTATORS:
                yield part, part.func.value
        elif isinstance(part, ast.Global):
            yield part, ast.Constant(None)


def _shared_attribute(cls: object, change: ast.AST, instance: str, is_class: bool) -> str | None:
    """The attribute of the class that ``change`` changes: of ``cls``, or a container of it."""
    step = change.func if isinstance(change, ast.Call) else change
    while isinstance(step, ast.Attribute | ast.Subscript):
        owner = step.value
        if isinstance(step, ast.Attribute):
            on_instance = isinstance(owner, ast.Name) and owner.id == instance
            if isinstance(owner, ast.Attribute) and owner.attr == "__class__":
                return ast.unparse(step)
            if on_instance and (is_class or step is not change):
                own = vars(cls).get(step.attr) if isinstance(cls, type) else None
                return ast.unparse(step) if is_class or isinstance(own, CONTAINERS) else None
        step = owner
    return None


def _check_module_level(declared: Declared, plain: PlainModule, node: ast.stmt) -> None:
    scope = Scope(plain.namespace, None, plain.source)
    for part in _outside_functions(node):
        if isinstance(part, ast.Call):
            what = _meaning(declared, scope, part.func)
            if what is not None:
                _error(
                    declared,
                    plain,
                    part,
                    f"{what} at module level is evaluated anew by every process",
                    "it in the method that needs it, or a Persistent field",
                )


def _meaning(declared: Declared, scope: Scope, node: ast.AST) -> str | None:
    """The shown name of what reads clock or chance, or asks for effects."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    value = scope.value(node)
    if value is UNKNOWN:
        return None
    function = declared.function_of(value)
    name = canonical_name(value)
    found = (
        operation(value) is not None
        or (function is not None and function.effectful)
        or (name is not None and is_nondeterministic(name))
    )
    return ast.unparse(node) if found else None


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated when the module is."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [
            child for child in ast.iter_child_nodes(part) if not isinstance(child, _Functions)
        ]


def _error(declared: Declared, plain: PlainModule, node: ast.AST, what: str, remedy: str) -> None:
    declared.problems.add(plain.source.path, plain.source.text, node, what, remedy)
