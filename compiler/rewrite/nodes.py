"""Small builders of syntax trees, and questions about them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TypeVar

__all__ = [
    "RUNTIME",
    "as_list",
    "assign",
    "attribute_call",
    "awaited",
    "commute",
    "is_plain_operand",
    "load",
    "locate",
    "loop_targets",
    "root_of",
    "runtime_call",
    "statement",
    "store",
]

RUNTIME = "_mu"
"""The name under which compiled modules know :mod:`compiler.runtime`."""

N = TypeVar("N", bound=ast.AST)


def locate(new: N, old: ast.AST) -> N:
    """Give ``new``, and what is new in it, the place of ``old`` in the user's source."""
    ast.copy_location(new, old)
    return ast.fix_missing_locations(new)


def as_list(node: ast.GeneratorExp) -> ast.ListComp:
    """The list comprehension of a generator expression."""
    return locate(ast.ListComp(node.elt, node.generators), node)


def load(name: str) -> ast.Name:
    """A variable, read."""
    return ast.Name(name, ast.Load())


def store(name: str) -> ast.Name:
    """A variable, written."""
    return ast.Name(name, ast.Store())


def assign(name: str, value: ast.expr) -> ast.Assign:
    """``name = value``."""
    return ast.Assign([store(name)], value)


def statement(value: ast.expr) -> ast.Expr:
    """An expression as a statement."""
    return ast.Expr(value)


def attribute_call(
    owner: ast.expr,
    method: str,
    arguments: Iterable[ast.expr] = (),
    keywords: Iterable[ast.keyword] = (),
) -> ast.Call:
    """``owner.method(arguments)``."""
    return ast.Call(ast.Attribute(owner, method, ast.Load()), list(arguments), list(keywords))


def runtime_call(
    function: str,
    arguments: Iterable[ast.expr] = (),
    keywords: Iterable[ast.keyword] = (),
) -> ast.Call:
    """A call of a function of :mod:`compiler.runtime`."""
    return attribute_call(load(RUNTIME), function, arguments, keywords)


def awaited(call: ast.expr) -> ast.Await:
    """``await call``."""
    return ast.Await(call)


def is_plain_operand(node: ast.expr) -> bool:
    """Whether evaluating ``node`` earlier or later makes no difference."""
    if isinstance(node, ast.Constant):
        return True
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def commute(first: ast.expr, second: ast.expr) -> bool:
    """Whether the order in which two expressions are evaluated makes no difference."""
    if any(isinstance(p, ast.NamedExpr) for each in (first, second) for p in ast.walk(each)):
        return False
    return any(isinstance(each, ast.Name) or is_plain_operand(each) for each in (first, second))


def root_of(node: ast.expr) -> ast.expr:
    """The expression at the bottom of a chain of attributes, subscripts and calls."""
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Await):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node


def loop_targets(target: ast.expr) -> list[ast.expr]:
    """The innermost targets of an assignment target, left to right."""
    if isinstance(target, ast.Tuple | ast.List):
        return [leaf for part in target.elts for leaf in loop_targets(part)]
    if isinstance(target, ast.Starred):
        return loop_targets(target.value)
    return [target]
