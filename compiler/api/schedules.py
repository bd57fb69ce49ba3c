"""When time asks for a method: ``@every("1h")``, ``@cron("0 3 * * *", timezone=...)``."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from compiler.api.access import function_of
from compiler.api.later import Duration
from core.durations import instant_ns, nanoseconds
from core.schedules import CATCH_UP

__all__ = ["CatchUp", "Timing", "cron", "every", "timing_of"]

F = TypeVar("F", bound=Callable[..., Any])

CatchUp = Literal["one", "all", "none"]

_TIMING = "__mu2sls_timing__"
_SHORTEST_NS = 10**9
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Timing(NamedTuple):
    """What a decorator says; see :class:`core.program.Schedule`."""

    after: Callable[[int], int]
    shown: str
    catch_up: str


def every(interval: Duration, *, catch_up: CatchUp = "one") -> Callable[[F], F]:
    """Ask for a method again and again, at the multiples of ``interval`` since 1970.

    :param catch_up: what becomes of ticks that nobody was up for: ``one`` for all of them, ``all``,
        or ``none``.
    :raises TypeError, ValueError: that says nothing that could be meant.
    """
    step = nanoseconds(interval)
    if step < _SHORTEST_NS:
        raise ValueError(f"@every({interval!r}) is too often: a second or more")
    return _declared(lambda now: (now // step + 1) * step, f"every {interval}", catch_up)


def cron(line: str, *, timezone: str = "UTC", catch_up: CatchUp = "one") -> Callable[[F], F]:
    """Ask for a method at the times of a cron line, as the clocks of a zone show them.

    A time that the clocks leap over in spring is made up for right after it, and one that they
    show twice in autumn counts once, as with Debian's cron.

    :raises TypeError, ValueError: that says nothing that could be meant.
    """
    if not isinstance(line, str) or not isinstance(timezone, str):
        raise TypeError('@cron takes texts: @cron("0 3 * * *", timezone="Europe/Berlin")')
    from cronsim import CronSim, CronSimError  # only who has a cron line needs it

    try:
        zone = zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {timezone!r}: give one of the IANA database, such as "
            "Europe/Berlin or UTC"
        ) from None

    def after(now: int) -> int:
        moment = (_EPOCH + dt.timedelta(microseconds=now // 1000)).astimezone(zone)
        return instant_ns(next(CronSim(line, moment)))

    try:
        if len(line.split()) != 5:
            raise CronSimError(f"it has {len(line.split())} fields")
        after(0)
    except (CronSimError, StopIteration) as error:
        raise ValueError(
            f"{line!r} is no cron line ({str(error) or 'it never comes'}): five fields, as "
            '"0 3 * * *" (minute, hour, day, month, day of the week)'
        ) from None
    return _declared(after, f"cron {line} {timezone}", catch_up)


def _declared(after: Callable[[int], int], shown: str, catch_up: str) -> Callable[[F], F]:
    if catch_up not in CATCH_UP:
        raise ValueError(f"catch_up={catch_up!r}: give 'one', 'all' or 'none'")

    def declared(method: F) -> F:
        said = vars(function_of(method))
        if _TIMING in said:
            raise ValueError("a method has one schedule: another one for another method")
        said[_TIMING] = Timing(after, shown, catch_up)
        return method

    return declared


def timing_of(method: object) -> Timing | None:
    """What is said of a method's times; None: nothing."""
    found: Timing | None = getattr(function_of(method), _TIMING, None)
    return found
