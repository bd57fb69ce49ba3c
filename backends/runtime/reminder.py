"""Saying the same thing now and then only, however often it happens: logs are read by people."""

from __future__ import annotations

import time

__all__ = ["Reminder"]


class Reminder:
    """Whether to say something (again).

    :param seconds: how long one word of it is enough.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether it was not said for a while; then it counts as said now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
