"""What msgspec lets pass in JSON and must not pass here: what it would lose, and odd Decimals.

Lost are members that an object's type does not have, and of a dictionary those whose names are one
key once they are converted (``"1.0"`` and ``"1.00"`` as Decimal). msgspec can refuse the former
itself for Structs that say so (``forbid_unknown_fields``), but not for dataclasses and TypedDicts.
So a value is converted first, which shows that it fits the type; then its JSON is looked through
beside the type's shape, by checks that are made once for each type. Of a union the one type is
looked into that the value has: were it two, each level of a nested value would be looked at twice
as often as the one above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import inspect as shapes

from backends.runtime.public.texts import DECIMAL, type_of

__all__ = ["strict_decoder"]

_OBJECTS = (shapes.DataclassType, shapes.TypedDictType, shapes.StructType)
_ITEMS = (
    shapes.ListType, shapes.SetType, shapes.FrozenSetType, shapes.VarTupleType,
    shapes.CollectionType,
)  # fmt: skip
_Check: TypeAlias = Callable[[Any], None]
"""Raises _Unfit for a value, which fits the type otherwise."""
_NO_DECIMAL = "Invalid decimal string"


class _Unfit(Exception):
    """Something in a value must not pass.

    :ivar places: on the way to it, the last one first.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.places: list[str] = []

    def below(self, place: str) -> _Unfit:
        """The same, of the value in which this one stands at ``place``."""
        self.places.append(place)
        return self


def strict_decoder(kind: Any) -> Callable[[bytes | msgspec.Raw], Any]:
    """A decoder of JSON to a type, which lets nothing pass that it would lose.

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
        except _Unfit as found:
            path = "$" + "".join(reversed(found.places))
            raise msgspec.ValidationError(f"{found} - at `{path}`") from None
        return value

    return decode


class _Checks:
    """The checks of shapes, each made once; shapes may hold themselves."""

    def __init__(self) -> None:
        self._made: dict[int, _Check] = {}

    def of(self, shape: shapes.Type) -> _Check | None:
        """The check of a shape; None: there is nothing to check in its values."""
        if not _is_checked(shape, set()):
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
        if isinstance(shape, shapes.DecimalType):
            return _check_decimal
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
                raise _Unfit(_unknown(next(name for name in value if name not in known)))
            for name, of_part in parts:
                if name in value:
                    try:
                        of_part(value[name])
                    except _Unfit as found:
                        raise found.below(f".{name}") from None

        return check

    def _of_dictionary(self, shape: shapes.DictType) -> _Check:
        of_item = self.of(shape.value_type)
        of_names = _check_of_names(shape.key_type) if _is_converted(shape.key_type) else None

        def check(value: dict[str, Any]) -> None:
            if of_names is not None:
                of_names(value)
            if of_item is None:
                return
            try:
                for item in value.values():
                    of_item(item)
            except _Unfit as found:
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
            except _Unfit as found:
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
                    except _Unfit as found:
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


def _unknown(name: str) -> str:
    return f"Object contains unknown field `{name[:100]}`"


def _check_of_names(shape: shapes.Type) -> _Check:
    """That no two names of an object are one key, as type ``shape`` has it."""
    kind: Any = dict[_named(shape), None]  # type: ignore[misc]
    decode = msgspec.json.Decoder(kind).decode

    def keys(names: list[str]) -> list[Any]:
        return list(decode(msgspec.json.encode(dict.fromkeys(names))))

    def check(value: dict[str, Any]) -> None:
        found = keys(list(value))
        for key in found:
            if isinstance(key, float | Decimal) and not math.isfinite(key):
                raise _Unfit(f"A key that is {key}, which is no number")
        if len(found) == len(value):
            return
        known: dict[Any, str] = {}
        for name in value:
            (key,) = keys([name])
            if key in known:
                two = f"`{known[key][:100]}` and `{name[:100]}`"
                raise _Unfit(f"Object has two names for one key, {two}")
            known[key] = name

    return check


def _check_decimal(value: Any) -> None:
    if isinstance(value, str) and DECIMAL.fullmatch(value) is None:
        raise _Unfit(_NO_DECIMAL)


def _is_converted(key: shapes.Type) -> bool:
    """Whether a dictionary's keys are something else than the names that stand in JSON."""
    while isinstance(key, shapes.Metadata):
        key = key.type
    return not isinstance(key, shapes.StrType | shapes.AnyType)


def _named(shape: shapes.Type) -> Any:
    """The type of a dictionary's keys; what they must fulfil beyond it was seen to."""
    if isinstance(shape, shapes.Metadata):
        return _named(shape.type)
    if isinstance(shape, shapes.UnionType):
        return reduce(or_, map(_named, shape.types))
    if isinstance(shape, shapes.LiteralType):
        return Literal[shape.values]
    return shape.cls if isinstance(shape, shapes.EnumType) else type_of(shape)


def _is_checked(shape: shapes.Type, seen: set[int]) -> bool:
    """Whether there is something to check in values of a type."""
    if isinstance(shape, (shapes.DecimalType, *_OBJECTS)):
        return True
    if isinstance(shape, shapes.DictType) and _is_converted(shape.key_type):
        return True
    if id(shape) in seen:
        return False
    seen.add(id(shape))
    return any(_is_checked(part, seen) for part in _below(shape))


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
    """Whether a type of a union, which is checked, is the one that its value has.

    msgspec allows one at most that is an object in JSON, one that is an array, one that is a text.
    """
    if isinstance(shape, shapes.Metadata):
        return _is_meant(shape.type, value)
    if isinstance(shape, shapes.UnionType):
        return any(_is_meant(each, value) for each in shape.types)
    if isinstance(shape, shapes.DecimalType):
        return isinstance(value, str)
    if not isinstance(value, dict if _is_object(shape) else list):
        return False
    if isinstance(shape, shapes.StructType) and shape.tag_field:
        # only one that has no choice may lack its tag
        tag = value.get(shape.tag_field, shape.tag) if isinstance(value, dict) else value[0]
        return bool(tag == shape.tag)
    return True
