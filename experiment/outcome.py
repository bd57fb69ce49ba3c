"""What came out of a run, or of a sweep over many seeds, and the verdict on it.

======  ==============  ==========================================================
exit    status          when
======  ==============  ==========================================================
0       holds           every check and threshold holds, every fault struck
1       fails           a check or a threshold fails
3       inconclusive    nothing fails, but a check could not be made or a declared
                        fault never struck (in a sweep: in none of the seeds)
======  ==============  ==========================================================
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.protocol import OURS
from experiment.record.metrics import Metrics
from experiment.scenario.model import Fault, Scenario
from experiment.scenario.quantities import show_duration
from experiment.verdict import Status, Verdict

__all__ = ["EXIT", "Outcome", "Sweep", "Task", "describe", "first_reason", "unstruck"]

EXIT: dict[Status, int] = {"holds": 0, "fails": 1, "inconclusive": 3}
"""The exit status of each verdict; 2 is for bad input, 130 for an interrupted command."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the command line asks to be run.

    :ivar app: takes the place of the scenario's application, if not empty.
    :ivar planted: a bug to plant in the protocol, if not empty.
    :ivar faultless: whether the scenario runs without its faults.
    :ivar protocol: one of :data:`core.protocol.PROTOCOLS`.
    :ivar profile: takes the place of the scenario's platform profile, if not empty.
    :ivar unchecked: whether the run is measured only, and not judged.
    :ivar stand_ins: whether the workload's functions stand in for outside functions.
    :ivar module: what ``python -m`` runs it with, and its command if it has several.
    """

    file: str
    app: str = ""
    planted: str = ""
    faultless: bool = False
    protocol: str = OURS
    module: str = "sim"
    profile: str = ""
    unchecked: bool = False
    stand_ins: bool = True

    def command(self, seed: int) -> str:
        """The command line that runs this with ``seed``."""
        words = ["python", "-m", *self.module.split(), self.file, "--seed", str(seed)]
        words += ["--app", self.app] if self.app else []
        words += ["--planted", self.planted] if self.planted else []
        words += ["--stand-ins"] if self.stand_ins and self.module != "sim" else []
        words += ["--protocol", self.protocol] if self.protocol != OURS else []
        words += ["--profile", self.profile] if self.profile else []
        words += ["--faults", "none"] if self.faultless else []
        words += ["--unchecked"] if self.unchecked else []
        return shlex.join(words)


@dataclass(slots=True)
class Outcome:
    """What came out of one run.

    :ivar not_injected: descriptions of the declared faults that this platform cannot inject.
    :ivar error: why the run itself broke off, if it did; then nothing else is known.
    :ivar strikes: every strike as (fault, opportunity), for shrinking.
    """

    seed: int
    metrics: Metrics = field(default_factory=Metrics)
    checks: list[Verdict] = field(default_factory=list)
    thresholds: list[Verdict] = field(default_factory=list)
    strikes: list[tuple[int, int]] = field(default_factory=list)
    wall_seconds: float = 0.0
    not_injected: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def judged(self) -> Status:
        """The verdict on checks and thresholds, whatever the faults did."""
        if self.error:
            return "inconclusive"
        statuses = [verdict.status for verdict in (*self.checks, *self.thresholds)]
        for status in ("fails", "inconclusive"):
            if status in statuses:
                return status
        return "holds"

    def status(self, faults: Sequence[Fault]) -> Status:
        """The verdict on the run, as the table of this module has it."""
        judged = self.judged
        if judged == "holds" and unstruck(faults, self.metrics):
            return "inconclusive"
        return judged


@dataclass(slots=True)
class Sweep:
    """What came out of many seeds.

    :ivar asked: how many seeds there were to be.
    :ivar interrupted: whether somebody stopped it before all were run.
    :ivar outcomes: of those that were run, in the order of the seeds.
    :ivar metrics: all of theirs added up.
    """

    scenario: Scenario
    task: Task
    asked: int
    outcomes: list[Outcome] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    wall_seconds: float = 0.0
    interrupted: bool = False

    def add(self, outcome: Outcome) -> None:
        """Take in one more seed, in any order."""
        self.outcomes.append(outcome)
        self.outcomes.sort(key=lambda each: each.seed)
        self.metrics.add(outcome.metrics)

    def with_status(self, status: Status) -> list[Outcome]:
        """The seeds whose checks and thresholds came to ``status``."""
        return [outcome for outcome in self.outcomes if outcome.judged == status]

    @property
    def status(self) -> Status:
        """The verdict on the sweep, as the table of this module has it."""
        if self.with_status("fails"):
            return "fails"
        complete = len(self.outcomes) == self.asked and not self.with_status("inconclusive")
        if not complete or unstruck(self.scenario.faults, self.metrics):
            return "inconclusive"
        return "holds"


def unstruck(faults: Sequence[Fault], metrics: Metrics) -> list[str]:
    """Descriptions of the declared faults that never struck."""
    strikes = metrics.strikes + [0] * (len(faults) - len(metrics.strikes))
    return [
        f"fault {number} ({describe(fault)})"
        for number, (fault, struck) in enumerate(zip(faults, strikes, strict=False), 1)
        if not struck
    ]


def describe(fault: Fault) -> str:
    """A fault in a few words: ``crash at after_commit of Hotel.reserve, 2%``."""
    words = [fault.kind]
    if fault.error:
        words.append(fault.error)
    if fault.at:
        words.append(f"at {fault.at}")
    if fault.between:
        words.append(f"between {' and '.join(fault.between)}")
    aim = ".".join(filter(None, (fault.selector.service, fault.selector.method)))
    if aim:
        words.append(f"of {aim}")
    if fault.nth:
        when = f"nth {fault.nth}"
    elif fault.schedule:
        when = f"every {show_duration(fault.schedule)}"
    else:
        when = f"{fault.probability * 100:g}%"
    return f"{' '.join(words)}, {when}"


def first_reason(outcome: Outcome) -> str:
    """One line on why the run does not hold: the check and the first thing it saw."""
    if outcome.error:
        return f"the run broke off: {outcome.error}"
    for status in ("fails", "inconclusive"):
        for verdict in (*outcome.checks, *outcome.thresholds):
            if verdict.status == status:
                seen = verdict.evidence[0] if verdict.evidence else verdict.detail
                return f"{verdict.name} {status}: {' '.join(seen.split())}"
    return ""
