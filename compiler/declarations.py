"""Collects what the application declares: services, their fields and methods, and functions."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import compiler as facade
from compiler.api.outside import OutsideFunction
from compiler.constants import check_defaults, read_values
from compiler.decorations import is_service, kind_of, read_access, read_timing, see_decorators
from compiler.effectful import mark_effectful, uses_effects
from compiler.errors import Problems, display_path
from compiler.field_types import agree, field_type
from compiler.inheritance import (
    find_bases,
    initial_classes,
    lineage,
    resolve,
    see_class_methods,
    see_implemented,
)
from compiler.key_types import unfit_keys
from compiler.lost_changes import check_lost_changes
from compiler.model import Declared, Field, FieldKind, Function, Service
from compiler.modules import PlainModule
from compiler.names import UNKNOWN, Scope
from compiler.plain_code import check_plain_code
from compiler.queues import read_queue
from compiler.sources import Layout, Source
from compiler.type_variables import type_variables
from compiler.undefined import check_names

__all__ = ["declare"]

_TYPE_COMMENT: Final = re.compile(r"#\s*type:\s*(?P<type>.+?)\s*$")
_CONTAINERS: Final = {
    "dict": FieldKind.DICT,
    "Dict": FieldKind.DICT,
    "list": FieldKind.LIST,
    "List": FieldKind.LIST,
    "set": FieldKind.SET,
    "Set": FieldKind.SET,
}
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def declare(plain_modules: list[PlainModule], problems: Problems, layout: Layout) -> Declared:
    """Everything the modules declare; what is wrong with it is recorded in ``problems``."""
    declared = Declared(plain_modules, problems, layout)
    for plain in plain_modules:
        for node in plain.source.tree.body:
            if isinstance(node, ast.ClassDef) and is_service(plain, node):
                _declare_service(declared, plain, node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                _declare_function(declared, plain, node)
    for service in declared.services.values():
        _mark_helpers(service)
        read_values(declared, service)
    mark_effectful(declared)
    for function in declared.all_functions():
        check_defaults(declared, function)
    _mark_used(declared)
    check_plain_code(declared)
    check_names(declared)
    check_lost_changes(declared)
    return declared


def _declare_function(declared: Declared, plain: PlainModule, node: _Definition) -> None:
    value = plain.namespace.get(node.name)
    if isinstance(value, OutsideFunction):
        declared.outside[value.declaration.name] = value
        return
    if value is None or not inspect.isroutine(inspect.unwrap(value)):
        return
    scope = Scope(plain.namespace, node, plain.source)
    function = Function(node.name, node, plain, scope)
    declared.functions[id(value)] = function
    function.is_decorated = bool(node.decorator_list)


class _ClassReader:
    """Reads one class for a service: its own, or one that it inherits from."""

    def __init__(
        self,
        declared: Declared,
        service: Service,
        cls: type,
        plain: PlainModule,
        node: ast.ClassDef,
    ) -> None:
        self.declared = declared
        self.service = service
        self.cls = cls
        self.plain = plain
        self.node = node
        self.source = plain.source
        self.comments = _type_comments(self.source)

    def error(self, node: ast.AST, what: str, remedy: str) -> None:
        """Record that ``node`` cannot be compiled."""
        self.declared.problems.add(self.source.path, self.source.text, node, what, remedy)

    def read_body(self) -> None:
        """Read what the class body defines and no class before it has."""
        known = {*self.service.methods, *self.service.constants}
        for statement in self.node.body:
            self._member(statement, known)

    def _member(self, node: ast.stmt, known: set[str]) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._method(node, known)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id not in known:
                    self.service.constants.add(target.id)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if self._persistent_type(node.annotation) is not None:
                self.error(
                    node,
                    "persistent fields are declared in __init__",
                    f"self.{node.target.id}: {ast.unparse(node.annotation)} = ... in __init__",
                )
            is_own = self.cls is self.service.cls
            if (is_own or node.value is not None) and node.target.id not in known:
                self.service.constants.add(node.target.id)
        elif isinstance(node, ast.ClassDef):
            self.error(node, "a class inside a service cannot be stored", "a class at module level")
        elif not _is_inert(node):
            self.error(node, "this statement has no place in a service class", "a method")

    def _method(self, node: _Definition, known: set[str]) -> None:
        if node.name == "__init__":
            if isinstance(node, ast.AsyncFunctionDef):
                self.error(node, "__init__ cannot be async", "def __init__(self):")
            return
        if node.name.startswith("__") and node.name.endswith("__"):
            self.error(
                node,
                f"the special method {node.name} has no meaning for a service",
                "a method with a name of its own",
            )
            return
        if node.name.startswith("__"):
            self._mangled(node, node.name)
            return
        see_decorators(node, self._module_scope(), self.error)
        kind = kind_of(node, self._module_scope())
        scope = Scope(self.plain.namespace, node, self.source)
        function = Function(
            node.name, node, self.plain, scope, self.service, kind, self.cls, is_helper=False
        )
        read_access(function, self.error)
        read_timing(function, self.error)
        read_queue(function, self.error)
        if not function.is_static and function.self_name is None:
            self.error(node, f"{node.name} has no parameter self", f"def {node.name}(self, ...):")
            return
        earlier = self.service.methods.get(node.name)
        if earlier is not None and earlier.owner is self.cls:
            self.error(node, f"{node.name} is defined twice", "one definition")
        if node.name not in known:
            self.service.methods[node.name] = function

    def _mangled(self, node: ast.AST, name: str) -> None:
        self.error(node, "Python renames what begins with two underscores", f"_{name.lstrip('_')}")

    def _module_scope(self) -> Scope:
        return Scope(self.plain.namespace, None, self.source)

    # --- __init__

    def read_init(self, node: ast.FunctionDef) -> None:
        """Read what ``__init__`` of the class sets."""
        instance = node.args.args[0].arg if node.args.args else ""
        factories = {each.arg for each in node.args.args[1:]}
        if node is self.service.init:
            self._init_parameters(node)
        init = Function(
            "__init__", node, self.plain, Scope(self.plain.namespace, node, self.source)
        )
        for statement in _statements(node.body):
            for target, value in _attribute_targets(statement, instance):
                self._attribute(statement, target, value, factories)
        for statement in node.body:
            if uses_effects(self.declared, init, statement):
                self.error(
                    statement,
                    "__init__ sets the initial state once; it cannot call, read the clock or "
                    "draw random numbers",
                    "constants in __init__, and a method for what happens later",
                )

    def _init_parameters(self, node: ast.FunctionDef) -> None:
        used = {
            part.func.id
            for part in ast.walk(node)
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
        }
        required = node.args.args[1 : len(node.args.args) - len(node.args.defaults)]
        for parameter in required:
            if parameter.arg not in used:
                self.error(
                    parameter,
                    "a service is made without arguments",
                    "a constant in __init__, or an argument of the methods",
                )

    def _attribute(
        self,
        statement: ast.stmt,
        target: ast.Attribute,
        value: ast.expr | None,
        factories: set[str],
    ) -> None:
        """``self.name = value`` in ``__init__``."""
        service, name = self.service, target.attr
        if name.startswith("__"):
            self._mangled(target, name)
            return
        annotation = self._annotation(statement)
        persistent = None if annotation is None else self._persistent_type(annotation)
        if persistent is not None:
            kind = self._kind(persistent, value)
            inside = None if isinstance(persistent, str) else persistent
            field = Field(service.name, name, kind, statement, self.plain, self.cls, inside)
            self._see_earlier(target, field)
            if kind in (FieldKind.DICT, FieldKind.SET):
                variables = {
                    variable.__name__: meant
                    for variable, meant in type_variables(service.cls, self.cls).items()
                }
                for each in unfit_keys(persistent, self._module_scope(), variables):
                    self.error(*each)
            service.fields.setdefault(name, field)
            service.constants.discard(name)
        elif name in service.fields:
            return
        elif _is_client(value, factories):
            assert isinstance(value, ast.Call)
            self._client(name, value)
        else:
            service.constants.add(name)
        if name in service.methods:
            self.error(target, f"{name} is a method of {service.name}", "a field of another name")

    def _see_earlier(self, target: ast.Attribute, field: Field) -> None:
        """Record that another class before, or this one, says something else of the field."""
        earlier, cls = self.service.fields.get(field.name), self.service.cls
        if earlier is None or (
            earlier.kind is field.kind and agree(field_type(earlier, cls), field_type(field, cls))
        ):
            return
        place = f"{display_path(earlier.plain.source.path)}:{earlier.node.lineno}"
        of = "" if earlier.owner is self.cls else f" for {self.service.name}"
        self.error(
            target,
            f"self.{field.name} is declared twice{of}, differently: the other is at {place}",
            "one declaration",
        )

    def _client(self, name: str, value: ast.Call) -> None:
        argument = value.args[0] if len(value.args) == 1 else value
        service = argument.value if isinstance(argument, ast.Constant) else None
        if not isinstance(service, str):
            self.error(
                value, "the client's service must be named by a string", "clientFactory('Hotel')"
            )
            return
        self.service.clients[name] = service

    def _annotation(self, statement: ast.stmt) -> ast.expr | None:
        if isinstance(statement, ast.AnnAssign):
            return _unquoted(statement.annotation)
        text = self.comments.get(statement.end_lineno or 0)
        if text is None:
            return None
        try:
            return ast.copy_location(ast.parse(text, mode="eval").body, statement)
        except SyntaxError:
            self.error(
                statement, f"the type comment {text!r} is no type", "# type: Persistent[dict]"
            )
            return None

    def _persistent_type(self, annotation: ast.expr) -> ast.expr | str | None:
        """What stands in ``Persistent[...]``; an empty string if nothing; None if it is not."""
        annotation = _unquoted(annotation)
        if isinstance(annotation, ast.Subscript) and self._is_persistent(annotation.value):
            return _unquoted(annotation.slice)
        return "" if self._is_persistent(annotation) else None

    def _is_persistent(self, node: ast.expr) -> bool:
        value = self._module_scope().value(node)
        if value is not UNKNOWN:
            return value is facade.Persistent
        return isinstance(node, ast.Name | ast.Attribute) and (
            ast.unparse(node).split(".")[-1] == "Persistent"
        )

    def _kind(self, persistent: ast.expr | str, value: ast.expr | None) -> FieldKind:
        if isinstance(persistent, str):
            return _kind_of_value(value)
        outer = persistent.value if isinstance(persistent, ast.Subscript) else persistent
        if isinstance(outer, ast.Attribute | ast.Name):
            return _CONTAINERS.get(ast.unparse(outer).split(".")[-1], FieldKind.VALUE)
        return FieldKind.VALUE


def _kind_of_value(value: ast.expr | None) -> FieldKind:
    shown = "" if value is None else ast.unparse(value)
    if isinstance(value, ast.Dict | ast.DictComp) or shown.startswith("dict("):
        return FieldKind.DICT
    if isinstance(value, ast.List | ast.ListComp) or shown.startswith("list("):
        return FieldKind.LIST
    if isinstance(value, ast.Set | ast.SetComp) or shown.startswith("set("):
        return FieldKind.SET
    return FieldKind.VALUE


def _declare_service(declared: Declared, plain: PlainModule, node: ast.ClassDef) -> None:
    cls: Any = plain.namespace.get(node.name)
    if not isinstance(cls, type):
        return
    service = Service(node.name, cls, node, plain)
    known = declared.services.get(node.name)
    if known is not None:
        declared.problems.add(
            plain.source.path,
            plain.source.text,
            node,
            f"there are two services called {node.name}: the other is in {known.plain.source.path}",
            "different names",
        )
        return
    declared.services[node.name] = service
    find_bases(declared, service)
    readers = {
        each: _ClassReader(declared, service, each, of, definition)
        for each, of, definition in lineage(service)
    }
    for reader in readers.values():
        reader.read_body()
    for each, init in initial_classes(service):
        service.init = service.init or init
        readers[each].read_init(init)
    see_implemented(declared, service)
    resolve(declared, service)
    see_class_methods(declared, service)


def _type_comments(source: Source) -> dict[int, str]:
    """Type comments by their line."""
    found = {}
    for comment in source.comments:
        match = _TYPE_COMMENT.match(comment.text)
        if match and not comment.alone:
            found[comment.line] = match["type"]
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of the blocks in it."""
    for statement in body:
        yield statement
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []))


def _attribute_targets(
    node: ast.stmt, instance: str
) -> Iterator[tuple[ast.Attribute, ast.expr | None]]:
    """The ``self.name`` that a statement assigns, and the values where they are plain to see."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    for target in targets:
        for part in ast.walk(target):
            if (
                isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.value.id == instance
                and isinstance(part.ctx, ast.Store)
            ):
                yield part, value if part is target else None


def _is_client(value: ast.expr | None, factories: set[str]) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in factories
    )


def _unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that may be written as a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            parsed = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return annotation
        return ast.copy_location(parsed, annotation)
    return annotation


def _is_inert(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _mark_used(declared: Declared) -> None:
    """Find the functions that methods reach."""
    waiting = [m for service in declared.services.values() for m in service.methods.values()]
    while waiting:
        function = waiting.pop()
        for part in ast.walk(function.node):
            if isinstance(part, ast.Name | ast.Attribute):
                value = function.scope.value(part)
                used = None if value is UNKNOWN else declared.function_of(value)
                if used is not None and not used.is_used:
                    used.is_used = True
                    waiting.append(used)


def _mark_helpers(service: Service) -> None:
    """Find the methods that methods of the same service call."""
    for method in service.methods.values():
        method.is_helper = method.is_private
    for method in service.methods.values():
        for part in ast.walk(method.node):
            if (
                isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.value.id == method.self_name
                and part.attr in service.methods
            ):
                service.methods[part.attr].is_helper = True
