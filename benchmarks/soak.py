"""Many minutes of load while processes are killed: what was lost, doubled, or sold twice.

    python -m benchmarks.soak                                10 minutes of hotel
    python -m benchmarks.soak --seconds 60 --rate 100

A scenario on real processes of this machine (:mod:`backends.local.run`), with a SIGKILL to a
process of some service every two seconds; all checks are made on what was recorded.
"""

from __future__ import annotations

import argparse
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from backends.local.run import Local, run
from compiler.application import Application, load
from experiment import report
from experiment.judgement import judge, write_run
from experiment.outcome import EXIT, Outcome, Task
from experiment.preparation import Prepared, known
from experiment.result import Place
from experiment.scenario.model import Check, Fault, Load, Retry, Scenario

__all__ = ["main"]


def main() -> int:
    """Soak an application; the exit status of the verdict."""
    options = _options()
    application = load(options.app)
    scenario = _scenario(options, application)
    started = time.perf_counter()
    done = run(scenario, application, Local())
    outcome = judge(done, application)
    outcome.wall_seconds = time.perf_counter() - started
    console = Console(highlight=False)
    task = _Soak("soak", options.app, module="benchmarks.soak", options=options)
    report.print_report(console, task, scenario, outcome)
    _say(console, outcome)
    if options.out is not None:
        place = Place("local", "sqlite", "synchronous=normal")
        write_run(options.out, Prepared(task, scenario, application), done, outcome, place)
    return EXIT[outcome.status(scenario.faults)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--app", default="apps/hotel", metavar="APP", help="the application (%(default)s)")
    add("--seconds", type=float, default=600.0, help="how long there is load (%(default)g)")
    add("--rate", type=float, default=100.0, help="requests per second (%(default)g)")
    add("--every", type=float, default=2.0, help="seconds between two kills (%(default)g)")
    add("--out", type=Path, metavar="DIR", help="write result.json and history.jsonl to DIR")
    add("--seed", type=int, default=int(time.time()), help="of load and kills (the time)")
    return parser.parse_args()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Soak(Task):
    """A soak is no scenario's file."""

    options: argparse.Namespace

    def command(self, seed: int) -> str:
        """The command line that runs this with ``seed``."""
        asked = {**vars(self.options), "seed": seed}
        words = [f"--{name}={value}" for name, value in asked.items() if name != "out"]
        return shlex.join(["python", "-m", "benchmarks.soak", *words])


def _scenario(options: argparse.Namespace, application: Application) -> Scenario:
    steady = Load("steady", "constant-arrival-rate", rate=options.rate, duration=options.seconds)
    return Scenario(
        "soak",
        options.app,
        seed=options.seed,
        heal=60.0,
        retry=Retry(attempts=20, timeout=5.0),
        load=[steady],
        faults=[Fault("kill", schedule=options.every)],
        check=[Check("invariant", name) for name in known(application).invariants],
    )


def _say(console: Console, outcome: Outcome) -> None:
    """The three numbers that a user asks for."""
    metrics = outcome.metrics
    verdicts = {verdict.name: verdict.status for verdict in outcome.checks}
    console.print(
        f"Killed {sum(metrics.strikes):,} processes. Requests lost: "
        f"{metrics.sent - metrics.succeeded - metrics.raised:,} of {metrics.sent:,}; "
        f"exactly once: {verdicts.get('exactly_once')}; "
        + "; ".join(f"{name}: {status}" for name, status in verdicts.items() if "." in name)
    )


if __name__ == "__main__":
    raise SystemExit(main())
