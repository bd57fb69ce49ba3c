"""Shrinking: the fewest strikes that still make a seed fail.

Every strike of a failing run is known by its fault and the number of its
opportunity. Replayed by number (``nth``), each strike does what it did, so strikes can be
left out and the run repeated, in three steps:

1. The shortest beginning: without the strikes after some moment the run is the same up to
   it, so the first failure is found by halving.
2. The shorter run: load that comes after the last strike only costs time.
3. Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
   input", 2002) finds a set of strikes of which none can be left out. What comes after a
   strike that was left out goes another way than before, so the set is one of several.

Only the checks that failed are made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from experiment.load.arrivals import load_end
from experiment.outcome import Outcome
from experiment.preparation import Prepared
from experiment.scenario.model import Check, Fault, Platform, Scenario
from experiment.scenario.platform import PROFILES
from experiment.scenario.quantities import show_duration
from sim.execution import execute

__all__ = ["Shrunk", "Strike", "minimal", "shortest", "shrink", "with_strikes", "write_scenario"]

_T = TypeVar("_T")
Strike = tuple[int, int]
"""A fault's place in the scenario, and the opportunity at which it strikes."""
_NEVER = 10**9
"""An opportunity that never comes."""
_AFTERWARDS = 1
"""Seconds of load after the last strike, when it is shortened."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The fewest strikes found.

    :ivar before: how many strikes the run had.
    :ivar strikes: those that are needed; empty if it fails without any.
    :ivar scenario: with those strikes, and only the faults ``kept`` of the original's.
    :ivar outcome: what came out of it.
    :ivar runs: how many runs it took.
    :ivar interrupted: whether somebody stopped it before it was at its end.
    """

    before: int
    strikes: list[Strike]
    scenario: Scenario
    kept: list[int]
    outcome: Outcome
    runs: int
    interrupted: bool = False

    @property
    def needed(self) -> list[Fault]:
        """The faults that strike."""
        return [fault for fault in self.scenario.faults if fault.nth != [_NEVER]]


def shortest(items: Sequence[_T], fails: Callable[[Sequence[_T]], bool]) -> list[_T]:
    """A beginning of ``items`` that fails, the shortest if every longer one does, too.

    ``items`` as a whole must fail.
    """
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if fails(items[:middle]):
            high = middle
        else:
            low = middle + 1
    return list(items[:high])


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
    """The scenario whose faults strike at exactly these opportunities.

    A fault without any is aimed at an opportunity that never comes; what is random about a
    fault's strikes depends on its place in the list, so it must not simply be left out.
    """
    faults = []
    for index, fault in enumerate(scenario.faults):
        nth = sorted(number for where, number in strikes if where == index)
        faults.append(_exactly(fault, nth or [_NEVER]))
    return msgspec.structs.replace(scenario, faults=faults)


def _exactly(fault: Fault, nth: list[int]) -> Fault:
    return msgspec.structs.replace(
        fault, nth=nth, probability=1.0, schedule=0.0, start=0.0, limit=0
    )


def shrink(
    prepared: Prepared, failing: Outcome, told: Callable[[int, int], None] = lambda *_: None
) -> Shrunk | None:
    """The fewest strikes with which the seed fails as it did, by one of the same checks.

    Interrupted, it returns the fewest found by then.

    :param told: called before each run with the number of runs so far and of strikes tried.
    :returns: None if the failure cannot be had again from its strikes alone.
    """
    attempts = _Attempts(prepared, failing, told)
    if not attempts.fails(failing.strikes):
        return None
    try:
        shortest(failing.strikes, attempts.fails)
        attempts.shorten()
        minimal(attempts.strikes, attempts.fails)
        return attempts.result(len(failing.strikes))
    except KeyboardInterrupt:
        return attempts.result(len(failing.strikes), interrupted=True)


class _Attempts:
    """The runs of one shrinking.

    :ivar strikes: those of the last run that failed.
    """

    def __init__(
        self, prepared: Prepared, failing: Outcome, told: Callable[[int, int], None]
    ) -> None:
        self._prepared = prepared
        self._scenario = msgspec.structs.replace(prepared.scenario, seed=failing.seed)
        self._names = _failures(failing)
        self._told = told
        self._runs = 0
        self._outcome = failing
        self._last_strike = 0.0
        self.strikes: list[Strike] = []

    def fails(self, strikes: Sequence[Strike]) -> bool:
        """Whether the scenario fails as it did with these strikes alone."""
        if not self._run(with_strikes(self._scenario, strikes), len(strikes)):
            return False
        self.strikes = list(strikes)
        return True

    def shorten(self) -> None:
        """End the load soon after the last strike, if it fails then, too."""
        scenario, end = self._scenario, float(ceil(self._last_strike) + _AFTERWARDS)
        starts = [load.start for load in scenario.load]
        if not self.strikes or end <= max(starts) or end >= (scenario.duration or self._load_end):
            return
        shorter = msgspec.structs.replace(scenario, duration=end)
        if self._run(with_strikes(shorter, self.strikes), len(self.strikes)):
            self._scenario = shorter

    @property
    def _load_end(self) -> float:
        """When the load is over, if it is known before the run."""
        ends = [load_end(load) for load in self._scenario.load]
        return max(ends) if all(ends) else inf

    def result(self, before: int, interrupted: bool = False) -> Shrunk:
        """The strikes that failed last, without the faults that need not strike if possible."""
        scenario = with_strikes(self._scenario, self.strikes)
        every = list(range(len(scenario.faults)))
        kept = sorted({index for index, _ in self.strikes})
        fewer = msgspec.structs.replace(scenario, faults=[scenario.faults[i] for i in kept])
        if kept == every or (not interrupted and self._run(fewer, len(self.strikes))):
            scenario, every = fewer, kept
        return Shrunk(before, self.strikes, scenario, every, self._outcome, self._runs, interrupted)

    def _run(self, scenario: Scenario, strikes: int) -> bool:
        self._told(self._runs, strikes)
        self._runs += 1
        done, outcome = execute(self._prepared, scenario, only=self._names)
        if self._names.isdisjoint(_failures(outcome)):
            return False
        self._outcome = outcome
        self._last_strike = max((strike.time for strike in done.history.faults), default=0.0)
        return True


def _failures(outcome: Outcome) -> set[str]:
    verdicts = (*outcome.checks, *outcome.thresholds)
    return {verdict.name for verdict in verdicts if verdict.status == "fails"}


def write_scenario(path: Path, shrunk: Shrunk) -> None:
    """Write the scenario with the fewest strikes, with the comments of the original file.

    :raises OSError: the file cannot be read, or the new one not written.
    """
    yaml = YAML()
    scenario = shrunk.scenario
    with open(scenario.file, encoding="utf-8") as file:
        content: Any = yaml.load(file)
    content["seed"] = scenario.seed
    content["app"] = scenario.app
    if scenario.duration:
        content["duration"] = show_duration(scenario.duration)
    _name_profile(content, scenario.platform.profile, path)
    content["check"] = [_written(check) for check in scenario.check]
    written = content.get("faults") or []
    for index in reversed(range(len(written))):
        if index not in shrunk.kept:
            del written[index]
    if not written:
        content.pop("faults", None)
    for fault, exact in zip(written, scenario.faults, strict=True):
        for key in ("probability", "schedule", "start", "limit"):
            fault.pop(key, None)
        nth = CommentedSeq(exact.nth)
        nth.fa.set_flow_style()
        fault["nth"] = nth
    with open(path, "w", encoding="utf-8") as file:
        yaml.dump(content, file)


def _name_profile(content: Any, profile: str, path: Path) -> None:
    """Let a scenario's content, which will stand in the file ``path``, begin with a profile."""
    platform = content.get("platform") or {}
    if profile not in PROFILES:
        profile = os.path.join(".", os.path.relpath(profile, path.parent))
    if profile != platform.get("profile", Platform().profile):
        platform["profile"] = profile
        content["platform"] = platform


def _written(check: Check) -> str | dict[str, str]:
    return {"invariant": check.invariant} if check.invariant else check.name
