"""Breaking rules 2 and 3: the journal, and committing before acting."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from core import attempt, effects
from core.ids import RequestId
from core.journal import METHOD_END
from core.layout import journal_key
from core.messages import Outcome
from core.ports import Commit, Now
from core.regions import Regions
from core.store import Set, point
from sim.planted.bug import Steps, bug, change_commits, own_key, replace, with_


@bug("a region's commit conflicts with its journal key", "exactly_once", "zombie", "auction")
def no_journal_conflict() -> AbstractContextManager[Any]:
    """Leave the journal key out of the conflict keys."""

    def change(regions: Regions, commit: Commit) -> Commit:
        key = own_key(regions)
        return with_(commit, reads=[r for r in commit.reads if r.begin != key])

    return change_commits(change)


@bug("a region looks into the journal before it commits", "exactly_once", "duplicate", "counter")
def journal_not_read() -> AbstractContextManager[Any]:
    """Never look whether the journal holds the region."""
    original = Regions.read

    def read(self: Regions, keys: Any = (), ranges: Any = ()) -> Steps:
        self.present.checked = True
        return (yield from original(self, keys, ranges))

    return replace(Regions, "read", read)


@bug("a region is numbered by its place", "exactly_once", "crash", "auction")
def regions_numbered_by_commits() -> AbstractContextManager[Any]:
    """Number regions by how many commits are known, not by their place in the program."""
    original = Regions._begin

    def begin(self: Regions, place: int) -> None:
        original(self, len(self._records) if place else 0)

    return replace(Regions, "_begin", begin)


@bug("the last region writes its journal key too", "exactly_once", "twins", "auction")
def last_region_without_its_journal_key() -> AbstractContextManager[Any]:
    """Record the result under a key of its own; results and regions do not conflict."""

    def change(regions: Regions, commit: Commit) -> Commit:
        key, result = own_key(regions), journal_key(regions._request.id, 1_000_000)
        if commit.end != METHOD_END:
            result = key
        mutations = [
            Set(result, m.value) if isinstance(m, Set) and m.key == key else m
            for m in commit.mutations
        ]
        reads = [point(result) if r.begin == key else r for r in commit.reads]
        return with_(commit, mutations=mutations, reads=reads)

    return change_commits(change)


@bug("a region is durable before the call after it leaves", "exactly_once", "crash", "auction")
def acting_before_the_journal_is_durable() -> AbstractContextManager[Any]:
    """Let the call leave first, and commit the region with the one after it."""
    original = Regions.end

    def end(self: Regions, end: int, outcome: Outcome | None = None) -> Steps:
        if end != METHOD_END:
            self.present.held_transaction = False
            return False
        return (yield from original(self, end, outcome))

    return replace(Regions, "end", end)


@bug("clock readings are journaled", "determinism", "crash", "auction")
def clock_not_journaled() -> AbstractContextManager[Any]:
    """Read the clock anew on every execution."""

    def clock(self: attempt.Attempt, _: effects.Clock) -> Steps:
        yield from self.calls.settle()
        return (yield Now(self.regions.present.unit))

    return mock.patch.dict(attempt._HANDLERS, {effects.Clock: clock})


@bug("a child's id is derived from its place", "exactly_once", "crash", "chain")
def child_ids_not_derived() -> AbstractContextManager[Any]:
    """Give every call a new id, as a plain client would."""
    fresh = iter(range(1_000, 1 << 40))

    def child(self: RequestId, _: int) -> RequestId:
        return RequestId(self.root, (*self.path, next(fresh)))

    return replace(RequestId, "child", child)
