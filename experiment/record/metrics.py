"""What a run measured: counts and latencies that can be added up over seeds.

Latency is counted from the moment a request was meant to start to the moment its
first answer arrived, retries included, for requests that were answered: a result
or an exception of the program's own. Goodput counts the answers that arrived
while there was load, per second of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.messages import Failed, Outcome, Raised
from experiment.record.histogram import Histogram
from experiment.scenario.model import Scenario, Threshold
from experiment.scenario.thresholds import exceeds, show_measured
from experiment.verdict import Status, Verdict

if TYPE_CHECKING:
    from experiment.record.run import Run

__all__ = ["Metrics", "load_seconds", "measure", "measured", "verdict"]


@dataclass(slots=True)
class Metrics:
    """Measurements of one run, or of several added up.

    :ivar sent: distinct requests; each is then one of ``succeeded``, ``raised`` (an exception
        of the program's own), ``failed`` (definitely) and ``unknown`` (indefinitely).
    :ivar in_time: how many were answered while there was load; ``quarters``: in each quarter of it.
    :ivar load_seconds: how long there was load.
    :ivar commits: all that the store applied; ``upkeep`` of them by recovery and retention.
    :ivar set_aside: how many were set aside, by ``Service.method`` and reason.
    :ivar told: what clients were told instead of a result: exceptions, kinds of failure.
    :ivar refused: commits that the store answered with an error, by its name.
    :ivar aborted: tries at transactions, and at regions, that came to nothing and were made again.
    :ivar times: seconds by what they were spent on, of all requests that were answered.
    :ivar reads: reads the store was asked for; ``read_versions`` likewise.
    :ivar strikes: how often each declared fault struck, in the scenario's order.
    :ivar passed: how often each crash point was passed; ``struck`` how often a fault struck there.
    :ivar points: how many crash points exist.
    """

    sent: int = 0
    succeeded: int = 0
    raised: int = 0
    failed: int = 0
    unknown: int = 0
    in_time: int = 0
    quarters: list[int] = field(default_factory=lambda: [0] * 4)
    load_seconds: float = 0.0
    virtual_seconds: float = 0.0
    latency: Histogram = field(default_factory=Histogram)
    commits: int = 0
    upkeep: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    aborted: int = 0
    times: dict[str, float] = field(default_factory=dict)
    reads: int = 0
    read_versions: int = 0
    strikes: list[int] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)
    points: int = 0

    @property
    def trips(self) -> int:
        """Store round trips of every kind."""
        return self.reads + self.read_versions + self.commits + sum(self.refused.values())

    @property
    def goodput(self) -> float:
        """Answers in time, per second of load."""
        return self.in_time / self.load_seconds if self.load_seconds else 0.0

    @property
    def kept(self) -> float:
        """The goodput in the last quarter of the load, relative to the best quarter's."""
        return self.quarters[-1] / max(self.quarters) if any(self.quarters) else 0.0

    def add(self, other: Metrics) -> None:
        """Add up with the measurements of another run of the same scenario."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency.merge(other.latency)
        for mine, others in (
            (self.set_aside, other.set_aside),
            (self.told, other.told),
            (self.refused, other.refused),
            (self.passed, other.passed),
            (self.struck, other.struck),
        ):
            for key, count in others.items():
                mine[key] = mine.get(key, 0) + count
        for kind, seconds in other.times.items():
            self.times[kind] = self.times.get(kind, 0.0) + seconds
        longest = max(len(self.strikes), len(other.strikes))
        pairs = zip(_padded(self.strikes, longest), _padded(other.strikes, longest), strict=True)
        self.strikes = [one + two for one, two in pairs]
        self.quarters = [a + b for a, b in zip(self.quarters, other.quarters, strict=True)]
        self.points = max(self.points, other.points)


_SUMS = (
    "sent",
    "succeeded",
    "raised",
    "failed",
    "unknown",
    "in_time",
    "load_seconds",
    "virtual_seconds",
    "commits",
    "upkeep",
    "aborted",
    "reads",
    "read_versions",
)


def _padded(numbers: list[int], length: int) -> list[int]:
    return numbers + [0] * (length - len(numbers))


def load_seconds(scenario: Scenario) -> float:
    """How long a scenario has load, in virtual seconds; 0 if it ends when it is worked off."""
    ends = []
    for load in scenario.load:
        lasts = load.duration or sum(stage.duration for stage in load.stages)
        ends.append(load.start + lasts if lasts else 0.0)
    end = max(ends, default=0.0)
    return min(end, scenario.duration) if end and scenario.duration else end


def measure(run: Run) -> Metrics:
    """The measurements of one run, without the closing retention that follows it.

    A request that was still open at the end is one whose outcome is unknown.
    """
    scenario, history = run.scenario, run.history
    commits = [commit for commit in history.commits if commit.time <= run.seconds]
    sent = len({each.id for each in history.sent})
    metrics = Metrics(
        sent=sent,
        unknown=sent - len(run.results),
        virtual_seconds=run.seconds,
        commits=len(commits),
        upkeep=sum(commit.request is None for commit in commits),
        refused=dict(history.refused_commits),
        aborted=history.aborted,
        times=dict(history.times),
        reads=history.reads,
        read_versions=history.read_versions,
        strikes=list(run.fault_strikes),
        passed={point: count for point, count in history.points.items() if count},
        points=run.points_total,
    )
    for note in run.set_aside.values():
        what = f"{note.origin.service}.{note.origin.method}: {note.reason}"
        metrics.set_aside[what] = metrics.set_aside.get(what, 0) + 1
    for fault in history.faults:
        if fault.where in history.points:
            metrics.struck[fault.where] = metrics.struck.get(fault.where, 0) + 1
    end = load_seconds(scenario) or max((each.finished for each in run.results), default=0.0)
    metrics.load_seconds = end - min((load.start for load in scenario.load), default=0.0)
    _count_results(run, metrics, end)
    return metrics


def _count_results(run: Run, metrics: Metrics, end: float) -> None:
    last = {answer.id: answer.outcome for answer in run.history.answers}
    answers = {
        each.id: each.outcome
        for each in run.history.answers
        if not isinstance(each.outcome, Failed)
    }
    for result in run.results:
        if result.status != "succeeded":
            name = _name(answers.get(result.id) or last.get(result.id))
            metrics.told[name] = metrics.told.get(name, 0) + 1
        if result.status in ("succeeded", "raised"):
            metrics.latency.record(result.finished - result.intended)
            if result.finished <= end:
                metrics.in_time += 1
                metrics.quarters[_quarter(end - result.finished, metrics.load_seconds)] += 1
        if result.status == "succeeded":
            metrics.succeeded += 1
        elif result.status == "raised":
            metrics.raised += 1
        elif result.status == "definite":
            metrics.failed += 1
        else:
            metrics.unknown += 1


def _quarter(left: float, lasts: float) -> int:
    """The quarter, from 0, of a load that lasts so long, when so many seconds of it are left."""
    return 3 - min(int(4 * left / lasts), 3) if lasts else 0


def _name(outcome: Outcome | None) -> str:
    """What a client was told, in a word."""
    if isinstance(outcome, Raised):
        return outcome.type.rpartition(".")[2]
    return outcome.kind if isinstance(outcome, Failed) else "no answer"


def measured(threshold: Threshold, metrics: Metrics) -> float | None:
    """The value that a threshold bounds; None if nothing was measured."""
    if threshold.metric == "latency":
        return _latency(threshold.aggregate, metrics.latency)
    if threshold.metric == "goodput":
        if not metrics.load_seconds:
            return None
        return metrics.kept if threshold.aggregate == "kept" else metrics.goodput
    if not metrics.sent:
        return None
    if threshold.metric == "failed":
        failed = metrics.failed + metrics.unknown
        return failed if threshold.aggregate == "count" else failed / metrics.sent
    total = metrics.commits if threshold.metric == "commits_per_request" else metrics.trips
    return total / metrics.sent


def _latency(aggregate: str, latency: Histogram) -> float | None:
    if not latency.count:
        return None
    if aggregate == "avg":
        return latency.mean
    if aggregate == "min":
        return latency.lowest
    if aggregate == "max":
        return latency.highest
    return latency.percentile(50 if aggregate == "med" else float(aggregate[2:-1]))


def verdict(threshold: Threshold, metrics: Metrics, *, modelled: bool = True) -> Verdict:
    """Whether the measurements keep the threshold.

    :param modelled: whether the platform was a model.
    """
    name = f"{threshold.metric} {threshold.text}"
    if threshold.modelled and not modelled:
        return Verdict(name, "not applicable", "it bounds the modelled platform only")
    value = measured(threshold, metrics)
    if value is None:
        return Verdict(name, "inconclusive", "nothing was measured")
    status: Status = "fails" if exceeds(threshold, value) else "holds"
    return Verdict(name, status, f"measured {show_measured(threshold, value)}")
