"""The command line of the simulator.

Reports go to standard output; progress (only on a terminal) and errors to
standard error. The exit status is that of :mod:`experiment.outcome`, 2 for bad input
and 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from command_line import BAD_INPUT, INTERRUPTED, ended
from compiler.stopping import stoppable
from core.errors import MuError
from core.protocol import OURS, PROTOCOLS
from experiment import report, result
from experiment.judgement import see_writable, write_run
from experiment.outcome import EXIT, Outcome, Sweep, Task
from experiment.preparation import Prepared, prepare
from experiment.scenario.quantities import LARGEST
from sim.execution import execute, planting
from sim.search.report import print_shrunk
from sim.search.shrink import shrink, write_scenario
from sim.search.sweep import sweep

__all__ = ["main"]

_MOST, _DIGITS = 1_000_000, 7

_DESCRIPTION = """\
Run a scenario in the simulator: a compiled application under load and faults,
in virtual time, with every claim checked.
"""

_EXAMPLES = """\
examples:
  python -m sim scenarios/crash.yaml
      run it once and say what was seen
  python -m sim scenarios/crash.yaml --seeds 200
      run it with 200 seeds on all cores, and name those that fail
  python -m sim scenarios/crash.yaml --seed 12 --out runs/12
      run seed 12 again and keep result.json and history.jsonl
  python -m sim scenarios/crash.yaml --seed 12 --shrink
      find the fewest faults that still make seed 12 fail
  python -m sim scenarios/smoke.yaml --app mypackage.shop
      run another application in the same scenario
  python -m sim scenarios/smoke.yaml --profile profile.yaml
      run it on another platform, such as one that was measured
  python -m sim scenarios/crash.yaml --planted no_intent
      see how the checks catch a protocol that is broken on purpose
  python -m sim scenarios/crash.yaml --protocol unsafe
      run it without any protocol, and see what that costs and what it loses

exit status:
  0  every check and threshold holds, and every declared fault struck
  1  a check or a threshold fails
  2  bad input: the message names the place and the remedy
  3  inconclusive: a declared fault never struck, or a check could not be made

docs/scenarios.md describes scenario files.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    return ended(lambda: _run(options, errors), errors.print)


def _run(options: argparse.Namespace, errors: Console) -> int:
    try:
        with stoppable():
            return _simulate(options, errors)
    except MuError as error:
        errors.print(str(error), markup=False)
        return BAD_INPUT


def _simulate(options: argparse.Namespace, errors: Console) -> int:
    out = _folder(options.out)
    task = Task(
        options.scenario,
        options.app,
        options.planted,
        options.faults == "none",
        options.protocol,
        profile=options.profile,
        unchecked=options.unchecked,
    )
    with planting(task):
        prepared = prepare(task)
        if options.seed is not None:
            scenario = msgspec.structs.replace(prepared.scenario, seed=options.seed)
            prepared = Prepared(task, scenario, prepared.application)
        session = _Session(prepared, out, Console(highlight=False), errors, options.quiet)
        if options.seeds is None:
            return session.single(options.shrink)
        return session.many(options.seeds, options.jobs, options.shrink)


def _folder(out: str) -> Path | None:
    """The folder for results, made before anything runs.

    :raises MuError: it cannot be made.
    """
    if not out:
        return None
    try:
        see_writable(Path(out))
    except OSError as error:
        raise _unwritable(error.filename or out, error) from None
    return Path(out)


def _unwritable(path: object, error: OSError) -> MuError:
    return MuError(f"{path}: cannot be written: {error.strerror}; give a folder that can be")


@dataclass(frozen=True, slots=True)
class _Session:
    """What one command works with."""

    prepared: Prepared
    out: Path | None
    console: Console
    errors: Console
    quiet: bool

    def single(self, shrinking: bool) -> int:
        """Run one seed, report, and shrink it if that was asked for and it fails."""
        prepared, scenario = self.prepared, self.prepared.scenario
        with self._bar() as bar:
            line = bar.add_task(scenario.name, total=None, note="")

            def progress(now: float, end: float) -> None:
                bar.update(line, completed=now, total=end, note=f"{now:,.0f} of {end:,.0f} s")

            done, outcome = execute(prepared, scenario, progress)
        report.print_report(self.console, prepared.task, scenario, outcome)
        if self.out is not None:
            try:
                written = write_run(self.out, prepared, done, outcome)
            except OSError as error:
                raise _unwritable(error.filename2 or error.filename or self.out, error) from None
            self._say(written)
        if shrinking:
            self._shrink(outcome)
        return EXIT[outcome.status(scenario.faults)]

    def many(self, seeds: int, jobs: int, shrinking: bool) -> int:
        """Run many seeds, report, and shrink the first that fails if that was asked for."""
        prepared = self.prepared
        first = prepared.scenario.seed
        with self._bar() as bar:
            line = bar.add_task(prepared.scenario.name, total=seeds, note="")

            def told(found: Sweep) -> None:
                bar.update(line, completed=len(found.outcomes), note=_counts(found))

            found = sweep(prepared, range(first, first + seeds), jobs, self.out, told)
        if not found.outcomes:
            raise KeyboardInterrupt  # before there was anything to tell
        report.print_sweep(self.console, found)
        if self.out is not None:
            try:
                result.write(self.out / "result.json", result.of_sweep(found))
            except OSError as error:
                raise _unwritable(error.filename2 or error.filename or self.out, error) from None
            self._say(f"Written: {self.out / 'result.json'}")
        failing = found.with_status("fails")
        if shrinking and not found.interrupted:
            self._shrink(failing[0] if failing else None)
        return INTERRUPTED if found.interrupted else EXIT[found.status]

    def _shrink(self, outcome: Outcome | None) -> None:
        if outcome is None or outcome.judged != "fails":
            self._say("Nothing fails, so there is nothing to shrink.")
            return
        with self._bar() as bar:
            line = bar.add_task("shrinking", total=None, note="")

            def told(runs: int, strikes: int) -> None:
                bar.update(line, note=f"run {runs + 1}, with {strikes} strikes")

            found = shrink(self.prepared, outcome, told)
        if found is None:
            self._say("The failure does not come back from the faults' strikes alone.")
            return
        path = (self.out or Path()) / f"{self.prepared.scenario.name}-seed-{outcome.seed}.yaml"
        try:
            write_scenario(path, found)
        except OSError as error:
            raise _unwritable(path, error) from None
        print_shrunk(self.console, self.prepared.task, found, str(path))

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, style="dim")

    def _bar(self) -> Progress:
        """Progress on standard error, if somebody watches."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        hidden = self.quiet or not self.errors.is_terminal
        return Progress(*columns, console=self.errors, transient=True, disable=hidden)


def _counts(found: Sweep) -> str:
    holds, fails = len(found.with_status("holds")), len(found.with_status("fails"))
    unclear = len(found.outcomes) - holds - fails
    return f"{len(found.outcomes)} seeds: {holds} passed, {fails} failed, {unclear} inconclusive"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sim",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("scenario", metavar="SCENARIO", help="the scenario file, such as scenarios/crash.yaml")
    add("--seed", type=_seed, metavar="N", help="the seed, in place of the scenario's own")
    add(
        "--seeds",
        type=_several("seeds"),
        metavar="N",
        help="run N seeds, from the seed on, in parallel",
    )
    add(
        "--jobs",
        type=_several("processes"),
        metavar="N",
        default=_cores(),
        help="processes at once (%(default)s)",
    )
    add("--out", default="", metavar="DIR", help="write result.json and history.jsonl to DIR")
    add("--app", default="", metavar="APP", help="the application, in place of the scenario's own")
    add("--profile", default="", metavar="P", help="the platform's, in place of the scenario's own")
    add("--planted", default="", metavar="BUG", help="break the protocol on purpose")
    add(
        "--protocol",
        choices=list(PROTOCOLS),
        default=OURS,
        metavar="NAME",
        help=f"what decides: {', '.join(PROTOCOLS)} (%(default)s)",
    )
    add("--faults", choices=["none"], help="'none' runs the scenario without its faults")
    add("--unchecked", action="store_true", help="measure only: make no checks, keep no history")
    add("--shrink", action="store_true", help="find the fewest faults that make the seed fail")
    add("--quiet", action="store_true", help="show no progress")
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a seed: give a whole number from 0 up")
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"this seed is too large: give at most {LARGEST}")
    return int(text)


def _several(what: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not text.strip("0"):
            message = f"'{text}' is not a number of {what}: give one from 1 up"
            raise argparse.ArgumentTypeError(message)
        if len(text) > _DIGITS or int(text) > _MOST:
            raise argparse.ArgumentTypeError(f"{text} {what} are too many: give at most {_MOST:,}")
        return int(text)

    return read


def _cores() -> int:
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
