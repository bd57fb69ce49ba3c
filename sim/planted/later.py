"""Breaking rule 12: what is started, and what sleeps."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from core import alarms, later, retention
from core.ids import RequestId
from core.layout import ALARMS, RESTING
from core.ports import Commit, Due, Read, ReadVersion
from core.store import Clear, Mutation
from core.writes import Writes
from sim.planted.bug import Steps, bug, replace, with_


def _is_start(mutation: Mutation) -> bool:
    key = getattr(mutation, "key", b"")
    return key[:1] in (ALARMS.begin, RESTING.begin)


@bug(
    "what a transaction starts, it starts only if it commits", "reference", "sleepers", "reminders"
)
def starts_outside_their_transaction() -> AbstractContextManager[Any]:
    """Let what an aborted transaction started begin."""
    original = Writes.rollback

    def rollback(self: Writes, mark: int) -> None:
        starts = [each for each in self.since(mark) if _is_start(each)]
        original(self, mark)
        for each in starts:
            self.add(each)

    return replace(Writes, "rollback", rollback)


@bug("a start is part of the commit of its region", "reference", "sleepers", "reminders")
def starts_lost_by_chance() -> AbstractContextManager[Any]:
    """Forget one start in ten, as a message after the commit may be lost."""
    original, number = alarms.started, count(1)

    def started(root: bytes, origin: Any) -> list[Mutation]:
        return original(root, origin) if next(number) % 10 else []

    return replace(later, "started", started)


@bug(
    "what is started has an id that follows from its place", "determinism", "sleepers", "reminders"
)
def ids_of_starts_not_derived() -> AbstractContextManager[Any]:
    """Give what is started a new id on every execution."""
    original, number = alarms.started_root, count()

    def started_root(secret: bytes, starter: RequestId, place: int, due_ns: int) -> bytes:
        return original(secret, starter, place + 1_000 * next(number), due_ns)

    return replace(later, "started_root", started_root)


@bug("what is due is woken", "liveness", "sleepers", "reminders")
def woken_never() -> AbstractContextManager[Any]:
    """Look at the alarms and do nothing."""

    def wake(*_: Any, **__: Any) -> Steps:
        yield ReadVersion()
        return {}

    return replace(alarms, "wake", wake)


@bug("an alarm goes with the commit that wakes", "liveness", "sleepers", "reminders", seconds=0.5)
def woken_again_and_again() -> AbstractContextManager[Any]:
    """Leave the alarms where they are."""
    original = alarms.wake

    def wake(now_ns: int, name: str = "wake", limit: int = 100) -> Steps:
        steps, answer = original(now_ns, name, limit), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(effect, Commit):
                left = [m for m in effect.mutations if not isinstance(m, Clear)]
                effect = with_(effect, mutations=left)
            answer = yield effect

    return replace(alarms, "wake", wake)


@bug("a request sleeps for as long as it says", "reference", "sleepers", "reminders")
def sleeps_end_at_once() -> AbstractContextManager[Any]:
    """Never wait."""
    original = later.Later.sleep

    def sleep(self: later.Later, effect: Any) -> Steps:
        steps, answer = original(self, effect), None
        while True:
            try:
                asked = steps.send(answer)
            except StopIteration:
                return
            answer = True if isinstance(asked, Due) else (yield asked)

    return replace(later.Later, "sleep", sleep)


@bug("what rests is not forgotten", "liveness", "sleepers", "reminders")
def resting_trees_forgotten() -> AbstractContextManager[Any]:
    """Let the watermark pass trees that sleep."""
    original = retention._round

    def round_(latest: bytes, begin: bytes, name: str) -> Steps:
        steps, answer = original(latest, begin, name), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield effect
            if isinstance(effect, Read) and any(r[0] == RESTING.begin for r in effect.ranges):
                values, ranges = answer
                answer = (
                    values,
                    [
                        [] if asked[0] == RESTING.begin else found
                        for asked, found in zip(effect.ranges, ranges, strict=True)
                    ],
                )

    return replace(retention, "_round", round_)
