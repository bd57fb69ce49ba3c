"""Admission: at most so many calls under way, and at most so many waiting for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import Overloaded

__all__ = ["Admission"]


class Admission:
    """First come, first served.

    :param places: how many may be under way at once.
    :param queue: how many may wait for a place.
    """

    def __init__(self, places: int, queue: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._queue = queue
        self._waiting = 0

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Hold a place; wait for it at most ``patience`` seconds.

        :raises Overloaded: too many are waiting already, or none became free.
        """
        if not self._places.locked():
            await self._places.acquire()  # at once
        elif self._waiting >= self._queue:
            raise Overloaded(f"{self._waiting} requests are waiting already: ask again later")
        else:
            await self._wait(patience)
        try:
            yield
        finally:
            self._places.release()

    async def _wait(self, patience: float) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            raise Overloaded("the time allowed was over before its turn came") from None
        finally:
            self._waiting -= 1
