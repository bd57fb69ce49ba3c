"""Rewrites whole functions."""

from __future__ import annotations

import ast
import copy

from compiler.model import Declared, Function
from compiler.rewrite.nodes import locate
from compiler.rewrite.statements import Statements

__all__ = ["rewrite"]


def rewrite(declared: Declared) -> None:
    """Set ``compiled`` and ``effects`` of every function that becomes part of the program."""
    for function in declared.all_functions():
        if function.service is not None or function.effectful:
            _rewrite_function(declared, function)


def _rewrite_function(declared: Declared, function: Function) -> None:
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
        return
    definition = ast.AsyncFunctionDef(
        name=node.name,
        args=node.args,
        body=body,
        decorator_list=node.decorator_list,
        returns=node.returns,
        type_comment=None,
        **({"type_params": node.type_params} if hasattr(node, "type_params") else {}),
    )
    function.compiled = locate(definition, node)
