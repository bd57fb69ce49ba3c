"""How long, as people say it: ``"3d"``, ``"1h30m"``, ``0.5`` (seconds), a ``timedelta``."""

from __future__ import annotations

import datetime as dt
import math
import re

__all__ = ["instant_ns", "nanoseconds"]

_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS |= {"d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*", re.ASCII)
_LONGEST = 100 * 366 * _UNITS["d"]
_FORMS = 'seconds, a timedelta, or "90s", "15m", "1h30m", "3d", "2w"'
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def nanoseconds(value: object) -> int:
    """A duration in nanoseconds.

    :raises TypeError: ``value`` is none.
    :raises ValueError: it is not written as one, negative, or longer than a hundred years.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | dt.timedelta):
        raise TypeError(f"a duration is needed, not a {type(value).__name__}: {_FORMS}")
    if isinstance(value, str):
        found = _of_text(value)
    elif isinstance(value, dt.timedelta):
        found = value // dt.timedelta(microseconds=1) * 1000
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no duration: {_FORMS}")
    else:
        found = int(value * 10**9)
    if found < 0:
        raise ValueError(f"{value!r} is in the past: a duration is 0 or more")
    if found > _LONGEST:
        raise ValueError(f"{value!r} is too long: a hundred years at most")
    return found


def _of_text(text: str) -> int:
    position, found = 0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            break
        number, unit = part.groups()
        whole, _, fraction = number.partition(".")
        found += int(whole) * _UNITS[unit]
        found += int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
        position = part.end()
    if position == 0 or position < len(text):
        raise ValueError(f"{text!r} is no duration: {_FORMS}")
    return found


def instant_ns(value: object) -> int:
    """A moment in Unix nanoseconds.

    :raises TypeError: ``value`` is no datetime, or has no time zone.
    """
    if not isinstance(value, dt.datetime):
        raise TypeError(f"a datetime is needed, not a {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise TypeError(f"{value} has no time zone: datetime(..., tzinfo=UTC)")
    return (value - _EPOCH) // dt.timedelta(microseconds=1) * 1000
