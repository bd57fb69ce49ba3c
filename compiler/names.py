"""What a name in the user's source means, found by value.

The plain modules are imported before they are compiled, so an expression like
``dt.datetime.now`` is looked up, not guessed: it is the same thing however it
was imported. Local variables are unknown, except those that a local ``import``
binds.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import importlib
import random
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final

from compiler.machine.substitutes import original
from compiler.sources import Source

__all__ = ["UNKNOWN", "Scope", "bindings", "canonical_name", "local_names"]


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""What an expression means when only a run could tell."""

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_STREAM = random._inst


def canonical_name(value: object) -> str | None:
    """The dotted name under which ``value`` is documented, or None."""
    value = original(value)
    if isinstance(value, types.ModuleType):
        return value.__name__
    owner = getattr(value, "__self__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if owner is _STREAM:
        return f"random.{getattr(value, '__name__', '')}"
    if isinstance(owner, type) and isinstance(name, str):
        plain = name.rsplit(".", 1)[-1]
        for base in owner.__mro__:
            own = plain in vars(base) or (base is datetime.datetime and plain == "today")
            if own:
                return f"{base.__module__}.{base.__qualname__}.{plain}"
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and isinstance(name, str):
        return f"{module}.{name}"
    return None


class Scope:
    """The names that a function can see."""

    def __init__(
        self, namespace: Mapping[str, Any], function: ast.AST | None, source: Source
    ) -> None:
        self.namespace = namespace
        self._locals = local_names(function) if function is not None else frozenset()
        self._imports = _local_imports(function, source) if function is not None else {}

    def is_local(self, name: str) -> bool:
        """Whether the function binds ``name`` itself."""
        return name in self._locals

    def value(self, expression: ast.expr) -> Any:
        """What ``expression`` is, or UNKNOWN."""
        if isinstance(expression, ast.Constant):
            return expression.value
        if isinstance(expression, ast.Name):
            return self._name(expression.id)
        if isinstance(expression, ast.Attribute):
            owner = self.value(expression.value)
            if isinstance(owner, types.ModuleType | type):
                try:
                    return getattr(owner, expression.attr)
                except AttributeError:
                    return UNKNOWN
        return UNKNOWN

    def canonical(self, expression: ast.expr) -> str | None:
        """The documented dotted name of what ``expression`` is, or None."""
        value = self.value(expression)
        return None if value is UNKNOWN else canonical_name(value)

    def is_builtin(self, expression: ast.expr, *names: str) -> bool:
        """Whether ``expression`` is one of these builtins, not shadowed."""
        return (
            isinstance(expression, ast.Name)
            and expression.id in names
            and self._name(expression.id) is getattr(builtins, expression.id, UNKNOWN)
        )

    def _name(self, name: str) -> Any:
        if name in self._imports:
            return self._imports[name]
        if name in self._locals:
            return UNKNOWN
        if name in self.namespace:
            return self.namespace[name]
        return getattr(builtins, name, UNKNOWN)


def local_names(function: ast.AST) -> frozenset[str]:
    """Every name that the function, or anything nested in it, binds."""
    excluded = {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
    return frozenset({name for name, _ in bindings(function)} - excluded)


def bindings(function: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every name that the function, or anything nested in it, binds, and what binds it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, node
        elif isinstance(node, ast.arg):
            yield node.arg, node
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0], node
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name, node
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest, node
        elif isinstance(node, _DEFINITIONS) and node is not function:
            yield node.name, node


def _local_imports(function: ast.AST, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = _import(alias.name if alias.asname else alias.name.split(".")[0])
                found[(alias.asname or alias.name).split(".")[0]] = module
        elif isinstance(node, ast.ImportFrom):
            base = source.absolute(node)
            module = _import(base)
            for alias in node.names:
                value = getattr(module, alias.name, UNKNOWN)
                if value is UNKNOWN:
                    value = _import(f"{base}.{alias.name}")
                found[alias.asname or alias.name] = value
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:  # an import that fails at run time, as the user wrote it
        return UNKNOWN
