"""Shrinking: the fewest strikes, requests and users that still make a seed fail.

Every strike of a failing run is known by its fault and the number of its
opportunity. Replayed by number (``nth``), each strike does what it did, so strikes can be
left out and the run repeated, in five steps:

1. The shortest beginning: without the strikes after some moment the run is the same up to
   it, so the first failure is found by halving.
2. The shorter run: load that comes after the last strike only costs time.
3. The fewest requests: the first so many of each load are the same as before, so halving
   finds how many it takes.
4. Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
   input", 2002) finds a set of strikes of which none can be left out. What comes after a
   strike that was left out goes another way than before, so the set is one of several.
5. The fewest users, and once more the fewest requests that those need.

No step makes a run larger. Users who are not held up by strikes ask more often, so no load may
send more requests than it did in the last run that failed.

Only the checks that failed are made again.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from experiment.load.arrivals import load_end
from experiment.outcome import Outcome
from experiment.preparation import Prepared
from experiment.scenario.load import CLOSED, SCRIPT
from experiment.scenario.model import Check, Fault, Load, Platform, Scenario
from experiment.scenario.platform import profile_names
from experiment.scenario.quantities import show_duration
from own_files import MARK, write
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
    :ivar requests: how many requests the run had, and how many are left.
    :ivar scenario: with those strikes, and only the faults ``kept`` of the original's.
    :ivar outcome: what came out of it.
    :ivar runs: how many runs it took.
    :ivar interrupted: whether somebody stopped it before it was at its end.
    """

    before: int
    strikes: list[Strike]
    requests: tuple[int, int]
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
    return replace(scenario, faults=faults)


def _exactly(fault: Fault, nth: list[int]) -> Fault:
    return replace(fault, nth=nth, probability=1.0, schedule=0.0, start=0.0, limit=0)


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
        attempts.fewer_requests()
        minimal(attempts.strikes, attempts.fails)
        attempts.fewer_users()
        attempts.fewer_requests()
        return attempts.result(len(failing.strikes))
    except KeyboardInterrupt:
        return attempts.result(len(failing.strikes), interrupted=True)


class _Attempts:
    """The runs of one shrinking.

    :ivar strikes: those of the last run that failed.
    :ivar requests: how many each load sent in it, by the load's name.
    """

    def __init__(
        self, prepared: Prepared, failing: Outcome, told: Callable[[int, int], None]
    ) -> None:
        self._prepared = prepared
        self._scenario = replace(prepared.scenario, seed=failing.seed)
        self._names = _failures(failing)
        self._told = told
        self._runs = 0
        self._outcome = failing
        self._last_strike = 0.0
        self._at_first = 0
        self.strikes: list[Strike] = []
        self.requests: Counter[str] = Counter()

    def fails(self, strikes: Sequence[Strike]) -> bool:
        """Whether the scenario fails as it did with these strikes alone."""
        if not self._run(with_strikes(self._scenario, strikes), len(strikes)):
            return False
        self.strikes = list(strikes)
        return True

    def fewer_requests(self) -> None:
        """Leave out the last requests of each load, as many as it fails without."""
        for load in list(self._scenario.load):
            low, high = 0, self.requests[load.name]
            while low < high:
                middle = (low + high) // 2
                if self._fails_with(load.name, iterations=middle):
                    high = middle
                else:
                    low = middle + 1

    def fewer_users(self) -> None:
        """Leave out users of each load, as many as it fails without."""
        for load in list(self._scenario.load):
            low, high = 1, max([load.vus, *(ceil(stage.target) for stage in load.stages)])
            while load.executor in CLOSED and low < high:
                middle = (low + high) // 2
                stages = [replace(s, target=min(s.target, middle)) for s in load.stages]
                if self._fails_with(load.name, vus=min(load.vus, middle), stages=stages):
                    high = middle
                else:
                    low = middle + 1

    def _fails_with(self, name: str, **changes: Any) -> bool:
        """Whether it fails with the load ``name`` changed, or left out if it has no requests."""
        loads = [
            replace(load, **changes) if load.name == name else load
            for load in self._bounded(self._scenario).load
        ]
        left = [load for load in loads if load.iterations]
        if not left:
            return False
        smaller = replace(self._scenario, load=left)
        if not self._run(with_strikes(smaller, self.strikes), len(self.strikes)):
            return False
        self._scenario = smaller
        return True

    def _bounded(self, scenario: Scenario) -> Scenario:
        """The scenario, with no more requests in any load than it sent last."""
        sent = self.requests
        loads = [
            replace(load, iterations=min(load.iterations or sent[load.name], sent[load.name]))
            for load in scenario.load
            if sent[load.name]
        ]
        return replace(scenario, load=loads) if loads else scenario

    def shorten(self) -> None:
        """End the load soon after the last strike, if it fails then, too."""
        scenario, end = self._scenario, float(ceil(self._last_strike) + _AFTERWARDS)
        starts = [load.start for load in scenario.load]
        if not self.strikes or end <= max(starts) or end >= (scenario.duration or self._load_end):
            return
        shorter = replace(scenario, duration=end)
        if self._run(with_strikes(shorter, self.strikes), len(self.strikes)):
            self._scenario = shorter

    @property
    def _load_end(self) -> float:
        """When the load is over, if it is known before the run."""
        ends = [load_end(load) for load in self._scenario.load]
        return max(ends) if all(ends) else inf

    def result(self, before: int, interrupted: bool = False) -> Shrunk:
        """The strikes that failed last, without the faults that need not strike if possible."""
        scenario = with_strikes(self._bounded(self._scenario), self.strikes)
        every = list(range(len(scenario.faults)))
        kept = sorted({index for index, _ in self.strikes})
        fewer = replace(scenario, faults=[scenario.faults[i] for i in kept])
        if kept == every or (not interrupted and self._run(fewer, len(self.strikes))):
            scenario, every = fewer, kept
        requests = (self._at_first, self.requests.total())
        return Shrunk(
            before, self.strikes, requests, scenario, every, self._outcome, self._runs, interrupted
        )

    def _run(self, scenario: Scenario, strikes: int) -> bool:
        self._told(self._runs, strikes)
        self._runs += 1
        done, outcome = execute(self._prepared, self._bounded(scenario), only=self._names)
        if self._names.isdisjoint(_failures(outcome)):
            return False
        self._outcome = outcome
        self.requests = Counter(each.load for each in done.results)
        self._at_first = self._at_first or self.requests.total()
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
    content["load"] = [
        _with_bounds(load, found)
        for index, load in enumerate(content["load"])
        for found in scenario.load
        if found.name == load.get("name", f"load-{index + 1}")
    ]
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
    text = io.StringIO()
    yaml.dump(content, text)
    head = "" if MARK in text.getvalue() else f"# {MARK}\n"
    write(path, head + text.getvalue())


def _with_bounds(content: Any, load: Load) -> Any:
    """A load's content with the requests and users that are left."""
    content["name"] = load.name
    if load.iterations:
        content["iterations"] = load.iterations
    if load.vus and load.executor != SCRIPT:
        content["vus"] = load.vus
    for written, stage in zip(content.get("stages", ()), load.stages, strict=True):
        if load.executor in CLOSED:
            written["target"] = int(stage.target)
    return content


def _name_profile(content: Any, profile: str, path: Path) -> None:
    """Let a scenario's content, which will stand in the file ``path``, begin with a profile."""
    platform = content.get("platform") or {}
    if profile not in profile_names():
        profile = os.path.join(".", os.path.relpath(profile, path.parent))
    if profile != platform.get("profile", Platform().profile):
        platform["profile"] = profile
        content["platform"] = platform


def _written(check: Check) -> str | dict[str, str]:
    return {"invariant": check.invariant} if check.invariant else check.name
