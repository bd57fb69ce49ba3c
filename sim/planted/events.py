"""Breaking rule 12 for named events: kept once, part of their region, and never missed."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import Any

from msgspec.structs import replace as changed

from core import alarms, events, retention
from core.event_keys import event_key
from core.layout import ALARMS, EVENTS, EVENTS_BY_TIME
from core.ports import Commit, Read
from core.store import KeyRange, Mutation, Pairs, Set
from core.writes import Writes
from sim.planted.bug import Steps, bug, change_commits, replace, with_


def _of_events(mutation: Mutation) -> bool:
    key = getattr(mutation, "key", b"")
    return key[:1] in (EVENTS.begin, EVENTS_BY_TIME.begin)


@bug("a signal that comes first is kept", "reference", "events", "orders")
def signals_lost_when_they_come_first() -> AbstractContextManager[Any]:
    """Signal whoever waits, and nobody else."""
    original = events.signals

    def signals(event: bytes, data: bytes, found: Pairs, now_ns: int) -> list[Mutation]:
        return original(event, data, found, now_ns) if found else []

    return replace(events, "signals", signals)


@bug("the same signal twice counts once", "reference", "events", "orders")
def signals_counted_twice() -> AbstractContextManager[Any]:
    """Keep the value that was signalled last."""
    original = events.signals

    def signals(event: bytes, data: bytes, found: Pairs, now_ns: int) -> list[Mutation]:
        waiting = [pair for pair in found if pair[0] != event_key(event)]
        return original(event, data, waiting, now_ns)

    stack = ExitStack()
    stack.enter_context(replace(events, "has_happened", lambda *_: False))
    stack.enter_context(replace(events, "signals", signals))
    return stack


@bug("who signals wakes who waits", "liveness", "events", "orders")
def who_waits_for_an_event_not_woken() -> AbstractContextManager[Any]:
    """Keep that an event has happened, and tell nobody."""
    original = events.signals

    def signals(event: bytes, data: bytes, found: Pairs, now_ns: int) -> list[Mutation]:
        made = original(event, data, found, now_ns)
        return [m for m in made if not (isinstance(m, Set) and m.key[:1] == ALARMS.begin)]

    return replace(events, "signals", signals)


@bug("who signals is in conflict with who begins to wait", "liveness", "events", "orders")
def events_in_conflict_with_nothing() -> AbstractContextManager[Any]:
    """Leave events out of what a region has read."""

    def change(_: Any, commit: Commit) -> Commit:
        kept = [each for each in commit.reads if not _is_of_event(each)]
        return with_(commit, reads=kept)

    return change_commits(change)


def _is_of_event(read: KeyRange) -> bool:
    return read.begin[:1] == EVENTS.begin


@bug("a signal is part of its transaction", "reference", "events", "orders")
def signals_outside_their_transaction() -> AbstractContextManager[Any]:
    """Keep what an aborted transaction signalled."""
    original = Writes.rollback

    def rollback(self: Writes, mark: int) -> None:
        signalled = [each for each in self.since(mark) if _of_events(each)]
        original(self, mark)
        for each in signalled:
            self.add(each)

    return replace(Writes, "rollback", rollback)


@bug(
    "what was signalled is kept until the watermark passes it", "reference", "events", "orders", 10
)
def signals_forgotten_at_once() -> AbstractContextManager[Any]:
    """Forget every signal, whenever it was."""
    original = events.forget

    def forget(_latest: bytes, name: str = "retention") -> Steps:
        steps, answer = original(b"\xff", name), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration:
                return
            answer = yield effect
            if isinstance(effect, Read):
                answer = ([b"\xff"], answer[1])

    return replace(retention, "forget", forget)


@bug("a tree rests only if nobody has woken it", "liveness", "events", "orders", 10)
def trees_laid_to_rest_that_were_woken() -> AbstractContextManager[Any]:
    """Lay to rest whatever woke a tree since it looked."""
    original = alarms.rest

    def rest(asleep: Any, name: str = "rest") -> Steps:
        told = {root: changed(each, seen=2**62) for root, each in asleep.items()}
        steps, answer = original(told, name), None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration:
                return
            if isinstance(effect, Commit):
                effect = with_(effect, reads=[])
            answer = yield effect

    return replace(alarms, "rest", rest)
