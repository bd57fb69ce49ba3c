"""What JSON is converted to when it is an argument: the types that annotations name.

Compiled methods keep no annotations worth evaluating, so types come from the plain classes. An
annotation that is missing, cannot be evaluated, or names something that JSON cannot hold in one
way only means Any: such a value is passed as JSON gives it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect as shapes

from compiler.type_variables import substituted

__all__ = ["json_type"]


def json_type(
    function: Any, name: str, json_in: bool, variables: Mapping[Any, Any] | None = None
) -> Any:
    """The type that a plain function's annotation names, Any where that is no use.

    :param name: of a parameter, or ``return``.
    :param variables: what type variables stand for, if the function is inherited.
    :param json_in: whether values come from JSON; otherwise they go there.
    """
    if name not in getattr(function, "__annotations__", {}):
        return Any
    only = types.SimpleNamespace(__annotations__={name: function.__annotations__[name]})
    try:
        kind = typing.get_type_hints(only, function.__globals__, include_extras=True)[name]
        kind = substituted(kind, variables or {})
        msgspec.json.schema_components([kind])
        msgspec.json.Decoder(kind)
        return kind if _has_json_keys(shapes.type_info(kind), json_in, set()) else Any
    except Exception:
        return Any  # evaluating what a user wrote can raise whatever it likes


_TEXTUAL = (
    shapes.StrType, shapes.IntType, shapes.FloatType, shapes.BytesType, shapes.DecimalType,
    shapes.UUIDType, shapes.DateTimeType, shapes.DateType, shapes.TimeType, shapes.TimeDeltaType,
    shapes.EnumType, shapes.LiteralType,
)  # fmt: skip


def _has_json_keys(shape: Any, json_in: bool, seen: set[Any]) -> bool:
    """Whether every dictionary in a type has keys that can be names in JSON."""
    if isinstance(shape, shapes.DictType):
        wide = (*_TEXTUAL, shapes.AnyType) if json_in else _TEXTUAL
        if not all(isinstance(each, wide) for each in _alternatives(shape.key_type)):
            return False
    if not isinstance(shape, shapes.Type):
        return True
    cls = getattr(shape, "cls", None)
    if cls is not None:
        if cls in seen:
            return True
        seen.add(cls)
    return all(_has_json_keys(part, json_in, seen) for part in _parts(shape))


def _alternatives(shape: shapes.Type) -> tuple[shapes.Type, ...]:
    return shape.types if isinstance(shape, shapes.UnionType) else (shape,)


def _parts(shape: shapes.Type) -> list[Any]:
    """The types that a type is made of."""
    values = [getattr(shape, name) for name in shape.__struct_fields__]
    parts = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    return [part.type if isinstance(part, shapes.Field) else part for part in parts]
