"""Upkeep: the node that recovers abandoned request trees, wakes what is due, and forgets.

Any number may run at once; one is enough. A round that fails is simply tried again.

Forgetting goes by pieces. For some stores clearing a range takes time for every key in it, and
whoever commits meanwhile waits.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from backends.runtime.alarms import Waking
from backends.runtime.clock import SteadyClock, agrees, patience
from backends.runtime.host import Host
from backends.runtime.tally import Tally
from core.errors import MuError
from core.layout import JOURNAL, WATERMARK

__all__ = ["forget", "keep_up"]

_log = logging.getLogger(__name__)

_PIECE = 2_000
"""About how many journal records are forgotten at once."""
_NEVER = 1 << 63
_WAKING_INTERVAL = 0.25
"""Seconds between two looks for what is due."""


async def keep_up(host: Host, stop: asyncio.Event) -> None:
    """Do rounds of recovery and retention until ``stop`` is set."""
    settings = host.settings
    period = int(settings.retention * 1e9)

    async def recovery() -> None:
        found = await host.maintain(
            host.protocol.recover(time.time_ns(), int(settings.stale * 1e9))
        )
        if found:
            _log.info("recovery drove %d requests again", found)

    async def goes_with_the_store(now: int) -> bool:
        return await agrees(host.store, now, settings.retention)

    async def schedules() -> None:
        await host.maintain(host.protocol.tick(host.program, time.time_ns()))

    clock = SteadyClock(patience(settings.retention), goes_with_the_store)

    async def retention() -> None:
        now = await clock.read()
        if now is not None:
            await forget(host, now - period)

    waking = Waking(host)
    async with asyncio.TaskGroup() as rounds:
        rounds.create_task(_rounds(waking.round, _WAKING_INTERVAL, stop))
        if host.program.schedules:
            rounds.create_task(_rounds(schedules, _WAKING_INTERVAL, stop))
        rounds.create_task(_rounds(recovery, settings.recovery_interval, stop))
        rounds.create_task(_rounds(retention, settings.retention_interval, stop))
    await waking.end()


async def forget(host: Host, before_ns: int, tally: Tally | None = None) -> bool:
    """Forget requests that began before ``before_ns``, but none past the oldest intent.

    :param tally: where to count what is forgotten, also if it breaks off.
    :returns: whether the watermark moved.
    :raises StoreError: the store did not play along; what is forgotten is.
    """
    some = False
    while True:
        upto = min(before_ns, await _end_of_piece(host))
        steps = host.protocol.retain(upto, 0)
        moved = await host.maintain(steps if tally is None else tally.counting(steps))
        some |= moved is not None
        if upto == before_ns or moved is None:
            return some


async def _end_of_piece(host: Host) -> int:
    """The moment, in Unix ns, before which the oldest requests began, enough for a piece."""
    store = host.store
    version = await store.read_version()
    (watermark,), _ = await store.read(version, (WATERMARK,))  # what is before is kept on purpose
    begin = JOURNAL.begin + (watermark or b"")
    _, (pairs,) = await store.read(version, (), ((begin, JOURNAL.end, _PIECE),))
    if len(pairs) < _PIECE:
        return _NEVER
    last = pairs[-1][0][1:7]  # the milliseconds that a root id begins with
    return (int.from_bytes(last, "big") + 1) * 1_000_000


async def _rounds(act: Callable[[], Awaitable[None]], interval: float, stop: asyncio.Event) -> None:
    while not await _stopped(stop, interval * random.uniform(0.75, 1.25)):
        ending = asyncio.ensure_future(stop.wait())
        round_ = asyncio.ensure_future(act())
        await asyncio.wait((ending, round_), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not round_.done():
            round_.cancel()  # what it had under way is found again by the next
            await asyncio.wait((round_,))
            return
        error = round_.exception()
        if isinstance(error, MuError):
            _log.info("a round of upkeep failed, the next will do: %s", error)
        elif error is not None:
            _log.error("a round of upkeep failed", exc_info=error)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
