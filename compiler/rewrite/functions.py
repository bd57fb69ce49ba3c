"""Rewrites whole functions."""

from __future__ import annotations

import ast
import copy
import sys

from compiler.comments import carry
from compiler.hiding import Hiding
from compiler.model import Declared, Function
from compiler.names import UNKNOWN
from compiler.rewrite.held import OverlappedUse, refuse_overlaps
from compiler.rewrite.nodes import locate
from compiler.rewrite.statements import Statements

__all__ = ["rewrite"]


def rewrite(declared: Declared) -> None:
    """Set ``compiled`` and ``effects`` of every function that becomes part of the program."""
    overlaps: list[OverlappedUse] = []
    hiding = Hiding(declared)
    for function in declared.all_functions():
        if function.service is not None or function.is_used:
            overlaps += _rewrite_function(declared, function, hiding)
    refuse_overlaps(declared, overlaps)


def _rewrite_function(
    declared: Declared, function: Function, hiding: Hiding
) -> list[OverlappedUse]:
    rewriting = Statements(declared, function)
    node = copy.deepcopy(function.node)
    if function.is_decorated and function.effectful:
        rewriting.error(
            function.node.decorator_list[0],
            f"the decorator would be given the compiled function {function.name}",
            "a call inside the function",
        )
    _refuse_hidden_effects(hiding, function, rewriting)
    body = rewriting.block(node.body)
    if not function.is_coroutine:
        node.body = body
        function.compiled = node
        return rewriting.overlaps
    definition = ast.AsyncFunctionDef(
        node.name, node.args, body, node.decorator_list, node.returns, None
    )
    if sys.version_info >= (3, 12):
        definition.type_params = node.type_params
    carry(node, [definition])
    function.compiled = locate(definition, node)
    return rewriting.overlaps


def _refuse_hidden_effects(hiding: Hiding, function: Function, rewriting: Statements) -> None:
    """Record an error for every value of the module, or constant, that holds what asks for effects.

    Functions called by their names are no such values.
    """
    for part in ast.walk(function.node):
        if not isinstance(part, ast.Name | ast.Attribute):
            continue
        value = function.scope.value(part)
        if isinstance(part, ast.Attribute) and rewriting.is_self(part.value) and function.service:
            value = function.service.values.get(part.attr, UNKNOWN)
        hidden = hiding.hidden_effect(value)
        if hidden is not None:
            rewriting.error(
                part,
                f"{ast.unparse(part)} hides {hidden}, which asks for effects, behind a value",
                f"a call of {hidden}(...) by its name, chosen with if or match",
            )
