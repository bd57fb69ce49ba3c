"""One point of a line: the scenario that is run, the command that runs it, and what it measured.

The scenario lies beside its result, so that whoever doubts a point can run it again. A point that
was measured is not measured again, unless its scenario has become another.
"""

from __future__ import annotations

import shlex
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from figures.errors import BadResult
from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.ways import Way
from figures.results import Result, read
from own_files import MARK, write

__all__ = [
    "BACKENDS",
    "PROFILE",
    "RUN_WAS_MADE",
    "Measured",
    "Place",
    "Point",
    "folder_of",
    "measured",
]

PROFILE: Final = "cloudlab"
"""The simulated platform, if nothing else is said: that of the published points."""
_PROFILES: Final = Path(__file__).parents[2] / "sim" / "profiles"

BACKENDS: Final = {
    "sim": ["sim"],
    "local": ["backends.local", "run"],
    "knative": ["backends.knative", "run"],
}
"""How a scenario is run, by backend: what follows ``python -m``."""

RUN_WAS_MADE: Final = frozenset({0, 1, 3})
"""Exit statuses of a run that was made: what it was not held to is not judged."""

_PER_SECOND: Final = 400
"""So many times the seconds of a place is the most requests of a point: what comes faster lasts
shorter."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where points are measured, and for how long.

    :ivar folder: keeps scenarios and results.
    :ivar seconds: of load, for each point.
    :ivar profile: the platform's, of the simulator; a name, or a file's path.
    """

    folder: Path
    backend: str = "sim"
    seconds: float = 10.0
    profile: str = PROFILE

    @property
    def platform(self) -> str:
        """The profile, and a number for what stands in its file: another platform, other points."""
        path = _PROFILES / f"{self.profile}.yaml"
        try:
            content = (path if path.is_file() else Path(self.profile)).read_bytes()
        except OSError:
            return self.profile  # the simulator's own, or none, which it says
        return f"{self.profile} {zlib.crc32(content):08x}"


@dataclass(frozen=True, slots=True)
class Point:
    """One line, asked in one way."""

    place: Place
    line: Line
    way: Way

    @property
    def folder(self) -> Path:
        """Where its scenario and its result lie."""
        return folder_of(self.place.folder, self.line, self.way)

    @property
    def scenario(self) -> Path:
        """The scenario's file."""
        return self.folder / "scenario.yaml"

    @property
    def deployment(self) -> str:
        """What the line's application is called on Knative, where each protocol has its own."""
        return f"{self.line.benchmark}-{self.line.protocol}"

    def text(self) -> str:
        """The scenario."""
        line, way = self.line, self.way
        benchmark = BENCHMARKS[line.benchmark]
        most = round(_PER_SECOND * self.place.seconds)
        seconds = min(self.place.seconds, most / way.rate) if way.rate else self.place.seconds
        load = way.load.format(seconds=seconds, requests=most)
        mix = way.mix or f"[{benchmark.call}]"
        simulated = f"# on {self.place.platform}\n" if self.place.backend == "sim" else ""
        return (
            f"# One point of the evaluation. {MARK}\n#\n#     {self.command()}\n{simulated}\n"
            f"name: {line.benchmark}-{way.name}\n"
            f"app: {benchmark.app}\n"
            "seed: 1\n"
            f"load: [{{{load}, mix: {mix}, keys: 0, reuse: 0}}]\n"
            f"{way.rest}"
            f"retry: {way.retry}\n"
            "heal: 5s\n"
        )

    def command(self) -> str:
        """The command that measures it, from the project's folder."""
        return shlex.join(["python", *self._words()])

    def argv(self) -> list[str]:
        """The same for this interpreter."""
        return [sys.executable, *self._words(), "--quiet"]

    def _words(self) -> list[str]:
        place = self.place
        words = ["-m", *BACKENDS[place.backend], str(self.scenario)]
        words += [*([] if self.way.judged else ["--unchecked"]), "--out", str(self.folder)]
        words += ["--protocol", self.line.protocol]
        if place.backend == "sim":
            words += ["--profile", place.profile]
        elif place.backend == "knative":
            words += ["--name", self.deployment]
        return words

    def write(self) -> None:
        """Write the scenario.

        :raises OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.scenario, self.text())

    def result(self) -> Result | None:
        """What it measured, if that is known for the scenario as it is now."""
        try:
            if self.scenario.read_text() != self.text():
                return None
            if self.way.judged and not (self.folder / "history.jsonl").exists():
                return None
            return read(self.folder)
        except (OSError, BadResult):
            return None


def folder_of(folder: Path, line: Line, way: Way) -> Path:
    """Where a point lies in a folder of points."""
    return folder / line.benchmark / line.protocol / way.name


@dataclass(frozen=True, slots=True)
class Measured:
    """A point's numbers; latencies in milliseconds from the intended start, None without answers.

    :ivar offered: 0 for one client that asks one thing after the other.
    :ivar achieved: answers per second while there was load.
    :ivar error: the share of what was sent that failed, or was never answered.
    """

    offered: float
    achieved: float
    p50: float | None
    p75: float | None
    p90: float | None
    error: float
    command: str

    @property
    def is_saturated(self) -> bool:
        """Whether less came out than was asked for, by more than chance."""
        return self.achieved < 0.95 * self.offered


def measured(result: Result) -> Measured:
    """The numbers of a point, from its result."""
    found, rate = result.measurements, result.scenario.load[0].rate
    answered = found.succeeded + found.raised
    lasted = found.load_seconds or found.seconds
    throughput = found.goodput if rate else (answered / lasted if lasted else 0.0)
    percentiles = found.latency.percentiles if found.latency.count else {}

    def milliseconds(name: str) -> float | None:
        return percentiles[name] * 1e3 if name in percentiles else None

    return Measured(
        rate,
        throughput,
        milliseconds("p50"),
        milliseconds("p75"),
        milliseconds("p90"),
        1 - answered / found.sent if found.sent else 0.0,
        result.command,
    )
