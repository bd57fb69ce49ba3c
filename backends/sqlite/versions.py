"""How versions follow the clock, in every process alike.

A version is the machine's monotonic clock in microseconds plus an *origin* that stands
in the file, so that all processes count alike. When the clock is found behind the latest
version (the machine was started anew, or the file moved to another one) the origin is
set forward: versions go on from the latest, at the clock's pace. The wall clock plays no
part; it may jump as it likes. One thing is needed: processes that share a file must share
a monotonic clock, as the processes of one machine do.

A reader takes the latest version *committed*, never the clock's: a commit of another
process may be under way at a version that the clock has passed already, and what was read
would change. Where nothing commits, a reader that finds the latest version more than
TICK behind the clock commits an empty transaction first. If that cannot be done, nobody can
commit: the disk is full, or whoever holds the lock stands still. Then the latest version is
handed out all the same, and can be read at for as long as it is the latest.
"""

from __future__ import annotations

from collections.abc import Callable

from core.errors import FutureVersion, TooOld
from core.store import VERSIONS_PER_SECOND

__all__ = ["TICK", "Versions"]

TICK = VERSIONS_PER_SECOND // 4
"""How far a version handed out may be behind the clock."""


class Versions:
    """The arithmetic of versions.

    :param clock: seconds, shared by all processes that share the file.
    :param window: how many seconds a version can be used.
    """

    def __init__(self, clock: Callable[[], float], window: float) -> None:
        self._clock = clock
        self.window = int(window * VERSIONS_PER_SECOND)

    def reading(self) -> int:
        """The clock in units of versions."""
        return int(self._clock() * VERSIONS_PER_SECOND)

    def check(self, version: int, latest: int, now: int) -> None:
        """See that ``version`` can be used.

        :raises TooOld, FutureVersion: it cannot.
        """
        if version > latest:
            raise FutureVersion(f"version {version} is ahead of the store, which is at {latest}")
        if version < now - self.window or version < 0:
            raise TooOld(f"version {version} left the window: the store is at {now}")
