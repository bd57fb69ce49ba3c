"""Upkeep: the node that recovers abandoned request trees and forgets finished ones.

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

from backends.runtime.host import Host
from core.errors import MuError
from core.layout import JOURNAL
from core.recovery import recover
from core.retention import retain

__all__ = ["SteadyClock", "forget", "keep_up"]

_log = logging.getLogger(__name__)

_PIECE = 2_000
"""About how many journal records are forgotten at once."""
_NEVER = 1 << 63


async def keep_up(host: Host, stop: asyncio.Event) -> None:
    """Do rounds of recovery and retention until ``stop`` is set."""
    settings = host.settings
    period = int(settings.retention * 1e9)

    async def recovery() -> None:
        found = await host.maintain(recover(time.time_ns(), int(settings.stale * 1e9)))
        if found:
            _log.info("recovery drove %d requests again", found)

    clock = SteadyClock()

    async def retention() -> None:
        now = clock.read()
        if now is not None:
            await forget(host, now - period)

    async with asyncio.TaskGroup() as rounds:
        rounds.create_task(_rounds(recovery, settings.recovery_interval, stop))
        rounds.create_task(_rounds(retention, settings.retention_interval, stop))


class SteadyClock:
    """The wall clock, unless it has just jumped.

    Forgetting cannot be undone: a round at a time that is ahead would have every request of
    the present refused as too old until that time has come. So a clock that jumps against the
    monotonic one is believed only when it has kept its word for PATIENCE seconds.
    """

    PATIENCE = 600.0
    _JUMP = 60_000_000_000

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        self._jumped: tuple[int, int] | None = None

    def read(self) -> int | None:
        """Unix time in nanoseconds; None if it cannot be trusted now."""
        now, offset = self._monotonic(), self._wall() - self._monotonic()
        if abs(offset - self._offset) <= self._JUMP:
            self._offset, self._jumped = offset, None
            return now + offset
        if self._jumped is None or abs(offset - self._jumped[1]) > self._JUMP:
            self._jumped = (now, offset)
            seconds = (offset - self._offset) / 1e9
            _log.warning("the clock jumped by %.0f s: nothing is forgotten for now", seconds)
        elif now - self._jumped[0] >= self.PATIENCE * 1e9:
            self._offset, self._jumped = offset, None
            return now + offset
        return None


async def forget(host: Host, before_ns: int) -> bool:
    """Forget requests that began before ``before_ns``, but none past the oldest intent.

    :returns: whether there was anything to forget.
    :raises StoreError: the store did not play along; what is forgotten is.
    """
    some = False
    while True:
        upto = min(before_ns, await _end_of_piece(host))
        moved = await host.maintain(retain(upto, 0))
        some |= moved is not None
        if upto == before_ns or moved is None:
            return some


async def _end_of_piece(host: Host) -> int:
    """The moment, in Unix ns, before which the oldest requests began, enough for a piece."""
    store = host.store
    _, (pairs,) = await store.read(await store.read_version(), (), ((*JOURNAL, _PIECE),))
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
