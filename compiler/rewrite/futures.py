"""Variables that certainly hold futures."""

from __future__ import annotations

import ast

from compiler.names import Scope
from compiler.vocabulary import operation

__all__ = ["future_names"]


def future_names(function: ast.AST, scope: Scope) -> frozenset[str]:
    """The variables whose every value is a spawned call, or several gathered."""
    bindings: dict[str, list[bool]] = {}
    spawned: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if operation(scope.value(node.value.func)) in ("spawn", "gather"):
                spawned.update(each for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = [part for part in ast.walk(node.args) if isinstance(part, ast.arg)]
            bindings.update({argument.arg: [False] for argument in arguments})
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bindings.setdefault(node.id, []).append(node in spawned)
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and node.name:
            bindings.setdefault(node.name, []).append(False)
    return frozenset(name for name, spawns in bindings.items() if all(spawns))
