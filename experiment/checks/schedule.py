"""Schedules: each tick that time asks for is started once, when it has come, and none is skipped.

What the store was told of a schedule is a chain: each commit that moves it on says which tick is
next, and starts those that have come since the commit before, each as a request that nobody else
starts:

* the tick that was next, and all further ones where all of them count;
* what is next then is a tick of the schedule. Of two clocks that move alike, the one that the
  commits were noted by and the one that the ticks come by, it follows that there is one distance
  at which every tick had come when it was started, and none that was to be next had.

What becomes of a tick from there on is said by the other oracles: it is a request like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from core.layout import RESTING, root_of, schedule_key
from core.program import Schedule
from core.schedules import LATE_NS, Kept, decode_kept
from core.store import Mutation, Set
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, count, judge

__all__ = ["schedule"]

_SLACK_NS = 10**9
"""How far the clocks of those who keep the time may be apart."""


class _Step(NamedTuple):
    """A commit that says what the store is to hold of a schedule; ``time`` is in nanoseconds."""

    time: int
    kept: Kept
    roots: list[bytes]

    def __str__(self) -> str:
        return f"the commit at {self.time / 1e9:.3f} s"


def schedule(subject: Subject) -> Verdict:
    """Check that time asked for each tick once, and when."""
    evidence: list[str] = []
    begun: dict[bytes, _Step] = {}
    for each in subject.program.schedules:
        steps = list(_steps(subject, each))
        for step in steps:
            for root in step.roots:
                before = begun.setdefault(root, step)
                if before is not step:
                    evidence.append(f"{each.name}: {step} starts what {before} had started")
        evidence += _links(each, steps)
    beside = len(subject.ticks - begun.keys())
    if beside:
        evidence.append(f"{count(beside, 'tick')} started without moving a schedule on")
    examined = {"schedule": len(subject.program.schedules), "tick": len(begun)}
    if not begun and not evidence:
        return Verdict("schedule", "inconclusive", "no tick has come: the run is too short")
    return judge("schedule", examined, evidence)


def _steps(subject: Subject, each: Schedule) -> Iterator[_Step]:
    key = schedule_key(each.name)
    for commit in subject.commits:
        for mutation in commit.mutations:
            if isinstance(mutation, Set) and mutation.key == key:
                roots = _started(commit.mutations)
                yield _Step(int(commit.time * 1e9), decode_kept(mutation.value), roots)


def _started(mutations: list[Mutation]) -> list[bytes]:
    sets = (each.key for each in mutations if isinstance(each, Set))
    return list(dict.fromkeys(root_of(key) for key in sets if RESTING.begin <= key < RESTING.end))


def _links(each: Schedule, steps: list[_Step]) -> Iterator[str]:
    """What is wrong between one commit and the next that move a schedule on."""
    come: tuple[int, _Step] | None = None
    to_come: tuple[int, _Step] | None = None
    for before, step in pairwise(steps):
        due, following = before.kept.due, step.kept.due
        wanted = 1 if before.kept.triggered else 0
        if not due or before.kept.shown != step.kept.shown:
            continue  # it begins anew
        if due == following:
            if len(step.roots) > wanted:
                yield f"{each.name}: {step} starts a tick, and leaves it for others to start"
            continue
        ticks = [due]
        while (after := each.after(ticks[-1])) < following:
            ticks.append(after)
        if after != following or following < due:
            yield f"{each.name}: {step} makes something the next tick that is none"
            continue
        wanted += len(ticks) if each.catch_up == "all" else 1
        missed = each.catch_up == "none" and ticks[-1] - due > LATE_NS - _SLACK_NS
        if len(step.roots) != wanted and not missed:
            begins, comes = count(len(step.roots), "tick"), count(wanted, "tick")
            yield f"{each.name}: {step} starts {begins}, but {comes} had come"
        if come is None or ticks[-1] - step.time > come[0]:
            come = ticks[-1] - step.time, step
        if to_come is None or following - step.time < to_come[0]:
            to_come = following - step.time, step
    if come is not None and to_come is not None and come[0] > to_come[0] + _SLACK_NS:
        late = (come[0] - to_come[0]) / 1e9
        yield (
            f"{each.name}: by {come[1]} a tick had come that, by the time of {to_come[1]}, had "
            f"{late:.1f} s to go"
        )
