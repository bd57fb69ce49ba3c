"""Waking: what is due is woken and driven, whatever else is being driven meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time

from backends.runtime.host import Host
from core.errors import MuError
from core.messages import Origin

__all__ = ["Waking"]

_log = logging.getLogger(__name__)


class Waking:
    """Rounds of waking.

    Each page of what was woken is driven by a task of its own, so that what takes long holds up
    nothing. What such a task does not get done, recovery does: whatever is woken has an intent.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._driving: set[asyncio.Task[None]] = set()

    async def round(self) -> None:
        """Wake what is due.

        :raises MuError: the store did not play along.
        """
        while woken := await self._host.maintain(self._host.protocol.wake(time.time_ns())):
            task = asyncio.ensure_future(self._drive(woken))
            self._driving.add(task)
            task.add_done_callback(self._driving.discard)

    async def _drive(self, woken: dict[bytes, Origin]) -> None:
        try:
            await self._host.maintain(self._host.protocol.drive(woken))
        except MuError as error:
            _log.info("%d woken requests wait for recovery: %s", len(woken), error)
        except Exception:
            _log.exception("%d woken requests wait for recovery", len(woken))

    async def end(self) -> None:
        """Drive nothing any more."""
        for task in self._driving:
            task.cancel()
        await asyncio.gather(*self._driving, return_exceptions=True)
