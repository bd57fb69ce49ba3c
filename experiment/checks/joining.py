"""Which commits and reads are one part of a transaction, where a transaction is many of them.

See :mod:`experiment.checks.parts`. A unit is named by its execution, its step and its try
(:mod:`core.popl23.access`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from core.layout import LOCKS, PARTS, part_of
from core.store import ClearRange, KeyRange, Set
from experiment.record.history import Committed, Unit

__all__ = [
    "PartId",
    "end_after",
    "ends_of",
    "execution_of",
    "joined",
    "part_ended",
    "part_read",
    "step_of",
    "within",
    "written",
]

PartId = tuple[bytes, bytes]
"""A transaction's id and a service's name."""


class Step(NamedTuple):
    """The name of a unit: who executed, at which step, for the which time."""

    execution: str
    step: int
    tries: int


def step_of(name: str) -> Step:
    """What the name of a unit says."""
    execution, step, tries = name.rsplit(".", 2)
    return Step(execution, int(step), int(tries))


def execution_of(name: str) -> str:
    """The name of the execution that a unit is of."""
    return step_of(name).execution


def within(section: KeyRange, key: bytes) -> bool:
    """Whether a key is of a section."""
    return section.begin <= key < section.end


def part_read(unit: Unit) -> PartId | None:
    """The part that a unit read the locks of."""
    return next((part_of(key)[:2] for key, _ in unit.reads if within(PARTS, key)), None)


def part_ended(commit: Committed) -> PartId | None:
    """The part that a commit ends."""
    for mutation in commit.mutations:
        if isinstance(mutation, ClearRange) and within(PARTS, mutation.begin):
            return part_of(mutation.begin)[:2]
    return None


def written(commit: Committed, section: KeyRange) -> Iterator[Set]:
    """What a commit sets in a section."""
    for mutation in commit.mutations:
        if isinstance(mutation, Set) and within(section, mutation.key):
            yield mutation


def ends_of(commits: Sequence[Committed]) -> dict[PartId, list[Committed]]:
    """The commits that end parts: several, if a part was begun anew."""
    ends: dict[PartId, list[Committed]] = defaultdict(list)
    for commit in commits:
        part = part_ended(commit)
        if part is not None:
            ends[part].append(commit)
    return ends


def end_after(ends: Sequence[Committed], version: int) -> Committed | None:
    """The first end from ``version`` on."""
    place = bisect_left(ends, version, key=lambda commit: commit.version)
    return ends[place] if place < len(ends) else None


def _counts(unit: Unit, part: PartId, committed: set[str]) -> bool:
    """Whether an access took place: its commit did, or there was nothing to commit."""
    holders = [value for key, value in unit.reads if within(LOCKS, key)]
    return unit.name in committed or (bool(holders) and all(each == part[0] for each in holders))


def joined(commits: Sequence[Committed], units: Mapping[str, Unit]) -> list[Committed]:
    """The commits, and with each that ends a part the units of its accesses."""
    ends = ends_of(commits)
    committed = {name for commit in commits for name in commit.units}
    more: dict[int, list[str]] = defaultdict(list)
    for unit in units.values():
        part = part_read(unit)
        if part is not None and part in ends and _counts(unit, part, committed):
            end = end_after(ends[part], unit.version)
            if end is not None:
                more[end.version].append(unit.name)
    return [
        replace(commit, units=(*commit.units, *more[commit.version]))
        if commit.version in more
        else commit
        for commit in commits
    ]
