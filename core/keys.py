"""Element keys as bytes whose order is the order of the keys.

Every encoding is a tag and a body, and none is the beginning of another, so
tuples are their elements one after the other:

===============  ========================================================
``01``           None
``15`` - ``2a``  numbers, in numeric order (see :func:`_encode_number`)
``30``           str: UTF-8, escaped, ``00`` at the end
``31``           bytes: escaped, ``00`` at the end
``32``           UUID, 16 bytes
``33`` ``34``    datetime without and with time zone (see :func:`_encode_datetime`)
``35``           date: ordinal, 4 bytes
``36``           timedelta: microseconds, 9 bytes
``37`` ``38``    time without and with time zone: microseconds, 8 bytes
``40``           tuple: elements, ``00`` at the end
``41``           frozenset: elements in the order of their bytes, ``00`` at the end
``42``           a class of the application: its name as str, its attributes, ``00``
===============  ========================================================

Keys that are equal in Python have equal bytes, so they are one key: ``True``,
``1.0`` and 1, a datetime and the same instant in another zone, a ``StrEnum``
member and its text. One *spelling* of each key is the normal one, which can be
told from the bytes (:func:`is_normal`, :func:`decode_key`); a key that is spelled
in another way has to be kept beside them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import math
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.errors import UnsupportedValue
from core.userclasses import qualified_name

__all__ = ["KEYS_END", "KEY_TYPES", "can_be_key", "decode_key", "encode_key", "is_normal"]

KEY_TYPES = (
    "Keys of persistent dicts and elements of persistent sets are None, bool, int, float, Decimal, "
    "str, bytes, UUID, datetime, date, time, timedelta, tuples and frozensets of these, and enums, "
    "named tuples, frozen dataclasses and frozen msgspec.Structs of these that do not define "
    "__eq__ or __hash__ themselves."
)

KEYS_END = b"\xff"
"""Sorts after every encoded key."""

_NONE, _STR, _BYTES, _UUID, _NAIVE, _AWARE, _DATE = 0x01, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35
_TIMEDELTA, _NAIVE_TIME, _AWARE_TIME = 0x36, 0x37, 0x38
_TUPLE, _FROZENSET, _INSTANCE = 0x40, 0x41, 0x42
_MINUS_INFINITY, _INFINITY = 0x15, 0x2A
_NEGATIVE, _POSITIVE = 0x1F, 0x20  # for magnitudes below 1; one step further for each byte
_BIG = 9  # steps for a magnitude of more than 8 bytes, whose length follows in 4 bytes
_INTEGRAL, _FRACTION = 0, 1
_EPOCH = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_SHIFT = 2**62  # keeps microseconds positive, also of aware datetimes just before year 1
_COMPLEMENT = bytes(255 - byte for byte in range(256))
_LONGEST_DECIMAL = 4000
"""Digits of a Decimal that can be a key: a store takes no longer ones."""


def encode_key(key: object) -> bytes:
    """The bytes of ``key``.

    :raises UnsupportedValue: a key of no supported type, or NaN.
    """
    return (_ENCODERS.get(type(key)) or _encode_other)(key)


def decode_key(data: bytes) -> Any:
    """The key that was encoded, in its normal spelling.

    :raises UnsupportedValue: the bytes are no encoded key, or of one that has no normal spelling.
    """
    try:
        key, end = _decode_at(data, 0)
    except (LookupError, ValueError, OverflowError, struct.error, RecursionError) as error:
        raise UnsupportedValue(f"stored bytes are not a key: {data[:40]!r}: {error}") from None
    if end != len(data):
        raise UnsupportedValue(f"stored bytes are not a key: {data[:40]!r}: too long")
    return key


def is_normal(key: object) -> bool:
    """Whether ``key`` is spelled as :func:`decode_key` gives it, type and all."""
    kind = type(key)
    if kind in _ALWAYS_NORMAL:
        return True
    if isinstance(key, float):
        return kind is float and not key.is_integer()
    if isinstance(key, dt.datetime):
        return kind is dt.datetime and not key.fold and key.tzinfo in (None, dt.UTC)
    return kind is tuple and all(map(is_normal, key))  # type: ignore[call-overload]


# --- numbers --------------------------------------------------------------------


def _encode_number(value: int) -> bytes:
    """An int: a tag for sign and length, the magnitude, 00. Bits of negatives are flipped."""
    magnitude = abs(value)
    size = (magnitude.bit_length() + 7) >> 3
    if size < _BIG:
        body = magnitude.to_bytes(size, "big") + b"\x00"
    else:
        body = struct.pack(">I", size) + magnitude.to_bytes(size, "big") + b"\x00"
        size = _BIG
    if value < 0:
        return bytes((_NEGATIVE - size,)) + body.translate(_COMPLEMENT)
    return bytes((_POSITIVE + size,)) + body


def _encode_float(value: float) -> bytes:
    """A float: an integral one as int, another as its integral part, 01, and the fraction.

    The fraction is below 1, so that its bits as a double leave room for one more, which is
    set if what follows is the beginning of a :class:`Decimal` that no double can hold.
    """
    if value.is_integer():
        return _encode_number(int(value))
    if math.isnan(value):
        raise UnsupportedValue("NaN cannot be a key: it does not equal itself")
    if math.isinf(value):
        return bytes((_INFINITY if value > 0 else _MINUS_INFINITY,))
    fraction, integral = math.modf(abs(value))
    return _encode_fraction(int(integral), fraction, "", value < 0)


def _encode_fraction(integral: int, fraction: float, digits: str, negative: bool) -> bytes:
    """A number that is not integral.

    :param digits: of the exact fraction, if ``fraction`` is only the largest double below it.
    """
    encoded = _encode_number(integral)
    (bits,) = struct.unpack(">Q", struct.pack(">d", fraction))
    body = encoded[1:-1] + struct.pack(">BQ", _FRACTION, bits << 1 | bool(digits))
    if digits:
        body += digits.encode() + b"\x00"
    if not negative:
        return encoded[:1] + body
    return bytes((_NEGATIVE - (encoded[0] - _POSITIVE),)) + body.translate(_COMPLEMENT)


def _encode_decimal(value: Decimal) -> bytes:
    """A Decimal: as the int or float that it equals, if there is one."""
    if not value.is_finite():
        return _encode_float(float(value) if value.is_infinite() else math.nan)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if not value:
        return _encode_number(0)
    if max(value.adjusted(), -exponent, len(digits)) > _LONGEST_DECIMAL:
        raise UnsupportedValue(f"a Decimal of more than {_LONGEST_DECIMAL} digits cannot be a key")
    text = "".join(map(str, digits)) + "0" * exponent
    text = text.zfill(1 - exponent)
    end = len(text) + min(exponent, 0)
    integral, fraction = int(text[:end]), text[end:].rstrip("0")
    if not fraction:
        return _encode_number(-integral if sign else integral)
    exact = Decimal(f"0.{fraction}")
    double = float(exact)
    if Decimal(double) > exact:
        double = math.nextafter(double, 0.0)
    return _encode_fraction(
        integral, double, "" if Decimal(double) == exact else fraction, bool(sign)
    )


def _decode_number(data: bytes, at: int) -> tuple[int | float, int]:
    tag = data[at]
    negative = tag <= _NEGATIVE
    size = _NEGATIVE - tag if negative else tag - _POSITIVE
    at += 1
    if negative:
        data = data[at:].translate(_COMPLEMENT)
        offset, at = at, 0
    else:
        offset = 0
    if size == _BIG:
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
    value: int | float = int.from_bytes(data[at : at + size], "big")
    at += size
    marker = data[at]
    at += 1
    if marker == _FRACTION:
        (bits,) = struct.unpack_from(">Q", data, at)
        if bits & 1:
            raise ValueError("a Decimal has no normal spelling")
        value += struct.unpack(">d", struct.pack(">Q", bits >> 1))[0]
        at += 8
    elif marker != _INTEGRAL:
        raise ValueError("damaged number")
    return (-value if negative else value), at + offset


# --- text and bytes -------------------------------------------------------------


def _escape(data: bytes) -> bytes:
    """Free of 00, in the same order: 00 becomes 01 01 and 01 becomes 01 02."""
    if b"\x01" in data:
        data = data.replace(b"\x01", b"\x01\x02")
    if b"\x00" in data:
        data = data.replace(b"\x00", b"\x01\x01")
    return data


def _unescape(data: bytes) -> bytes:
    if b"\x01" not in data:
        return data
    return data.replace(b"\x01\x01", b"\x00").replace(b"\x01\x02", b"\x01")


def _encode_str(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"0" + _escape(raw) + b"\x00"


def _encode_bytes(value: bytes) -> bytes:
    return b"1" + _escape(value) + b"\x00"


# --- the others -----------------------------------------------------------------


def _microseconds(moment: dt.datetime | dt.time) -> int:
    """Since the beginning of year 1, or of the day, without regard to a time zone."""
    if isinstance(moment, dt.time):
        moment = dt.datetime.combine(_EPOCH, moment)
    return (moment.replace(tzinfo=None, fold=0) - _EPOCH) // _MICROSECOND


def _encode_datetime(value: dt.datetime) -> bytes:
    """A datetime: microseconds, 8 bytes; with a time zone, those in UTC and the zone's name.

    The name stands only for a time of day that the zone has twice or not at all. Python
    holds such a time equal to the same one, of either fold, in the same zone, and to nothing
    else (PEP 495).
    """
    first, second = (value.replace(fold=fold).utcoffset() for fold in (0, 1))
    if first is None:
        return struct.pack(">BQ", _NAIVE, _microseconds(value) + _SHIFT)
    instant = _microseconds(value) - first // _MICROSECOND
    zone = "" if first == second else getattr(value.tzinfo, "key", None) or repr(value.tzinfo)
    return struct.pack(">BQ", _AWARE, instant + _SHIFT) + _escape(zone.encode()) + b"\x00"


def _decode_datetime(data: bytes, at: int) -> tuple[dt.datetime, int]:
    tag, shifted = struct.unpack_from(">BQ", data, at)
    value = _EPOCH + (shifted - _SHIFT) * _MICROSECOND
    if tag == _NAIVE:
        return value, at + 9
    if data[at + 9]:
        raise ValueError("a time that is there twice has no normal spelling")
    return value.replace(tzinfo=dt.UTC), at + 10


def _encode_time(value: dt.time) -> bytes:
    offset = value.utcoffset()
    tag = _NAIVE_TIME if offset is None else _AWARE_TIME
    shift = 0 if offset is None else offset // _MICROSECOND
    return struct.pack(">BQ", tag, _microseconds(value) - shift + _SHIFT)


def _encode_timedelta(value: dt.timedelta) -> bytes:
    shifted = value // _MICROSECOND + _SHIFT * 256
    return bytes((_TIMEDELTA,)) + shifted.to_bytes(9, "big")


def _encode_frozenset(value: frozenset[Any]) -> bytes:
    return _enclosed(_FROZENSET, sorted(map(encode_key, value)))


def _enclosed(tag: int, parts: Iterable[bytes]) -> bytes:
    return bytes((tag,)) + b"".join(parts) + b"\x00"


# --- classes --------------------------------------------------------------------


def can_be_key(kind: type) -> bool:
    """Whether values of the class ``kind`` can be keys, as far as the class tells."""
    return kind in _ENCODERS or _other_encoder(kind) is not None


def _encode_other(value: Any) -> bytes:
    kind = type(value)
    encoder = _other_encoder(kind)  # type: ignore[arg-type]
    if encoder is None:
        raise UnsupportedValue(
            f"a key of type {kind.__module__}.{kind.__qualname__} cannot be stored. {KEY_TYPES}"
        )
    return encoder(value)


@functools.cache
def _other_encoder(kind: type) -> Callable[[Any], bytes] | None:
    """How to encode values of another class, if what they are equal to follows from the class.

    What compares as one of Python's types is encoded as of that type, as a StrEnum or a
    NamedTuple. Otherwise it is equal to what has its class and equal attributes.
    """
    for base, encoder in _ENCODERS.items():
        if issubclass(kind, base) and _compares_as(kind, base):
            return encoder
    names: list[str] | None = None
    if issubclass(kind, enum.Enum) and _compares_as(kind, enum.Enum):
        names = ["value"]
    elif issubclass(kind, msgspec.Struct):
        config = kind.__struct_config__
        if config.frozen and config.eq and _compares_as(kind, msgspec.Struct):
            names = list(kind.__struct_fields__)
    elif dataclasses.is_dataclass(kind) and _is_generated(kind, "__eq__", "__hash__"):
        names = [each.name for each in dataclasses.fields(kind) if each.compare]
    if names is None:
        return None
    label, attributes = _encode_str(qualified_name(kind)), names
    return lambda value: _enclosed(
        _INSTANCE, [label, *(encode_key(getattr(value, name)) for name in attributes)]
    )


def _compares_as(kind: type, base: type) -> bool:
    """Whether ``kind`` has equality and hash of ``base``, which it inherits from."""
    return kind.__eq__ is base.__eq__ and kind.__hash__ is base.__hash__


def _is_generated(kind: type, *names: str) -> bool:
    """Whether methods were made by the dataclass decorator, and not written by the user."""
    codes = (getattr(getattr(kind, name), "__code__", None) for name in names)
    return all(code is not None and code.co_filename == "<string>" for code in codes)


def _encode_tuple(value: tuple[Any, ...]) -> bytes:
    return _enclosed(_TUPLE, map(encode_key, value))


def _decode_tuple(data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    items = []
    at += 1
    while data[at]:
        item, at = _decode_at(data, at)
        items.append(item)
    return tuple(items), at + 1


def _decode_at(data: bytes, at: int) -> tuple[Any, int]:
    """The key that begins at ``at`` and where it ends."""
    tag = data[at]
    if tag in (_STR, _BYTES):
        end = data.index(0, at)
        raw = _unescape(data[at + 1 : end])
        return (raw.decode("utf-8", "surrogatepass") if tag == _STR else raw), end + 1
    if _MINUS_INFINITY < tag < _INFINITY:
        return _decode_number(data, at)
    if tag == _UUID:
        return UUID(bytes=data[at + 1 : at + 17]), at + 17
    if tag in (_NAIVE, _AWARE):
        return _decode_datetime(data, at)
    if tag == _DATE:
        return dt.date.fromordinal(struct.unpack_from(">I", data, at + 1)[0]), at + 5
    if tag == _TUPLE:
        return _decode_tuple(data, at)
    return _SINGLE[tag], at + 1


_ALWAYS_NORMAL = frozenset({type(None), int, str, bytes, UUID, dt.date})
_SINGLE: dict[int, Any] = {_NONE: None, _INFINITY: math.inf, _MINUS_INFINITY: -math.inf}
_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x01",
    bool: _encode_number,
    int: _encode_number,
    float: _encode_float,
    str: _encode_str,
    bytes: _encode_bytes,
    UUID: lambda value: b"2" + value.bytes,
    dt.datetime: _encode_datetime,
    dt.date: lambda value: struct.pack(">BI", _DATE, value.toordinal()),
    dt.time: _encode_time,
    dt.timedelta: _encode_timedelta,
    Decimal: _encode_decimal,
    tuple: _encode_tuple,
    frozenset: _encode_frozenset,
}
