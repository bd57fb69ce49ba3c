"""Telling a region that is too slow for the store from a store that is slow (rule 8).

A read version lives for about five seconds. A region that outlives its own, time and again,
can never commit, and that is a verdict. A store that is away, or stands still for a while,
lets versions grow old as well, and that passes. So an old version counts only if the store
answers well right afterwards. Time is the store's own: versions advance with it.
"""

from __future__ import annotations

from core.errors import StoreError, TooOld
from core.ports import Read, ReadVersion, Steps
from core.region import Region
from core.store import VERSIONS_PER_SECOND, WINDOW_SECONDS

__all__ = ["TOO_SLOW", "Slowness", "store_answers"]

TOO_SLOW = (
    "what stands between two effects takes longer than the store keeps a read version (five "
    "seconds): use several smaller transactions"
)

_OFTEN = 5
"""A region that was too slow so many times in a row will not be faster the next time."""
_LONG = int(WINDOW_SECONDS / 2 * VERSIONS_PER_SECOND)
"""In versions: longer than a store takes that is well, and less than a version lives."""


class Slowness:
    """How often in a row the region of an attempt outlived its read version."""

    def __init__(self) -> None:
        self._times = 0

    @property
    def suspected(self) -> bool:
        """Whether the last region was too slow: then it is to be found out, whoever still waits."""
        return self._times > 0

    @property
    def is_certain(self) -> bool:
        """Whether no retry will mend it."""
        return self._times >= _OFTEN

    def forget(self) -> None:
        """A region was committed."""
        self._times = 0

    def failed(self, error: StoreError, region: Region) -> Steps:
        """The store refused ``region``."""
        outlived = isinstance(error, TooOld) and (yield from _outlived(region))
        self._times = self._times + 1 if outlived else 0


def _outlived(region: Region) -> Steps:
    """Whether the version was used for long, and the store is not the reason."""
    try:
        now = yield ReadVersion()
    except StoreError:
        return False
    return now - region.version >= _LONG and (yield from store_answers(region))


def store_answers(region: Region) -> Steps:
    """Whether the store answers well, where ``region`` read last."""
    keys = (region.asked,) if region.asked else ()
    try:
        before = yield ReadVersion()
        yield Read(f"{region.unit}.probe", before, keys)
        after = yield ReadVersion()
    except StoreError:
        return False
    return bool(after - before < _LONG)
