"""Breaking rules 1 and 6: read versions and travelling transactions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace as with_fields

from core import calls
from core.messages import Outcome, Travelled
from core.ports import Commit, ReadVersion
from core.region import Region
from core.regions import Regions
from core.store import ClearRange, Mutation, Pairs, point
from core.writes import Writes
from sim.planted.bug import Steps, bug, replace

_ERRANDS = "tests/experiment/checks/errands.py"
"""Scans that decide, clears, nested transactions and effects at once, in one application."""


@bug("a region commits at the version it read at", "strict_serializable", "contention", "hotspot")
def stale_read_version() -> AbstractContextManager[Any]:
    """Commit at a fresh version, whatever was read before it."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        self.present.version = yield ReadVersion()
        yield from original(self, end, outcome)

    return replace(Regions, "_commit", commit)


@bug("a read version is taken after the request began", "strict_serializable", "smoke", "counter")
def cached_read_version() -> AbstractContextManager[Any]:
    """Use a read version that an earlier request took."""
    cached = [0, 0]

    def opened(self: Regions) -> Steps:
        if not self.present.version:
            if cached[1] % 20 == 0 or self._units > 1:
                cached[0] = yield ReadVersion()
            cached[1] += 1
            self.present.version = cached[0]

    return replace(Regions, "open", opened)


@bug("the commit conflicts with what callees read", "strict_serializable", "contention", "hotel")
def reads_of_callees_forgotten() -> AbstractContextManager[Any]:
    """Leave what travelling callees read out of the conflict keys."""
    original = Region.merge

    def merge(self: Region, travelled: Travelled) -> None:
        original(self, with_fields(travelled, reads=[]))

    return replace(Region, "merge", merge)


@bug("a transaction is one commit", "atomicity", "smoke", "hotel")
def writes_applied_one_by_one() -> AbstractContextManager[Any]:
    """Commit each write by itself, then the journal."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        region, reads = self.present, self.present.reads
        for mutation in region.writes.all():
            yield Commit(
                self._request.id, region.place, end, tuple(region.units), region.version, reads,
                [mutation],
            )  # fmt: skip
            reads = region.reads = []
        region.writes.rollback(0)
        yield from original(self, end, outcome)

    return replace(Regions, "_commit", commit)


@bug("an abort undoes what the transaction wrote", "reference", "smoke", "hotel")
def abort_keeps_writes() -> AbstractContextManager[Any]:
    """End an aborted transaction without undoing anything."""
    return replace(Writes, "rollback", lambda *_: None)


@bug("branches on the same keys run one after the other", "reference", "smoke", "bank")
def branches_not_run_again() -> AbstractContextManager[Any]:
    """Merge parallel branches whatever they read."""
    return replace(calls, "touches", lambda *_: False)


@bug("a scan is in conflict with all of its range", "strict_serializable", "contention", _ERRANDS)
def conflict_range_of_a_scan_cut() -> AbstractContextManager[Any]:
    """Conflict with the first key of a scan only: a key inserted behind it goes unseen."""
    original = Region.scanned

    def scanned(self: Region, begin: bytes, end: bytes, limit: int, pairs: Pairs) -> Pairs:
        seen = original(self, begin, end, limit, pairs)
        self.reads[-1] = point(begin)
        return seen

    return replace(Region, "scanned", scanned)


@bug("an inner transaction undoes what it wrote, and only that", "reference", "smoke", _ERRANDS)
def savepoint_of_the_outer_transaction() -> AbstractContextManager[Any]:
    """Undo everything since the region began."""
    original = Writes.rollback
    return replace(Writes, "rollback", lambda self, _: original(self, 0))


@bug("a cleared range stays cleared", "reference", "smoke", _ERRANDS)
def clear_of_a_range_lost() -> AbstractContextManager[Any]:
    """Leave range clears out of what is committed."""
    original = Writes.all

    def kept(self: Writes) -> list[Mutation]:
        return [each for each in original(self) if not isinstance(each, ClearRange)]

    return replace(Writes, "all", kept)
