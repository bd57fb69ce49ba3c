"""Breaking rule 4: the remembered result."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace as with_facts
from typing import Any

from core.journal import METHOD_END
from core.ports import Commit
from core.program import Facts, Method, Program
from core.regions import Regions
from core.store import Set
from sim.planted.bug import bug, change_commits, own_key, replace, with_


@bug("the answer is recorded", "exactly_once", "duplicate", "counter")
def result_not_recorded() -> AbstractContextManager[Any]:
    """Commit the last region without its record."""

    def change(regions: Regions, commit: Commit) -> Commit:
        if commit.end != METHOD_END:
            return commit
        key = own_key(regions)
        kept = [m for m in commit.mutations if not (isinstance(m, Set) and m.key == key)]
        return with_(commit, mutations=kept)

    return change_commits(change)


@bug("an outcome that changed nothing is recorded", "exactly_once", "duplicate", "auction")
def unchanged_outcome_not_recorded() -> AbstractContextManager[Any]:
    """Commit the last region only if something was written: what it did, not what it may do."""

    def change(regions: Regions, commit: Commit) -> Commit | None:
        if commit.end == METHOD_END and not regions.present.writes.own():
            return None
        return commit

    return change_commits(change)


@bug("a method is read-only all the way down, or it is not", "reference", "smoke", "counter")
def read_only_inference_wrong() -> AbstractContextManager[Any]:
    """Take every method for read-only."""
    original = Program.method

    def method(self: Program, service: str, name: str) -> Method | None:
        found = original(self, service, name)
        return None if found is None else with_facts(found, facts=Facts(read_only=True))

    return replace(Program, "method", method)
