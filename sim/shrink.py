"""Shrinking: the fewest strikes that still make a seed fail.

Every strike of a failing run is known by its fault and the number of its
opportunity. Replayed by number (``nth``), each strike does what it did, so strikes can be
left out and the run repeated: delta debugging (Zeller and Hildebrandt, "Simplifying and
isolating failure-inducing input", 2002) finds a set of which none can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from sim.execution import Prepared, execute
from sim.outcome import Outcome
from sim.scenario import Fault, Scenario

__all__ = ["Shrunk", "Strike", "minimal", "shrink", "with_strikes", "write_scenario"]

_T = TypeVar("_T")
Strike = tuple[int, int]
"""A fault's place in the scenario, and the opportunity at which it strikes."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The fewest strikes found.

    :ivar before: how many strikes the run had.
    :ivar strikes: those that are needed; empty if it fails without any.
    :ivar scenario: with those strikes, and only the faults ``kept`` of the original's.
    :ivar outcome: what came out of it.
    :ivar runs: how many runs it took.
    """

    before: int
    strikes: list[Strike]
    scenario: Scenario
    kept: list[int]
    outcome: Outcome
    runs: int


def minimal(items: Sequence[_T], fails: Callable[[Sequence[_T]], bool]) -> list[_T]:
    """A part of ``items`` that fails and of which no single item can be left out.

    ``items`` as a whole must fail.
    """
    if fails([]):
        return []
    kept, parts = list(items), 2
    while len(kept) > 1:
        parts = min(parts, len(kept))
        for without in _complements(kept, parts):
            if fails(without):
                kept, parts = without, max(parts - 1, 2)
                break
        else:
            if parts == len(kept):
                break
            parts *= 2
    return kept


def _complements(items: list[_T], parts: int) -> list[list[_T]]:
    """``items`` without one of ``parts`` nearly equal parts, for each of them."""
    cuts = [len(items) * part // parts for part in range(parts + 1)]
    return [items[:begin] + items[end:] for begin, end in pairwise(cuts)]


def with_strikes(scenario: Scenario, strikes: Sequence[Strike]) -> Scenario:
    """The scenario whose faults strike at exactly these opportunities."""
    faults = []
    for index, fault in enumerate(scenario.faults):
        nth = sorted(number for where, number in strikes if where == index)
        faults.append(_exactly(fault, nth))
    return msgspec.structs.replace(scenario, faults=faults)


def _exactly(fault: Fault, nth: list[int]) -> Fault:
    probability = 1.0 if nth else 0.0
    return msgspec.structs.replace(
        fault, nth=nth, probability=probability, schedule=0.0, start=0.0, limit=0
    )


def shrink(
    prepared: Prepared, failing: Outcome, told: Callable[[int, int], None] = lambda *_: None
) -> Shrunk | None:
    """The fewest strikes with which the seed fails as it did, by one of the same checks.

    :param told: called before each run with the number of runs so far and of strikes tried.
    :returns: None if the failure cannot be had again from its strikes alone.
    """
    attempts = _Attempts(prepared, failing, told)
    if not attempts.fails(failing.strikes):
        return None
    minimal(failing.strikes, attempts.fails)
    return attempts.result(len(failing.strikes))


class _Attempts:
    """The runs of one shrinking, and the last that failed."""

    def __init__(
        self, prepared: Prepared, failing: Outcome, told: Callable[[int, int], None]
    ) -> None:
        self._prepared = prepared
        self._scenario = msgspec.structs.replace(prepared.scenario, seed=failing.seed)
        self._names = _failures(failing)
        self._told = told
        self._runs = 0
        self._strikes: list[Strike] = []
        self._outcome = failing

    def fails(self, strikes: Sequence[Strike]) -> bool:
        """Whether the scenario fails as it did with these strikes alone."""
        if not self._run(with_strikes(self._scenario, strikes), len(strikes)):
            return False
        self._strikes = list(strikes)
        return True

    def result(self, before: int) -> Shrunk:
        """The strikes that failed last, without the faults that need not strike if possible."""
        scenario = with_strikes(self._scenario, self._strikes)
        every = list(range(len(scenario.faults)))
        kept = [index for index in every if scenario.faults[index].nth]
        fewer = msgspec.structs.replace(scenario, faults=[scenario.faults[i] for i in kept])
        if kept == every or self._run(fewer, len(self._strikes)):
            scenario, every = fewer, kept
        return Shrunk(before, self._strikes, scenario, every, self._outcome, self._runs)

    def _run(self, scenario: Scenario, strikes: int) -> bool:
        self._told(self._runs, strikes)
        self._runs += 1
        _, outcome = execute(self._prepared, scenario)
        if self._names.isdisjoint(_failures(outcome)):
            return False
        self._outcome = outcome
        return True


def _failures(outcome: Outcome) -> set[str]:
    verdicts = (*outcome.checks, *outcome.thresholds)
    return {verdict.name for verdict in verdicts if verdict.status == "fails"}


def write_scenario(path: Path, shrunk: Shrunk) -> None:
    """Write the scenario with the fewest strikes, with the comments of the original file.

    A fault that need not strike but is needed, because a fault's place in the list seeds what
    is random about its strikes, is aimed at an opportunity that never comes.

    :raises OSError: the file cannot be read, or the new one not written.
    """
    yaml = YAML()
    scenario = shrunk.scenario
    with open(scenario.file, encoding="utf-8") as file:
        content: Any = yaml.load(file)
    content["seed"] = scenario.seed
    content["app"] = scenario.app
    written = content.get("faults") or []
    for index in reversed(range(len(written))):
        if index not in shrunk.kept:
            del written[index]
    if not written:
        content.pop("faults", None)
    for fault, exact in zip(written, scenario.faults, strict=True):
        for key in ("probability", "schedule", "start", "limit"):
            fault.pop(key, None)
        nth = CommentedSeq(exact.nth or [_NEVER])
        nth.fa.set_flow_style()
        fault["nth"] = nth
    with open(path, "w", encoding="utf-8") as file:
        yaml.dump(content, file)


_NEVER = 10**9
