"""Saying the same thing now and then only, however often it happens: logs are read by people."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Reminder"]

_LONGEST = 60.0


class Reminder:
    """Whether to say something (again): seldom, and more and more seldom while it goes on.

    :param seconds: how long the first word of it is enough; each one after that for twice as
        long, up to a minute.
    """

    def __init__(
        self, seconds: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = self._pause = seconds
        self._monotonic = monotonic
        self._said = self._asked = -_LONGEST

    def is_due(self) -> bool:
        """Whether it was not said for a while; then it counts as said now."""
        now = self._monotonic()
        quiet, self._asked = now - self._asked, now
        if quiet > self._pause:
            self._pause = self._first  # it was over in between
        elif now - self._said < self._pause:
            return False
        else:
            self._pause = min(2 * self._pause, max(_LONGEST, self._first))
        self._said = now
        return True
