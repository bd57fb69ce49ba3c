"""Breaking rule 4: the remembered result."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace as with_facts
from typing import Any

from core import attempt, codec
from core.journal import METHOD_END
from core.messages import Outcome, Raised
from core.ports import Commit
from core.program import Facts, Method, Program
from core.regions import Regions
from core.store import Set
from sim.planted.bug import Steps, bug, change_commits, own_key, replace, with_


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


@bug("an exception is an answer, and recorded", "exactly_once", "smoke", "warehouse")
def exceptions_not_recorded() -> AbstractContextManager[Any]:
    """Commit what a method wrote before it raised, without its record."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        steps: Any = original(self, end, outcome)
        effect, key = next(steps), own_key(self)
        if isinstance(outcome, Raised):
            kept = [m for m in effect.mutations if not (isinstance(m, Set) and m.key == key)]
            effect = with_(effect, mutations=kept)
        yield effect
        yield from steps

    return replace(Regions, "_commit", commit)


@bug("outside of transactions an exception undoes nothing", "reference", "smoke", "library")
def exceptions_undo_the_region() -> AbstractContextManager[Any]:
    """Drop what a method wrote before it raised."""
    original = attempt.Attempt._drive

    def drive(self: attempt.Attempt) -> Steps:
        outcome = yield from original(self)
        if isinstance(outcome, Raised):
            writes = self.regions.present.writes
            writes.rollback(len(writes) - len(writes.own()))
        return outcome

    return replace(attempt.Attempt, "_drive", drive)


@bug("values are stored and sent as they are", "reference", "smoke", "hotel")
def floats_cut_by_the_codec() -> AbstractContextManager[Any]:
    """Keep three digits of every float, in the program and in the plain one alike."""
    original = codec._encode

    def cut(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.3g}")
        if isinstance(value, list | tuple):
            return type(value)(map(cut, value))
        return {key: cut(each) for key, each in value.items()} if type(value) is dict else value

    return replace(codec, "_encode", lambda value: original(cut(value)))
