"""The wall clock of those who forget by it, and when it is believed.

Forgetting cannot be undone: a round at a time that is ahead would have every request of the
present refused as too old until that time has come. So a clock is not believed

- when it starts, unless the store agrees (:func:`agrees`): the clock of a machine may have been
  wrong from the start, and be set right a minute later by the network;
- when it jumped against the monotonic one,

until it has kept its word for a while, its *patience*. Nothing is lost by that: what was to be
forgotten is forgotten a few minutes later.

The store agrees if some request in it began within the retention period, but longer than the
patience ago. Then the watermark stays behind a time that has been, and requests of the present are
safe; and it was not this very clock, gone wrong just now, that gave the request its time. A store
that is in use agrees at once. One that is new has nothing to forget, since the patience is never
more than half of the period. One that nobody used for longer than a period waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from backends.runtime.store import AsyncStore
from core.ids import earliest_root
from core.layout import CLIENT_KEYS_BY_ROOT, JOURNAL

__all__ = ["PATIENCE", "SteadyClock", "agrees", "patience"]

_log = logging.getLogger(__name__)

PATIENCE = 600.0
"""Seconds for which a clock is to keep its word, if the retention period is not short."""
_JUMP = 60_000_000_000


def patience(retention: float) -> float:
    """For how many seconds a clock is to keep its word, with this retention period."""
    return min(PATIENCE, retention / 2)


class SteadyClock:
    """The wall clock, unless it has just started, or jumped.

    :param patience: seconds for which it is to keep its word then.
    :param agrees: asked, before any reading was believed, whether one can be, in Unix ns.
    """

    def __init__(
        self,
        patience: float,
        agrees: Callable[[int], Awaitable[bool]],
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._patience = int(patience * 1e9)
        self._agrees = agrees
        self._wall = wall
        self._monotonic = monotonic
        self._believed: int | None = None  # an offset between the two clocks
        self._claimed = self._last = wall() - monotonic()
        self._since = monotonic()  # when the offset that is claimed was first seen

    async def read(self) -> int | None:
        """Unix time in nanoseconds; None if it cannot be trusted now.

        :raises MuError: those of ``agrees``; it cannot be trusted either.
        """
        now = self._monotonic()
        offset = self._wall() - now
        if abs(offset - self._claimed) > _JUMP:
            self._claimed, self._since = offset, now
            if self._believed is None or abs(offset - self._believed) > _JUMP:
                seconds = (offset - self._last) / 1e9
                _log.warning("the clock jumped by %.0f s: nothing is forgotten for now", seconds)
        self._last = offset
        if not await self._is_believable(now, offset):
            return None
        self._believed = self._claimed = offset
        return now + offset

    async def _is_believable(self, now: int, offset: int) -> bool:
        if self._believed is not None and abs(offset - self._believed) <= _JUMP:
            return True
        if now - self._since >= self._patience:
            return True
        return self._believed is None and await self._agrees(now + offset)


async def agrees(store: AsyncStore, now_ns: int, retention: float) -> bool:
    """Whether what a store holds goes with a clock that says ``now_ns``.

    :param retention: the retention period, in seconds.
    :raises StoreError: the store did not say.
    """
    begin, end = (
        earliest_root((now_ns - int(seconds * 1e9)) // 1_000_000)
        for seconds in (retention, patience(retention))
    )
    sections = [
        (part.begin + begin, part.begin + end, 1) for part in (JOURNAL, CLIENT_KEYS_BY_ROOT)
    ]
    _, found = await store.read(await store.read_version(), (), sections)
    return any(found)
