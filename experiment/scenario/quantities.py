"""Quantities with units, as scenario files write them, and back again.

=========  ==========================================  =======================
quantity   written                                     here
=========  ==========================================  =======================
duration   ``250us`` ``5ms`` ``30s`` ``2m`` ``1h30m``  seconds
rate       ``200/s`` ``12/min`` ``1000/h``             per second
ratio      ``0.5`` ``2%``                              0 to 1
schedule   ``@every 10s``                              seconds between strikes
count      ``8``                                       a whole number
=========  ==========================================  =======================

A wrong quantity raises :class:`QuantityError`, which says what is wrong and what to write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeGuard, TypeVar

__all__ = [
    "LARGEST",
    "QuantityError",
    "at_most",
    "count",
    "duration",
    "number",
    "positive",
    "rate",
    "ratio",
    "schedule",
    "show_duration",
    "show_latency",
    "show_rate",
    "show_value",
]

_N = TypeVar("_N", int, float)

LARGEST = 2**63 - 1
"""The largest whole number that every reader of results understands."""

_YEAR = 8760 * 3600.0

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PER = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0}
_PER |= {"h": 3600.0, "hour": 3600.0}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_DURATION_PART = re.compile(rf"\s*({_NUMBER})\s*([a-zµ]+)")
_RATE = re.compile(rf"({_NUMBER})\s*(?:/|per\s)\s*([a-z]+)")


class QuantityError(ValueError):
    """A quantity that cannot be read.

    :ivar what: what is wrong with it.
    :ivar remedy: what to write instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


def show_value(value: object) -> str:
    """A value as a message quotes it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"'{value}'"


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def duration(value: object) -> float:
    """Seconds, from a number with a unit; a plain ``0`` needs none.

    :raises QuantityError: it is not one.
    """
    remedy = "write a number and a unit: 250us, 5ms, 30s, 2m or 1h"
    if _is_number(value):
        if value == 0:
            return 0.0
        raise _no_unit(value)
    if not isinstance(value, str) or not value.strip():
        raise QuantityError(f"{show_value(value)} is not a duration", remedy)
    text, seconds, end = value.strip().lower(), 0.0, 0
    while end < len(text):
        part = _DURATION_PART.match(text, end)
        if part is None:
            bare = re.fullmatch(_NUMBER, text)
            raise _no_unit(text) if bare else QuantityError(f"'{value}' is not a duration", remedy)
        unit = _SECONDS.get(part[2])
        if unit is None:
            raise QuantityError(f"'{part[2]}' in '{value}' is not a unit of time", remedy)
        seconds += float(part[1]) * unit
        end = part.end()
    if seconds > _YEAR:
        raise QuantityError(f"{show_value(value)} is longer than a year", "write at most 8760h")
    return seconds


def _no_unit(value: object) -> QuantityError:
    what = f"the duration {show_value(value)} has no unit"
    return QuantityError(what, f"write {value}s, or {value}ms")


def rate(value: object) -> float:
    """Per second, from ``200/s``, ``12/min`` or ``1000/h``.

    :raises QuantityError: it is not one.
    """
    remedy = "write a number per unit of time: 200/s, 12/min or 1000/h"
    if _is_number(value) or (
        isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()) is not None
    ):
        raise QuantityError(f"the rate {show_value(value)} has no unit", f"write {value}/s")
    match = _RATE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None:
        raise QuantityError(f"{show_value(value)} is not a rate", remedy)
    per = _PER.get(match[2])
    if per is None:
        raise QuantityError(f"'{match[2]}' in '{value}' is not a unit of time", remedy)
    return float(match[1]) / per


def ratio(value: object) -> float:
    """A number from 0 to 1, from ``0.5`` or ``50%``.

    :raises QuantityError: it is not one, or is out of range.
    """
    remedy = "write a number from 0 to 1, or a percentage: 0.02 or 2%"
    if isinstance(value, str) and (match := re.fullmatch(rf"({_NUMBER})\s*%", value.strip())):
        found = float(match[1]) / 100
    elif _is_number(value):
        found = float(value)
    else:
        raise QuantityError(f"{show_value(value)} is not a probability", remedy)
    if not 0 <= found <= 1:
        raise QuantityError(f"the probability {show_value(value)} is out of range", remedy)
    return found


def number(value: object) -> float:
    """A finite number that is not negative, without a unit.

    :raises QuantityError: it is not one.
    """
    if _is_number(value) and math.isfinite(value) and value >= 0:
        return float(value)
    raise QuantityError(f"{show_value(value)} is not a number from 0 up", "write one such as 0.3")


def count(value: object) -> int:
    """A whole number that is not negative.

    :raises QuantityError: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        remedy = "write a whole number such as 8"
        raise QuantityError(f"{show_value(value)} is not a whole number", remedy)
    if value > LARGEST:
        raise QuantityError("this number is too large", f"write at most {LARGEST}")
    return value


def at_most(read: Callable[[object], _N], largest: _N) -> Callable[[object], _N]:
    """The reader ``read``, which then also refuses what is above ``largest``."""

    def read_at_most(value: object) -> _N:
        found = read(value)
        if found > largest:
            raise QuantityError(f"{show_value(value)} is too many", f"write at most {largest:,}")
        return found

    return read_at_most


def positive(read: Callable[[object], _N]) -> Callable[[object], _N]:
    """The reader ``read``, which then also refuses zero."""

    def read_positive(value: object) -> _N:
        found = read(value)
        if found == 0:
            raise QuantityError(f"{show_value(value)} is not above zero", "write a larger one")
        return found

    return read_positive


def schedule(value: object) -> float:
    """Seconds between strikes, from ``@every 10s``.

    :raises QuantityError: it is not one.
    """
    remedy = 'write the interval, in quotes: "@every 10s"'
    match = re.fullmatch(r"@every\s+(.+)", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise QuantityError(f"{show_value(value)} is not a schedule", remedy)
    seconds = duration(match[1])
    if seconds <= 0:
        raise QuantityError(f"the schedule '{value}' has no interval", remedy)
    return seconds


def show_duration(seconds: float) -> str:
    """A duration as a scenario file would write it: ``500ms``, ``30s``, ``2m``."""
    for unit, size in (("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            amount = seconds / size
            if unit in "hm" and amount != int(amount):
                continue
            return f"{_short(amount)}{unit}"
    return "0s" if seconds == 0 else f"{_short(seconds * 1e9)}ns"


def show_latency(seconds: float) -> str:
    """A measured time, three digits and a unit: ``8.31 ms``."""
    if seconds <= 0:
        return "0 ms"
    if seconds < 0.0009995:
        return f"{_three(seconds * 1e6)} us"
    return f"{_three(seconds * 1e3)} ms" if seconds < 0.9995 else f"{_three(seconds)} s"


def show_rate(per_second: float) -> str:
    """A measured rate, three digits: ``49.8/s``."""
    return f"{_three(per_second)}/s"


def _short(value: float) -> str:
    return f"{value:.6g}"


def _three(value: float) -> str:
    """Three significant digits, more before the point."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(float(f"{value:.3g}")))))
    return f"{value:,.{places}f}"
