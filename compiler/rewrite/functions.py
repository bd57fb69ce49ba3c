"""Rewrites whole functions."""

from __future__ import annotations

import ast
import copy
import sys

from compiler.model import Declared, Function
from compiler.rewrite.held import OverlappedUse, refuse_overlaps
from compiler.rewrite.nodes import locate
from compiler.rewrite.statements import Statements

__all__ = ["rewrite"]


def rewrite(declared: Declared) -> None:
    """Set ``compiled`` and ``effects`` of every function that becomes part of the program."""
    overlaps: list[OverlappedUse] = []
    for function in declared.all_functions():
        if function.service is not None or function.is_used:
            overlaps += _rewrite_function(declared, function)
    refuse_overlaps(declared, overlaps)


def _rewrite_function(declared: Declared, function: Function) -> list[OverlappedUse]:
    rewriting = Statements(declared, function)
    node = copy.deepcopy(function.node)
    if function.is_decorated and function.effectful:
        rewriting.error(
            function.node.decorator_list[0],
            f"the decorator would be given the compiled function {function.name}",
            "a call inside the function",
        )
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
    function.compiled = locate(definition, node)
    return rewriting.overlaps
