"""Variables that certainly hold futures."""

from __future__ import annotations

import ast

from compiler.names import Scope, bindings
from compiler.vocabulary import operation

__all__ = ["future_names"]


def future_names(function: ast.AST, scope: Scope) -> frozenset[str]:
    """The variables whose every value is a spawned call, or several gathered."""
    spawned = {
        target
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if operation(scope.value(node.value.func)) in ("spawn", "gather")
        for target in node.targets
    }
    names: set[str] = set()
    others: set[str] = set()
    for name, node in bindings(function):
        (names if node in spawned else others).add(name)
    return frozenset(names - others)
