"""Finds names that nothing defines, before a request meets them.

Only what no run could define is refused: a name that its function binds anywhere, nested functions
included, counts as defined, and so does one that any statement at module level may bind.
Annotations are left out, as nobody evaluates them, and so is what stands under a condition on
Python's version, or in a ``try`` that catches ``NameError``.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator
from difflib import get_close_matches

from compiler.model import Declared
from compiler.modules import PlainModule
from compiler.names import local_names

__all__ = ["check_names"]

_BUILTIN = frozenset(dir(builtins))
_NOT_READ = ("annotation", "returns")


def check_names(declared: Declared) -> None:
    """Record the names that functions of the application read and nothing defines."""
    for plain in declared.plain_modules:
        defined = _defined(plain)
        for function in _functions(plain.source.tree):
            local = local_names(function)
            for name in _reads(function):
                if name.id not in defined and name.id not in local:
                    _refuse(declared, plain, name, defined | local)


def _defined(plain: PlainModule) -> frozenset[str]:
    """The names that every function of a module can see."""
    found = {"__class__", *plain.namespace, *vars(plain.module)}
    table = symtable.symtable(plain.source.text, str(plain.source.path), "exec")
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            found.add(symbol.get_name())
    for node in ast.walk(plain.source.tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
        found.update(each.name for each in getattr(node, "type_params", ()))
    return _BUILTIN | found


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    """The functions that are in no other: their bodies run after the import."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
        else:
            waiting.extend(_parts(node))


def _reads(function: ast.AST) -> Iterator[ast.Name]:
    waiting = [function]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node
        waiting.extend(_parts(node))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """What a node consists of, without annotations and what is guarded."""
    if isinstance(node, ast.If) and "version_info" in ast.unparse(node.test):
        return
    guarded = isinstance(node, ast.Try) and any(
        each.type is not None and "NameError" in ast.unparse(each.type) for each in node.handlers
    )
    for field, value in ast.iter_fields(node):
        if field not in _NOT_READ and not (guarded and field == "body"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield part


def _refuse(
    declared: Declared, plain: PlainModule, name: ast.Name, defined: frozenset[str]
) -> None:
    near = get_close_matches(name.id, sorted(defined), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    declared.problems.add(
        plain.source.path,
        plain.source.text,
        name,
        f"nothing defines the name {name.id}{hint}",
        f"a definition of {name.id}, or an import at the top of the module",
    )
