"""Python's clock functions as functions of one clock reading, and uuids of a random stream.

Plain and compiled methods share them, so that both give the same values. The
clock is Unix time in nanoseconds; there is one only, so it stands for the
monotonic clocks as well.
"""

from __future__ import annotations

import datetime
import random
import time as _time
import uuid

__all__ = [
    "ctime",
    "date_today",
    "datetime_now",
    "datetime_today",
    "datetime_utcnow",
    "gmtime",
    "localtime",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "time",
    "time_ns",
    "uuid1",
    "uuid4",
]

_EPOCH = datetime.datetime(1970, 1, 1)
_GREGORIAN_OFFSET = 0x01B21DD213814000
"""Steps of 100 ns between 1582-10-15 and 1970-01-01 (RFC 9562, section 5.1)."""


def time(nanoseconds: int) -> float:
    """As time.time."""
    return nanoseconds / 1e9


def time_ns(nanoseconds: int) -> int:
    """As time.time_ns."""
    return nanoseconds


monotonic = perf_counter = time
monotonic_ns = perf_counter_ns = time_ns


def gmtime(nanoseconds: int, seconds: float | None = None) -> _time.struct_time:
    """As time.gmtime."""
    return _time.gmtime(nanoseconds // 10**9 if seconds is None else seconds)


def localtime(nanoseconds: int, seconds: float | None = None) -> _time.struct_time:
    """As time.localtime."""
    return _time.localtime(nanoseconds // 10**9 if seconds is None else seconds)


def ctime(nanoseconds: int, seconds: float | None = None) -> str:
    """As time.ctime."""
    return _time.ctime(nanoseconds // 10**9 if seconds is None else seconds)


def datetime_utcnow(nanoseconds: int) -> datetime.datetime:
    """As datetime.utcnow: without a time zone."""
    return _EPOCH + datetime.timedelta(microseconds=nanoseconds // 1000)


def datetime_now(nanoseconds: int, tz: datetime.tzinfo | None = None) -> datetime.datetime:
    """As datetime.now."""
    moment = datetime_utcnow(nanoseconds).replace(tzinfo=datetime.UTC)
    return moment.astimezone().replace(tzinfo=None) if tz is None else moment.astimezone(tz)


def datetime_today(nanoseconds: int) -> datetime.datetime:
    """As datetime.today."""
    return datetime_now(nanoseconds)


def date_today(nanoseconds: int) -> datetime.date:
    """As date.today."""
    return datetime_now(nanoseconds).date()


def uuid1(
    nanoseconds: int, stream: random.Random, node: int | None = None, clock_seq: int | None = None
) -> uuid.UUID:
    """As uuid.uuid1, with a random node (RFC 9562, section 6.10) unless one is given."""
    timestamp = nanoseconds // 100 + _GREGORIAN_OFFSET
    if clock_seq is None:
        clock_seq = stream.getrandbits(14)
    if node is None:
        node = stream.getrandbits(48) | 0x010000000000
    fields = (
        timestamp & 0xFFFFFFFF,
        timestamp >> 32 & 0xFFFF,
        timestamp >> 48 & 0x0FFF,
        clock_seq >> 8 & 0x3F,
        clock_seq & 0xFF,
        node,
    )
    return uuid.UUID(fields=fields, version=1)


def uuid4(stream: random.Random) -> uuid.UUID:
    """As uuid.uuid4."""
    return uuid.UUID(int=stream.getrandbits(128), version=4)
