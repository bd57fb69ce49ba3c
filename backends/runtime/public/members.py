"""Members of JSON objects that a type does not have: msgspec ignores them, here they are refused.

msgspec can refuse them itself for Structs that say so (``forbid_unknown_fields``), but not for
dataclasses and TypedDicts. So a value is converted first, which shows that it fits the type; then
its JSON is looked through beside the type's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect as shapes

__all__ = ["strict_decoder"]

_OBJECTS = (shapes.DataclassType, shapes.TypedDictType, shapes.StructType)
_ITEMS = (
    shapes.ListType, shapes.SetType, shapes.FrozenSetType, shapes.VarTupleType,
    shapes.CollectionType,
)  # fmt: skip
_Part: TypeAlias = tuple[str, shapes.Type, Any]
"""Where a part of a value is below it, its shape, and its JSON."""


def strict_decoder(kind: Any) -> Callable[[bytes | msgspec.Raw], Any]:
    """A decoder of JSON to a type, which refuses members that the type does not have.

    It raises msgspec.MsgspecError, in msgspec's own words.
    """
    decoder = msgspec.json.Decoder(kind)
    shape = shapes.type_info(kind)
    if not _has_objects(shape, set()):
        return decoder.decode

    def decode(given: bytes | msgspec.Raw) -> Any:
        value = decoder.decode(given)
        _check(shape, msgspec.json.decode(given), "$")
        return value

    return decode


def _has_objects(shape: shapes.Type, seen: set[int]) -> bool:
    if isinstance(shape, _OBJECTS):
        return True
    if id(shape) in seen:
        return False
    seen.add(id(shape))
    return any(_has_objects(part, seen) for part in _below(shape))


def _below(shape: shapes.Type) -> tuple[shapes.Type, ...]:
    """The types that values of a type hold or are."""
    if isinstance(shape, shapes.Metadata):
        return (shape.type,)
    if isinstance(shape, shapes.UnionType):
        return shape.types
    if isinstance(shape, shapes.TupleType):
        return shape.item_types
    if isinstance(shape, shapes.DictType):
        return (shape.value_type,)
    if isinstance(shape, shapes.NamedTupleType):
        return tuple(each.type for each in shape.fields)
    return (shape.item_type,) if isinstance(shape, _ITEMS) else ()


def _check(shape: shapes.Type, value: Any, path: str) -> None:
    """See that objects have no members beyond their type's; ``value`` fits the type otherwise.

    :raises msgspec.ValidationError: one does.
    """
    if isinstance(shape, _OBJECTS) and isinstance(value, dict):
        known = {each.encode_name for each in shape.fields} | {getattr(shape, "tag_field", None)}
        for name in value:
            if name not in known:
                raise msgspec.ValidationError(
                    f"Object contains unknown field `{name[:100]}` - at `{path}`"
                )
    for place, part, content in _parts(shape, value):
        _check(part, content, path + place)


def _parts(shape: shapes.Type, value: Any) -> Iterator[_Part]:
    if isinstance(shape, shapes.Metadata):
        yield "", shape.type, value
    elif isinstance(shape, shapes.UnionType):
        yield from (("", each, value) for each in shape.types if _is_meant(each, value))
    elif isinstance(value, dict):
        if isinstance(shape, shapes.DictType):
            yield from (("[...]", shape.value_type, each) for each in value.values())
        elif isinstance(shape, _OBJECTS):
            for each in shape.fields:
                if each.encode_name in value:
                    yield f".{each.encode_name}", each.type, value[each.encode_name]
    elif isinstance(value, list):
        for place, part in enumerate(_listed(shape, len(value))[: len(value)]):
            yield f"[{place}]", part, value[place]


def _listed(shape: shapes.Type, count: int) -> list[shapes.Type]:
    """The types of an array's elements, as far as they are known."""
    if isinstance(shape, _ITEMS):
        return [shape.item_type] * count
    if isinstance(shape, shapes.StructType):  # as an array, with its tag before the fields
        tag: list[shapes.Type] = [shapes.AnyType()] if shape.tag_field else []
        return tag + [each.type for each in shape.fields]
    return list(_below(shape))


def _is_meant(shape: shapes.Type, value: Any) -> bool:
    """Whether a type of a union is the one that its value has; msgspec allows one at most."""
    if isinstance(shape, shapes.StructType) and shape.tag_field:
        tag = value[0] if isinstance(value, list) and value else None
        tag = value.get(shape.tag_field) if isinstance(value, dict) else tag
        return bool(tag == shape.tag)
    return True
