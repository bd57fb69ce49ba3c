"""Breaking schedules: what time asks for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from core import schedules
from core.ports import Commit
from core.program import Program
from core.schedules import Kept
from sim.planted.bug import Steps, bug, replace, with_


def _committing(change: Any) -> AbstractContextManager[Any]:
    """What ``change`` makes of each commit that moves a schedule on: one or several."""
    original = schedules.tick

    def tick(program: Program, now_ns: int, name: str = "schedules") -> Steps:
        steps, answer = original(program, now_ns, name), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            effects = change(effect) if isinstance(effect, Commit) else [effect]
            for each in effects:
                answer = yield each

    return replace(schedules, "tick", tick)


@bug("a tick is started by one who keeps the time", "schedule", "schedule", "till", 12.0)
def tick_started_by_each_who_keeps_the_time() -> AbstractContextManager[Any]:
    """Move a schedule on without looking whether somebody else has."""
    return _committing(lambda commit: [with_(commit, reads=[])])


@bug("a schedule moves on with what it starts", "schedule", "schedule", "till", 12.0)
def schedule_moved_on_before_its_ticks() -> AbstractContextManager[Any]:
    """Say first what is next, and start what has come in a commit of its own."""

    def in_two(commit: Commit) -> list[Commit]:
        moved_on, *rest = commit.mutations
        first = with_(commit, mutations=[moved_on])
        return [first, with_(commit, reads=[], mutations=rest)] if rest else [first]

    return _committing(in_two)


@bug("where all ticks count, none is skipped", "schedule", "schedule", "till", 12.0)
def missed_ticks_skipped() -> AbstractContextManager[Any]:
    """Make one tick of all that were missed, whatever their author says."""
    original = schedules._ticks

    def ticks(due: int, now_ns: int, _catch_up: str, after: Any) -> list[int]:
        return original(due, now_ns, "one", after)

    return replace(schedules, "_ticks", ticks)


@bug("a tick is not started before it has come", "schedule", "schedule", "till", 12.0)
def ticks_come_early() -> AbstractContextManager[Any]:
    """Let one look in three see a time that is still to come."""
    original, number = schedules.tick, count(1)

    def tick(program: Program, now_ns: int, name: str = "schedules") -> Steps:
        early = 0 if next(number) % 3 else 3 * 10**9
        return (yield from original(program, now_ns + early, name))

    return replace(schedules, "tick", tick)


@bug("what is next is what the store holds", "schedule", "schedule", "till", 12.0)
def schedule_begun_anew_by_each_process() -> AbstractContextManager[Any]:
    """Find out what is next from the clock, one time in four, and not from the store."""
    original, number = schedules.decode_kept, count(1)

    def decode(data: bytes) -> Any:
        kept = original(data)
        return kept if next(number) % 4 else Kept(kept.shown, 0, kept.paused, kept.triggered)

    return replace(schedules, "decode_kept", decode)
