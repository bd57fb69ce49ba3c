"""The type of a field, as its annotation and the service that has it say together."""

from __future__ import annotations

import ast
import types
import typing
from copy import deepcopy
from typing import Any

from compiler.model import Field
from compiler.type_variables import substituted, type_variables

__all__ = ["agree", "field_type"]


def field_type(field: Field, service: type) -> Any:
    """What stands in ``Persistent[...]``, type variables replaced; object if it is not known."""
    variables = type_variables(service, field.owner)
    namespace = vars(field.plain.module) | {each.__name__: each for each in variables}
    return substituted(_evaluated(field.annotation, namespace), variables)


def agree(one: Any, other: Any) -> bool:
    """Whether two types can be the same, as far as each of them says anything."""
    if any(each in (object, Any) or isinstance(each, typing.TypeVar) for each in (one, other)):
        return True
    ours, theirs = typing.get_args(one), typing.get_args(other)
    if _origin(one) is typing.Union and _origin(other) is typing.Union:
        pairs = ((ours, theirs), (theirs, ours))
        return all(any(agree(x, y) for y in those) for these, those in pairs for x in these)
    if _origin(one) != _origin(other):
        return False
    if not ours or not theirs:
        return True
    return len(ours) == len(theirs) and all(map(agree, ours, theirs))


def _origin(kind: Any) -> Any:
    origin = typing.get_origin(kind) or kind
    if origin is types.UnionType:
        return typing.Union
    return type(None) if origin is None else origin


def _evaluated(annotation: ast.expr | None, namespace: dict[str, Any]) -> Any:
    """What an annotation means in its module; object if that is not known there."""
    if annotation is None:
        return object
    expression = ast.fix_missing_locations(ast.Expression(_Unquoting().visit(deepcopy(annotation))))
    try:
        return eval(compile(expression, "<annotation>", "eval"), dict(namespace))
    except Exception:  # names that only a type checker has, and whatever else it may do
        return object


class _Unquoting(ast.NodeTransformer):
    """Types that are written as strings, without their quotation marks."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.value).split(".")[-1] in ("Literal", "Annotated"):
            return node
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, str):
            return node
        try:
            return ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return node
