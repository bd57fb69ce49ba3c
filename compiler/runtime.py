"""What compiled modules call: the effects of :mod:`core.effects` under the user's own words.

A compiled module knows this one as ``_mu``. The functions here add what Python's
own functions do on top of an effect: ``time.time()`` becomes ``await _mu.time()``.
"""

from __future__ import annotations

import datetime
import random as _random
import time as _time
import uuid as _uuid
from collections.abc import AsyncGenerator
from typing import Any

from compiler.api import later, moments
from core import effects
from core.callers import Caller
from core.durations import nanoseconds
from core.effects import Call, Future, Outside, Sleep, Spawn, Start, Transaction, gather, perform
from core.events import named

__all__ = [
    "Future",
    "Transaction",
    "abort",
    "all_of",
    "any_of",
    "ask",
    "ask_spawned",
    "begin",
    "call",
    "call_last",
    "caller",
    "cancel",
    "commit",
    "ctime",
    "date_today",
    "datetime_now",
    "datetime_today",
    "datetime_utcnow",
    "event",
    "first_of",
    "gather",
    "gmtime",
    "join",
    "localtime",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "random",
    "result",
    "rollback",
    "signal",
    "sleep",
    "spawn",
    "start",
    "time",
    "time_ns",
    "timeout",
    "uuid1",
    "uuid4",
    "wait",
    "wait_all",
]

abort = effects.abort
begin = effects.begin
commit = effects.commit
random = effects.random
rollback = effects.rollback


async def call(service: str, method: str, /, *args: Any, **kwargs: Any) -> Any:
    """Call ``service.method`` and wait for its result."""
    return await perform(Call(service, method, args, kwargs, False))


async def call_last(service: str, method: str, /, *args: Any, **kwargs: Any) -> Any:
    """:func:`call`, proved to be the last thing after which the caller commits nothing."""
    return await perform(Call(service, method, args, kwargs, True))


async def spawn(service: str, method: str, /, *args: Any, **kwargs: Any) -> Future:
    """Start ``service.method`` and return a future."""
    future: Future = await perform(Spawn(service, method, args, kwargs))
    return future


async def ask(function: str, /, *args: Any, **kwargs: Any) -> Any:
    """Ask a function of the outside world and wait for its answer."""
    return await perform(Outside(function, args, kwargs))


async def ask_spawned(function: str, /, *args: Any, **kwargs: Any) -> Future:
    """Ask a function of the outside world and return a future."""
    future: Future = await perform(Outside(function, args, kwargs, waits=False))
    return future


async def start(
    service: str,
    method: str,
    /,
    *args: Any,
    after: later.Duration | None = None,
    at: datetime.datetime | None = None,
    **kwargs: Any,
) -> later.Started[Any]:
    """Begin a request of its own."""
    due = later.due(after, at)
    return later.Started.of(await perform(Start(service, method, args, kwargs, *due)))


async def sleep(duration: later.Duration) -> None:
    """Go on after ``duration``."""
    await perform(Sleep(nanoseconds(duration)))


async def result(started: later.Started[Any]) -> Any:
    """The answer of a request that was started."""
    return await effects.result(later.root_of(started))


async def cancel(started: later.Started[Any]) -> None:
    """Let whatever waits in a request that was started not go on."""
    await effects.cancel(later.root_of(started, "cancel"))


async def timeout(duration: later.Duration) -> effects.Timeout:
    """A wait in the block that takes longer is broken off."""
    return effects.Timeout(nanoseconds(duration))


async def event(name: str, key: Any, /, *, timeout: later.Duration | None = None) -> Any:
    """The value of an event, when it has happened."""
    at_most = None if timeout is None else nanoseconds(timeout)
    return await effects.event(named(name, key), at_most)


async def signal(name: str, key: Any, value: Any = None, /) -> None:
    """Say that an event has happened."""
    await effects.signal(named(name, key), value)


async def join(future: Any) -> Any:
    """Wait for a future.

    :raises TypeError: it is none.
    """
    if not isinstance(future, Future):
        if not hasattr(future, "__await__"):
            await future  # Python says what it says
        raise TypeError(effects.no_future(future))
    return await future


async def wait(future: Any) -> Any:
    """Wait for a future, without ``await``.

    :raises TypeError: it is none.
    """
    if not isinstance(future, Future):
        raise TypeError(effects.no_future(future))
    return await future


async def wait_all(*futures: Any) -> list[Any]:
    """Wait for several futures: the list of their results, as the paper's WaitAll gives it."""
    return list(await gather(*futures))


# --- the clock and chance


async def time() -> float:
    """As time.time."""
    return moments.time(await effects.clock())


async def time_ns() -> int:
    """As time.time_ns."""
    return await effects.clock()


monotonic = perf_counter = time
monotonic_ns = perf_counter_ns = time_ns


async def gmtime(seconds: float | None = None) -> _time.struct_time:
    """As time.gmtime."""
    return moments.gmtime(await effects.clock() if seconds is None else 0, seconds)


async def localtime(seconds: float | None = None) -> _time.struct_time:
    """As time.localtime."""
    return moments.localtime(await effects.clock() if seconds is None else 0, seconds)


async def ctime(seconds: float | None = None) -> str:
    """As time.ctime."""
    return moments.ctime(await effects.clock() if seconds is None else 0, seconds)


async def datetime_now(tz: datetime.tzinfo | None = None) -> datetime.datetime:
    """As datetime.now."""
    return moments.datetime_now(await effects.clock(), tz)


async def datetime_utcnow() -> datetime.datetime:
    """As datetime.utcnow."""
    return moments.datetime_utcnow(await effects.clock())


async def datetime_today() -> datetime.datetime:
    """As datetime.today."""
    return moments.datetime_today(await effects.clock())


async def date_today() -> datetime.date:
    """As date.today."""
    return moments.date_today(await effects.clock())


async def uuid1(node: int | None = None, clock_seq: int | None = None) -> _uuid.UUID:
    """As uuid.uuid1."""
    nanoseconds = await effects.clock()
    stream: _random.Random = await effects.random()
    return moments.uuid1(nanoseconds, stream, node, clock_seq)


async def caller() -> Caller:
    """``caller()``."""
    return await effects.caller()


async def uuid4() -> _uuid.UUID:
    """As uuid.uuid4."""
    return moments.uuid4(await effects.random())


# --- consumers of generator expressions that stop early


async def any_of(items: AsyncGenerator[Any, None]) -> bool:
    """``any(...)``."""
    async for item in items:
        if item:
            await items.aclose()
            return True
    return False


async def all_of(items: AsyncGenerator[Any, None]) -> bool:
    """``all(...)``."""
    async for item in items:
        if not item:
            await items.aclose()
            return False
    return True


async def first_of(items: AsyncGenerator[Any, None], *default: Any) -> Any:
    """``next(...)`` of a new generator."""
    async for item in items:
        await items.aclose()
        return item
    return next(iter(()), *default)
