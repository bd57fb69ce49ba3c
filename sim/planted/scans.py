"""Breaking rules 1 and 6: scans, removals, and what the region itself wrote before them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core.region import Region
from core.store import Clear, KeyRange, Pairs
from core.writes import Writes
from sim.planted.bug import bug, replace


@bug("a scan is in conflict with what lies behind its last key", "strict_serializable",
     "contention", "warehouse")  # fmt: skip
def conflict_range_of_a_scan_ends_at_its_last_key() -> AbstractContextManager[Any]:
    """Conflict with the keys that were there, and with what comes between them."""
    original = Region.scanned

    def scanned(self: Region, begin: bytes, end: bytes, limit: int, pairs: Pairs) -> Pairs:
        seen = original(self, begin, end, limit, pairs)
        last = pairs[-1][0] if pairs else begin
        self.reads[-1] = KeyRange(begin, last + b"\x00")
        return seen

    return replace(Region, "scanned", scanned)


@bug("that there was nothing is in conflict with what comes", "strict_serializable", "contention",
     "warehouse")  # fmt: skip
def scans_that_find_nothing_conflict_with_nothing() -> AbstractContextManager[Any]:
    """Leave scans without a result out of the conflict keys."""
    original = Region.scanned

    def scanned(self: Region, begin: bytes, end: bytes, limit: int, pairs: Pairs) -> Pairs:
        seen = original(self, begin, end, limit, pairs)
        if not pairs:
            self.reads.pop()
        return seen

    return replace(Region, "scanned", scanned)


@bug("a scan does not see what the region removed", "reference", "smoke", "warehouse")
def removals_unseen_by_scans() -> AbstractContextManager[Any]:
    """Lay over what was set, not what was removed."""

    def merge(self: Writes, begin: bytes, end: bytes, pairs: Pairs) -> Pairs:
        merged = {k: v for k, v in pairs if not any(b <= k < e for b, e in self._cleared)}
        inside = {k: v for k, v in self._index.items() if begin <= k < end and v is not None}
        return sorted((merged | inside).items())

    return replace(Writes, "merge", merge)


@bug("a scan that was cut does not answer for the whole range", "reference", "smoke", "warehouse")
def cut_scan_taken_for_the_whole() -> AbstractContextManager[Any]:
    """Answer a scan of everything from one that asked for the first pair."""
    original = Region.scan_known

    def scan_known(self: Region, begin: bytes, end: bytes, limit: int) -> Pairs | None:
        found = original(self, begin, end, limit)
        cut = self._scanned.get((begin, end, 1))
        if found is None and not limit and cut is not None:
            return self._overlaid(begin, end, limit, cut)
        return found

    return replace(Region, "scan_known", scan_known)


@bug("what was undone was not removed either", "reference", "smoke", "warehouse")
def rollback_keeps_removals() -> AbstractContextManager[Any]:
    """Undo what was set, not what was removed."""
    original = Writes.rollback

    def rollback(self: Writes, mark: int) -> None:
        removed = [each for each in self.since(mark) if isinstance(each, Clear)]
        original(self, mark)
        for each in removed:
            self.add(each)

    return replace(Writes, "rollback", rollback)
