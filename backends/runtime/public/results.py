"""Python values as JSON: results, and the arguments of exceptions.

msgspec's rules hold (tuples and sets are arrays, bytes are base64, times are ISO 8601, Decimal
and UUID are strings, data classes are objects), with these additions for what it refuses or
leaves open:

* sets come in the order of their elements' JSON, so an answer repeated is the same answer;
* a dictionary whose keys JSON cannot hold, or that would get one name twice, is an array of
  ``[key, value]``;
* NaN and infinities are null; a lone surrogate is U+FFFD;
* a member that is ``msgspec.UNSET`` is left out, and is null where there is nothing to leave out;
* an integer of more digits than Python writes (4,300, unless somebody changed that) is the text
  of its hexadecimal digits;
* a value of any other type is its ``repr`` as a string.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any

import msgspec

__all__ = ["json_bytes", "plain"]

_SCALARS = (type(None), bool, float)
_LONG = 2_000
"""Bits of an integer that Python writes under any limit (at least 640 digits)."""


def json_bytes(value: object) -> bytes:
    """The JSON of a value.

    It may raise whatever a class of the application raises when it is looked at.
    """
    return msgspec.json.encode(plain(value), enc_hook=repr)


def plain(value: Any) -> Any:
    """The value made of what msgspec writes as described above."""
    kind = type(value)
    if kind is int:
        return value if value.bit_length() < _LONG else _integer(value)
    if kind in _SCALARS:
        return value
    if kind is str:
        return _text(value)
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, dict):
        return _dictionary(value)
    if isinstance(value, set | frozenset):
        return _ordered(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        given = {name: getattr(value, name) for name in names if hasattr(value, name)}
        return {name: plain(item) for name, item in given.items() if item is not msgspec.UNSET}
    if isinstance(value, msgspec.Struct):
        return _struct(value)
    return None if value is msgspec.UNSET else value


def _integer(value: int) -> int | str:
    try:
        str(value)
    except ValueError:  # it takes time that grows with the square of its length
        return hex(value)
    return value


def _text(value: str) -> str:
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _ordered(values: Iterable[Any]) -> list[Any]:
    return [msgspec.Raw(each) for each in sorted(json_bytes(value) for value in values)]


def _dictionary(value: dict[Any, Any]) -> Any:
    items = [plain(item) for item in value.values()]
    if all(type(key) is str for key in value):
        names = [_text(key) for key in value]
    else:
        try:
            keys = {(k.value if isinstance(k, enum.Enum) else k): 0 for k in value}
            names = list(msgspec.to_builtins(keys, str_keys=True))
        except TypeError:
            names = []
    if len(set(names)) < len(value):
        return [[plain(key), item] for key, item in zip(value, items, strict=True)]
    return dict(zip(names, items, strict=True))


def _struct(value: msgspec.Struct) -> Any:
    """A struct under the names that its class gives its fields on the wire."""
    config = value.__struct_config__
    names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    items = {wire: getattr(value, name) for name, wire in names}
    if config.tag is not None:
        items = {config.tag_field or "type": config.tag, **items}
    if config.array_like:
        return [plain(item) for item in items.values()]
    return {wire: plain(item) for wire, item in items.items() if item is not msgspec.UNSET}
