"""Element keys as bytes whose order is the order of the keys.

Every encoding is a tag and a body, and none is the beginning of another, so
tuples are their elements one after the other:

===============  ========================================================
``01``           None
``15`` - ``2a``  numbers, in numeric order (see :func:`_encode_number`)
``30``           str: UTF-8, escaped, ``00`` at the end
``31``           bytes: escaped, ``00`` at the end
``32``           UUID, 16 bytes
``33`` ``34``    datetime without and with time zone: microseconds, 8 bytes
``35``           date: ordinal, 4 bytes
``40``           tuple: elements, ``00`` at the end
===============  ========================================================

Keys that are equal in Python are one key here: ``True`` and ``1.0`` become the
int 1, a datetime with a time zone becomes UTC.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.errors import UnsupportedValue

__all__ = ["KEYS_END", "decode_key", "encode_key", "normal_key"]

KEYS_END = b"\xff"
"""Sorts after every encoded key."""

_NONE, _STR, _BYTES, _UUID, _NAIVE, _AWARE, _DATE, _TUPLE = 1, 0x30, 0x31, 0x32, 0x33, 0x34, 53, 64
_MINUS_INFINITY, _INFINITY = 0x15, 0x2A
_NEGATIVE, _POSITIVE = 0x1F, 0x20  # for magnitudes below 1; one step further for each byte
_BIG = 9  # steps for a magnitude of more than 8 bytes, whose length follows in 4 bytes
_INTEGRAL, _FRACTION = 0, 1
_EPOCH = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_SHIFT = 2**62  # keeps microseconds positive, also of aware datetimes just before year 1
_COMPLEMENT = bytes(255 - byte for byte in range(256))


def encode_key(key: object) -> bytes:
    """The bytes of ``key``.

    :raises UnsupportedValue: a key of no supported type, or NaN.
    """
    encoder = _ENCODERS.get(type(key))
    if encoder is None:
        kind = type(key)
        raise UnsupportedValue(
            f"a key of type {kind.__module__}.{kind.__qualname__} cannot be stored. Keys of "
            "persistent dicts and elements of persistent sets are None, bool, int, float, str, "
            "bytes, UUID, datetime, date, and tuples of these (of an Enum, use its value)."
        )
    return encoder(key)


def decode_key(data: bytes) -> Any:
    """The key that was encoded, as :func:`normal_key` gives it.

    :raises UnsupportedValue: the bytes are no encoded key.
    """
    try:
        key, end = _decode_at(data, 0)
    except (LookupError, ValueError, OverflowError, struct.error, RecursionError) as error:
        raise UnsupportedValue(f"stored bytes are not a key: {data[:40]!r}: {error}") from None
    if end != len(data):
        raise UnsupportedValue(f"stored bytes are not a key: {data[:40]!r}: too long")
    return key


def normal_key(key: Any) -> Any:
    """The one key that stands for all that are equal to ``key``.

    :raises UnsupportedValue: as :func:`encode_key`.
    """
    kind = type(key)
    return key if kind is str or kind is int else decode_key(encode_key(key))


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
    """A float: an integral one as int, another as its integral part, 01, and the fraction."""
    if value.is_integer():
        return _encode_number(int(value))
    if math.isnan(value):
        raise UnsupportedValue("NaN cannot be a key: it does not equal itself")
    if math.isinf(value):
        return bytes((_INFINITY if value > 0 else _MINUS_INFINITY,))
    fraction, integral = math.modf(abs(value))
    encoded = _encode_number(int(integral))
    body = encoded[1:-1] + bytes((_FRACTION,)) + struct.pack(">d", fraction)
    if value > 0:
        return encoded[:1] + body
    return bytes((_NEGATIVE - (encoded[0] - _POSITIVE),)) + body.translate(_COMPLEMENT)


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
        value += struct.unpack_from(">d", data, at)[0]
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


def _encode_datetime(value: dt.datetime) -> bytes:
    offset = value.utcoffset()
    wall = (value.replace(tzinfo=None, fold=0) - _EPOCH) // _MICROSECOND
    if offset is None:
        return struct.pack(">BQ", _NAIVE, wall + _SHIFT)
    instant = wall - offset // _MICROSECOND
    if not 0 <= instant <= (dt.datetime.max - _EPOCH) // _MICROSECOND:
        raise UnsupportedValue(f"{value!r} cannot be a key: in UTC it is outside years 1 to 9999")
    return struct.pack(">BQ", _AWARE, instant + _SHIFT)


def _decode_datetime(data: bytes, at: int) -> tuple[dt.datetime, int]:
    tag, shifted = struct.unpack_from(">BQ", data, at)
    value = _EPOCH + (shifted - _SHIFT) * _MICROSECOND
    return (value if tag == _NAIVE else value.replace(tzinfo=dt.UTC)), at + 9


def _encode_tuple(value: tuple[Any, ...]) -> bytes:
    return b"@" + b"".join([encode_key(item) for item in value]) + b"\x00"


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
    tuple: _encode_tuple,
}
