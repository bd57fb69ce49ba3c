"""Members of JSON objects that a type does not have: msgspec ignores them, here they are refused.

msgspec can refuse them itself for Structs that say so (``forbid_unknown_fields``), but not for
dataclasses and TypedDicts. So a value is converted first, which shows that it fits the type; then
its JSON is looked through beside the type's shape, by checks that are made once for each type. Of
a union the one type is looked into that the value has: were it two, each level of a nested value
would be looked at twice as often as the one above it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect as shapes

__all__ = ["strict_decoder"]

_OBJECTS = (shapes.DataclassType, shapes.TypedDictType, shapes.StructType)
_ITEMS = (
    shapes.ListType, shapes.SetType, shapes.FrozenSetType, shapes.VarTupleType,
    shapes.CollectionType,
)  # fmt: skip
_Check: TypeAlias = Callable[[Any], None]
"""Raises _TooMany for a value, which fits the type otherwise."""


class _TooMany(Exception):
    """An object has a member that its type does not have.

    :ivar places: on the way to the object, the last one first.
    """

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member
        self.places: list[str] = []

    def below(self, place: str) -> _TooMany:
        """The same, of the value in which this one stands at ``place``."""
        self.places.append(place)
        return self


def strict_decoder(kind: Any) -> Callable[[bytes | msgspec.Raw], Any]:
    """A decoder of JSON to a type, which refuses members that the type does not have.

    It raises msgspec.MsgspecError, in msgspec's own words.
    """
    decoder = msgspec.json.Decoder(kind)
    check = _Checks().of(shapes.type_info(kind))
    if check is None:
        return decoder.decode

    def decode(given: bytes | msgspec.Raw) -> Any:
        value = decoder.decode(given)
        try:
            check(msgspec.json.decode(given))
        except _TooMany as found:
            path = "$" + "".join(reversed(found.places))
            raise msgspec.ValidationError(
                f"Object contains unknown field `{found.member[:100]}` - at `{path}`"
            ) from None
        return value

    return decode


class _Checks:
    """The checks of shapes, each made once; shapes may hold themselves."""

    def __init__(self) -> None:
        self._made: dict[int, _Check] = {}

    def of(self, shape: shapes.Type) -> _Check | None:
        """The check of a shape; None: there is nothing to check in its values."""
        if not _has_objects(shape, set()):
            return None
        if id(shape) not in self._made:
            self._made[id(shape)] = lambda value: self._made[id(shape)](value)  # while it is made
            self._made[id(shape)] = self._make(shape)
        return self._made[id(shape)]

    def _make(self, shape: shapes.Type) -> _Check:
        if isinstance(shape, shapes.Metadata):
            return self._make(shape.type)
        if isinstance(shape, shapes.UnionType):
            return self._of_union(shape)
        if isinstance(shape, shapes.DictType):
            return self._of_dictionary(shape)
        if isinstance(shape, _ITEMS):
            return self._of_items(shape.item_type)
        if _is_object(shape):
            return self._of_object(shape)
        return self._of_places(shape)

    def _of_object(self, shape: Any) -> _Check:
        known = {each.encode_name for each in shape.fields} | {getattr(shape, "tag_field", None)}
        listed = [(each.encode_name, self.of(each.type)) for each in shape.fields]
        parts = [(name, check) for name, check in listed if check is not None]

        def check(value: dict[str, Any]) -> None:
            if not known.issuperset(value):
                raise _TooMany(next(name for name in value if name not in known))
            for name, of_part in parts:
                if name in value:
                    try:
                        of_part(value[name])
                    except _TooMany as found:
                        raise found.below(f".{name}") from None

        return check

    def _of_dictionary(self, shape: shapes.DictType) -> _Check:
        of_item = self.of(shape.value_type)
        assert of_item is not None

        def check(value: dict[str, Any]) -> None:
            try:
                for item in value.values():
                    of_item(item)
            except _TooMany as found:
                raise found.below("[...]") from None

        return check

    def _of_items(self, shape: shapes.Type) -> _Check:
        of_item = self.of(shape)
        assert of_item is not None

        def check(value: list[Any]) -> None:
            place = 0
            try:
                for item in value:
                    of_item(item)
                    place += 1
            except _TooMany as found:
                raise found.below(f"[{place}]") from None

        return check

    def _of_places(self, shape: shapes.Type) -> _Check:
        """Of an array whose elements have types of their own."""
        parts = [(place, self.of(each)) for place, each in enumerate(_listed(shape))]

        def check(value: list[Any]) -> None:
            for place, of_part in parts:
                if of_part is not None and place < len(value):
                    try:
                        of_part(value[place])
                    except _TooMany as found:
                        raise found.below(f"[{place}]") from None

        return check

    def _of_union(self, shape: shapes.UnionType) -> _Check:
        listed = [(each, self.of(each)) for each in shape.types]
        parts = [(each, check) for each, check in listed if check is not None]

        def check(value: Any) -> None:
            for each, of_part in parts:
                if _is_meant(each, value):
                    of_part(value)

        return check


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


def _listed(shape: shapes.Type) -> list[shapes.Type]:
    """The types of an array's elements, one by one."""
    if isinstance(shape, shapes.StructType):  # as an array, with its tag before the fields
        tag: list[shapes.Type] = [shapes.AnyType()] if shape.tag_field else []
        return tag + [each.type for each in shape.fields]
    return list(_below(shape))


def _is_object(shape: shapes.Type) -> bool:
    """Whether values of a type are objects in JSON."""
    if isinstance(shape, shapes.StructType):
        return not shape.array_like
    return isinstance(shape, (shapes.DictType, *_OBJECTS))


def _is_meant(shape: shapes.Type, value: Any) -> bool:
    """Whether a type of a union, which holds objects, is the one that its value has.

    msgspec allows one at most that is an object in JSON, and one that is an array.
    """
    if isinstance(shape, shapes.Metadata):
        return _is_meant(shape.type, value)
    if isinstance(shape, shapes.UnionType):
        return any(_is_meant(each, value) for each in shape.types)
    if not isinstance(value, dict if _is_object(shape) else list):
        return False
    if isinstance(shape, shapes.StructType) and shape.tag_field:
        tag = value.get(shape.tag_field) if isinstance(value, dict) else next(iter(value), None)
        return bool(tag == shape.tag)
    return True
