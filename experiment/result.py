"""``result.json``: what a run measured and what was found, in the same form for every backend.

The format is versioned. A reader of version 1 may rely on every field below; fields
that are added later have defaults, and anything else makes a new version.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import own_files
from core.protocol import OURS
from experiment.outcome import Outcome, Sweep, Task, describe, first_reason
from experiment.record.histogram import Bucket, Histogram
from experiment.record.metrics import Metrics
from experiment.scenario.model import Fault, Scenario
from experiment.verdict import Verdict

__all__ = [
    "FORMAT",
    "SIMULATOR",
    "VERSION",
    "Failing",
    "FaultCount",
    "Latency",
    "Measurements",
    "Place",
    "ResultFile",
    "of_run",
    "of_sweep",
    "write",
]

FORMAT = "mu2sls-result"
VERSION = 1


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies in seconds; ``buckets`` in microseconds (:mod:`experiment.record.histogram`)."""

    count: int
    total: float
    mean: float
    lowest: float
    highest: float
    percentiles: dict[str, float]
    buckets: list[Bucket]


class Measurements(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and rates, as :mod:`experiment.record.metrics` has them; durations in seconds.

    :ivar seconds: how long the run took by its own clock, with the time to settle.
    :ivar times: seconds by what they were spent on, of all requests that were answered; the
        simulator knows it.
    :ivar aborted: tries at transactions, and at regions, that came to nothing and were made again.
    """

    sent: int
    succeeded: int
    raised: int
    failed: int
    unknown: int
    told: dict[str, int]
    in_time: int
    goodput: float
    load_seconds: float
    latency: Latency
    commits: int
    upkeep_commits: int
    refused_commits: dict[str, int]
    reads: int
    read_versions: int
    commits_per_request: float
    trips_per_request: float
    seconds: float = 0.0
    set_aside: dict[str, int] = {}
    aborted: int = 0
    times: dict[str, float] = {}


class FaultCount(msgspec.Struct, frozen=True, kw_only=True):
    """A declared fault and how often it struck."""

    kind: str
    description: str
    strikes: int


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A seed that does not hold, why, and the command that shows it again."""

    seed: int
    status: str
    reason: str
    command: str


class ResultFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file.

    :ivar backend: ``simulator``, ``local``, ``knative``.
    :ivar protocol: one of :data:`core.protocol.PROTOCOLS`.
    :ivar store: ``model`` (the simulator's), ``sqlite``, ``fdb``; empty if nobody said.
    :ivar durability: what the store does before it acknowledges a commit, in its own words
        (``synchronous=FULL``); empty where nothing is stored.
    :ivar seeds: those that were run; the measurements are added up over them.
    :ivar verdicts: the checks; for a sweep none, but ``failing`` names what does not hold.
    :ivar points: how often each crash point was passed, out of ``points_total`` that exist.
    :ivar not_injected: descriptions of the declared faults that the backend cannot inject.
    :ivar environment: what ran it (interpreter, machine), how long that took, and whatever
        else is worth knowing of the place, by name.
    """

    format: str = FORMAT
    version: int = VERSION
    backend: str
    protocol: str = OURS
    store: str = ""
    durability: str = ""
    status: str
    scenario: Scenario
    planted: str = ""
    seeds: list[int]
    measurements: Measurements
    faults: list[FaultCount]
    points: dict[str, int]
    points_total: int
    verdicts: list[Verdict]
    thresholds: list[Verdict]
    failing: list[Failing] = []
    command: str
    environment: dict[str, str | float]
    not_injected: list[str] = []


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run took place; the fields are those of :class:`ResultFile`.

    :ivar environment: what to add to what is known of every machine.
    """

    backend: str
    store: str
    durability: str = ""
    environment: Mapping[str, str | float] = field(default_factory=dict)


SIMULATOR = Place("simulator", "model")
"""In virtual time, on a modelled platform and store."""


def of_run(
    task: Task, scenario: Scenario, outcome: Outcome, place: Place = SIMULATOR
) -> ResultFile:
    """The result of one run."""
    return ResultFile(
        **_placed(place),
        protocol=task.protocol,
        status=outcome.status(scenario.faults),
        scenario=scenario,
        planted=task.planted,
        seeds=[outcome.seed],
        **_measured(scenario.faults, outcome.metrics),
        verdicts=outcome.checks,
        thresholds=outcome.thresholds,
        command=task.command(outcome.seed),
        not_injected=outcome.not_injected,
        environment=_environment(outcome.wall_seconds, place),
    )


def of_sweep(sweep: Sweep, place: Place = SIMULATOR) -> ResultFile:
    """The result of a sweep."""
    unsettled = [*sweep.with_status("fails"), *sweep.with_status("inconclusive")]
    return ResultFile(
        **_placed(place),
        protocol=sweep.task.protocol,
        status=sweep.status,
        scenario=sweep.scenario,
        planted=sweep.task.planted,
        seeds=[outcome.seed for outcome in sweep.outcomes],
        **_measured(sweep.scenario.faults, sweep.metrics),
        verdicts=[],
        thresholds=[],
        failing=[
            Failing(
                seed=outcome.seed,
                status=outcome.judged,
                reason=first_reason(outcome),
                command=sweep.task.command(outcome.seed),
            )
            for outcome in unsettled
        ],
        command=f"{sweep.task.command(sweep.scenario.seed)} --seeds {sweep.asked}",
        environment=_environment(sweep.wall_seconds, place),
    )


def _placed(place: Place) -> dict[str, Any]:
    return {"backend": place.backend, "store": place.store, "durability": place.durability}


def _measured(faults: Sequence[Fault], metrics: Metrics) -> dict[str, Any]:
    sent = metrics.sent or 1
    measurements = Measurements(
        sent=metrics.sent,
        succeeded=metrics.succeeded,
        raised=metrics.raised,
        failed=metrics.failed,
        unknown=metrics.unknown,
        told=metrics.told,
        in_time=metrics.in_time,
        goodput=metrics.goodput,
        load_seconds=metrics.load_seconds,
        latency=_latency(metrics.latency),
        commits=metrics.commits,
        upkeep_commits=metrics.upkeep,
        refused_commits=metrics.refused,
        reads=metrics.reads,
        read_versions=metrics.read_versions,
        commits_per_request=metrics.commits / sent,
        trips_per_request=metrics.trips / sent,
        seconds=metrics.virtual_seconds,
        set_aside=metrics.set_aside,
        aborted=metrics.aborted,
        times=metrics.times,
    )
    counts = [
        FaultCount(kind=fault.kind, description=describe(fault), strikes=strikes)
        for fault, strikes in zip(faults, metrics.strikes, strict=False)
    ]
    return {
        "measurements": measurements,
        "faults": counts,
        "points": metrics.passed,
        "points_total": metrics.points,
    }


def _latency(histogram: Histogram) -> Latency:
    percents = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
    return Latency(
        count=histogram.count,
        total=histogram.total,
        mean=histogram.mean,
        lowest=histogram.lowest if histogram.count else 0.0,
        highest=histogram.highest,
        percentiles={f"p{percent:g}": histogram.percentile(percent) for percent in percents},
        buckets=histogram.buckets(),
    )


def _environment(wall_seconds: float, place: Place) -> dict[str, str | float]:
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "wall_seconds": round(wall_seconds, 3),
        **place.environment,
    }


def write(path: Path, result: ResultFile) -> None:
    """Write a result file, whole or not at all.

    :raises OSError: it cannot be written, or there is another file.
    """
    own_files.write(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
