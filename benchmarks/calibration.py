"""How well the simulator knows a machine: ``python -m benchmarks.calibration``.

The machine is calibrated with the probe, and no application has any part in that. Then, for
each of four applications: what it can do at most; half of that as an open load, for real, asked
through the gateway as clients do; the same, watched, as ``backends.local run`` does; and the same
scenario in the simulator, on the platform that was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from backends.local.measuring.bench import Bench, Machine, machine, temporary
from backends.local.measuring.calibrate import calibrate
from backends.local.measuring.driving import draw_requests, driver
from backends.local.measuring.generator import Seen, Stage, calmest
from backends.local.measuring.profile import profile_text
from backends.local.measuring.report import telling
from backends.local.measuring.saturation import saturation
from backends.local.run import Local
from backends.local.run import run as run_locally
from backends.stores import Wish
from compiler.application import Application, load
from experiment.judgement import judge
from experiment.record.metrics import Metrics
from experiment.scenario.file import read
from experiment.scenario.model import Scenario
from sim.run import run as simulate

__all__ = ["APPLICATIONS", "Compared", "compare", "main"]

APPLICATIONS = ("counter", "chain", "tree", "hotel")

_ROUNDS = 6
_CALM = 3
"""Of all rounds, those that count: in which the rest of the machine did least."""
_WITHIN = 0.25
_SCENARIO = """\
name: half-of-saturation
app: {app}
seed: 1
platform: {{profile: {profile}}}
load: [{{executor: constant-arrival-rate, rate: {rate:.3f}/s, duration: {seconds:g}s}}]
heal: 10s
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """One application at half of its saturation.

    :ivar latency: the median in seconds, real and simulated; ``throughput`` in answers per second.
    :ivar watched: latency and throughput of the watched run, and its verdict.
    :ivar others: cores that everything else on the machine kept busy in the real run.
    """

    application: str
    saturation: float
    rate: float
    latency: tuple[float, float]
    throughput: tuple[float, float]
    watched: tuple[float, float, str]
    others: float

    @property
    def ratios(self) -> tuple[float, float]:
        """Simulated over real: latency and throughput."""
        return self.latency[1] / self.latency[0], self.throughput[1] / self.throughput[0]

    @property
    def is_close(self) -> bool:
        """Whether both are within a quarter."""
        return all(abs(ratio - 1.0) <= _WITHIN for ratio in self.ratios)


def compare(app: str, profile: Path, seconds: float, store: Wish) -> Compared:
    """Measure an application and simulate it."""
    application = load(f"apps/{app}")
    wanted = Bench(f"apps/{app}", store=store)
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(temporary(application, wanted))
        asks = stack.enter_context(driver([(up, draw_requests(application))]))
        best = max(step.per_second for step in saturation(asks, 0, seconds / 5))
        stage = Stage(0, 0, best / 2, 1.0, seconds / _ROUNDS)
        seen = calmest([asks.run(stage) for _ in range(_ROUNDS)], _CALM)
    scenario = _scenario(app, profile, best / 2, seconds)
    simulated = judge(simulate(scenario, application), application, ()).metrics
    watched, verdict = _watched(scenario, application, store)
    return Compared(
        app,
        best,
        best / 2,
        (statistics.median(each.percentile(50) for each in seen), _median(simulated)),
        (_per_second(seen), simulated.goodput),
        (_median(watched), watched.goodput, verdict),
        sum(each.others for each in seen) / sum(each.seconds for each in seen),
    )


def _scenario(app: str, profile: Path, rate: float, seconds: float) -> Scenario:
    path = profile.with_name(f"{app}.yaml")
    text = _SCENARIO.format(
        app=f"apps/{app}", profile=f"./{profile.name}", rate=rate, seconds=seconds
    )
    path.write_text(text, encoding="utf-8")
    return read(str(path)).scenario


def _watched(scenario: Scenario, application: Application, store: Wish) -> tuple[Metrics, str]:
    done = run_locally(scenario, application, Local(store))
    outcome = judge(done, application)
    return outcome.metrics, outcome.status([])


def _median(metrics: Metrics) -> float:
    return metrics.latency.percentile(50)


def _per_second(seen: list[Seen]) -> float:
    return sum(each.answered for each in seen) / sum(each.seconds for each in seen)


# --- the table

_COLUMNS = (
    "application",
    "saturation",
    "asked",
    "p50 real",
    "simulated",
    "ratio",
    "answers/s real",
    "simulated",
    "ratio",
    "watched p50",
    "answers/s",
    "checks",
)


def _row(found: Compared) -> list[str]:
    latency, throughput = found.ratios
    return [
        found.application,
        f"{found.saturation:,.0f}/s",
        f"{found.rate:,.0f}/s",
        *(f"{seconds * 1e3:.2f} ms" for seconds in found.latency),
        f"{latency:.2f}",
        *(f"{rate:,.0f}" for rate in found.throughput),
        f"{throughput:.2f}",
        f"{found.watched[0] * 1e3:.2f} ms",
        f"{found.watched[1]:,.0f}",
        found.watched[2],
    ]


def _notes(found: list[Compared], here: Machine, seconds: float) -> list[str]:
    far = [each.application for each in found if not each.is_close]
    others = max((each.others for each in found), default=0.0)
    return [
        f"{here.cores} cores, shared with the load generator, {here.system}, Python "
        f"{here.python}, {here.time}, load {here.load} before; others kept up to {others:.1f} "
        f"cores busy; {seconds:g} s for each figure",
        f"not within {_WITHIN:.0%}: {', '.join(far)}" if far else f"all within {_WITHIN:.0%}",
    ]


def _print(console: Console, found: list[Compared], notes: list[str], markdown: bool) -> None:
    if markdown:
        console.print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|", soft_wrap=True)
        for each in found:
            console.print(f"| {' | '.join(_row(each))} |", soft_wrap=True)
        console.print()
    else:
        table = Table(*_COLUMNS)
        for each in found:
            table.add_row(*_row(each))
        console.print(table)
    for note in notes:
        console.print(f"- {note}", soft_wrap=True)


def main() -> None:
    """Calibrate, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    add = parser.add_argument
    add("--profile", type=Path, metavar="FILE", help="one measured before, in place of a new one")
    add("--seconds", type=float, default=10.0, metavar="N", help="for each figure (10)")
    add("--markdown", action="store_true", help="print a table for the documents")
    add("applications", nargs="*", metavar="APPLICATION", help=f"of {', '.join(APPLICATIONS)}")
    options = parser.parse_args()
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    here, store = machine(), Wish()
    with tempfile.TemporaryDirectory(prefix="mu2sls-calibration-") as name:
        profile = Path(name) / "profile.yaml"
        if options.profile:
            profile.write_text(options.profile.read_text(encoding="utf-8"), encoding="utf-8")
        else:
            with telling(errors) as told:
                profile.write_text(profile_text(calibrate(options.seconds, store, told)))
            errors.print(profile.read_text(), markup=False, soft_wrap=True)
        found = []
        for app in options.applications or APPLICATIONS:
            began = time.monotonic()
            found.append(compare(app, profile, options.seconds, store))
            errors.print(f"{app}: {time.monotonic() - began:.0f} s")
    _print(console, found, _notes(found, here, options.seconds), options.markdown)


if __name__ == "__main__":
    main()
