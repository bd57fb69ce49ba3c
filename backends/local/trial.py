"""``run`` on the command line: a scenario for real, reported as the simulator reports."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec
from rich.console import Console

from backends.drill.quiet import errors_only
from backends.local.run import Local, run
from backends.stores import Wish
from core.errors import MuError
from core.protocol import PROTOCOLS
from experiment import report
from experiment.judgement import judge, measured_only, see_writable, write_run
from experiment.outcome import EXIT, Task
from experiment.preparation import prepare
from experiment.progress import Bar
from experiment.result import Place
from experiment.unprinted import unprinted

__all__ = ["trial"]


def trial(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Run a scenario, print the report, and write what was asked for; the exit status.

    :raises MuError: bad input.
    """
    task = Task(
        options.scenario,
        options.app,
        faultless=options.faults == "none",
        protocol=options.protocol,
        module=_module(options),
        unchecked=options.unchecked,
        stand_ins=options.stand_ins,
    )
    prepared = prepare(task)
    scenario = prepared.scenario
    if options.seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=options.seed)
    if options.out is not None:
        _writable(options.out)
    wish = Wish(options.store, options.synchronous)
    local = Local(wish, PROTOCOLS[options.protocol](), options.keep)
    started = time.perf_counter()
    with errors_only(), unprinted(), Bar(errors, scenario.name, options.quiet) as bar:
        done = run(scenario, prepared.application, local, bar.show)
    outcome = measured_only(done) if task.unchecked else judge(done, prepared.application)
    outcome.wall_seconds = time.perf_counter() - started
    report.print_report(console, task, scenario, outcome)
    if options.out is not None:
        choice = wish.choose("", "")
        place = Place("local", choice.kind, choice.durability)
        console.print(write_run(options.out, prepared, done, outcome, place), markup=False)
    return EXIT[outcome.status(scenario.faults)]


def _module(options: argparse.Namespace) -> str:
    """What runs the same again, with the same store."""
    words = ["backends.local", "run"]
    words += ["--store", options.store] if options.store != "sqlite" else []
    words += ["--synchronous", options.synchronous] if options.synchronous != "normal" else []
    return " ".join(words)


def _writable(folder: Path) -> None:
    try:
        see_writable(folder)
    except OSError as error:
        place = error.filename or folder
        raise MuError(
            f"{place}: cannot be written: {error.strerror}; give a folder that can be"
        ) from None
