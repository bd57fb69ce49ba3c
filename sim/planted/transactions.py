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
from core.writes import Writes
from sim.planted.bug import Steps, bug, replace


@bug("a region commits at the version it read at", "strict_serializable", "contention", "hotspot")
def stale_read_version() -> AbstractContextManager[Any]:
    """Commit at a fresh version, whatever was read before it."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        self.now.version = yield ReadVersion()
        yield from original(self, end, outcome)

    return replace(Regions, "_commit", commit)


@bug("a read version is taken after the request began", "strict_serializable", "smoke", "counter")
def cached_read_version() -> AbstractContextManager[Any]:
    """Use a read version that an earlier request took."""
    cached = [0, 0]

    def opened(self: Regions) -> Steps:
        if not self.now.version:
            if cached[1] % 20 == 0 or self._units > 1:
                cached[0] = yield ReadVersion()
            cached[1] += 1
            self.now.version = cached[0]

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
        region, reads = self.now, self.now.reads
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
