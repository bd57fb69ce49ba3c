"""Which functions ask for effects, themselves or through what they call.

Only those need to become coroutines. The same question, asked of an expression,
tells what a lambda or a generator expression may not contain.
"""

from __future__ import annotations

import ast

from compiler.model import Declared, Function
from compiler.names import UNKNOWN
from compiler.vocabulary import is_nondeterministic, operation

__all__ = ["mark_effectful", "uses_effects"]


def mark_effectful(declared: Declared) -> None:
    """Set ``effectful`` of every function, to a fixpoint over calls."""
    functions = declared.all_functions()
    changed = True
    while changed:
        changed = False
        for function in functions:
            if not function.effectful and any(
                uses_effects(declared, function, statement) for statement in function.node.body
            ):
                function.effectful = changed = True


def uses_effects(declared: Declared, function: Function, node: ast.AST) -> bool:
    """Whether ``node``, in ``function``, reads or writes state or asks for another effect."""
    return any(_is_effect(declared, function, part) for part in ast.walk(node))


def _is_effect(declared: Declared, function: Function, node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and _is_self(function, node.value):
        service = function.service
        assert service is not None
        method = service.methods.get(node.attr)
        return (
            node.attr in service.fields
            or node.attr in service.clients
            or (method is not None and method.is_coroutine)
        )
    if not isinstance(node, ast.Name | ast.Attribute):
        return isinstance(node, ast.Await)
    value = function.scope.value(node)
    if value is UNKNOWN:
        return False
    called = declared.function_of(value)
    if called is not None:
        return called.effectful
    if operation(value) is not None:
        return True
    name = function.scope.canonical(node)
    return name is not None and is_nondeterministic(name)


def _is_self(function: Function, node: ast.AST) -> bool:
    return (
        function.self_name is not None
        and isinstance(node, ast.Name)
        and node.id == function.self_name
    )
