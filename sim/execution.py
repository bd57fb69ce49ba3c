"""One run in the simulator from a task to its outcome, and one seed of a sweep."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Container
from pathlib import Path

import msgspec

from compiler.errors import CompileErrors
from core.errors import MuError
from core.protocol import OURS, PROTOCOLS
from experiment.judgement import judge, measured_only, write_run
from experiment.outcome import Outcome, Task
from experiment.preparation import Prepared
from experiment.progress import Progress
from experiment.record.run import Run
from experiment.scenario.model import Scenario
from experiment.scenario.source import nearest
from experiment.unprinted import unprinted
from sim import planted
from sim.run import run

__all__ = ["attempt", "execute", "planting"]


def planting(task: Task) -> contextlib.AbstractContextManager[object]:
    """The context in which the task's bug is planted, if it has one.

    :raises MuError: there is no such bug, or no protocol that it could break.
    """
    if not task.planted:
        return contextlib.nullcontext()
    if task.protocol != OURS:
        raise MuError(
            f"--planted {task.planted} breaks a rule that --protocol {task.protocol} does not "
            "have; give one of the two"
        )
    if task.planted not in planted.BUGS:
        remedy = nearest(task.planted, planted.BUGS)
        raise MuError(f"--planted: there is no bug '{task.planted}'\n    {remedy}")
    return planted.plant(task.planted)


def execute(
    prepared: Prepared,
    scenario: Scenario,
    progress: Progress | None = None,
    only: Container[str] | None = None,
) -> tuple[Run, Outcome]:
    """Run a scenario, which has its seed, and judge the run.

    :param only: the names of the checks to make, if not all.
    """
    started = time.perf_counter()
    protocol = PROTOCOLS[prepared.task.protocol]()
    with unprinted():
        done = run(scenario, prepared.application, progress=progress, protocol=protocol)
    unchecked = prepared.task.unchecked
    outcome = measured_only(done) if unchecked else judge(done, prepared.application, only)
    outcome.wall_seconds = time.perf_counter() - started
    return done, outcome


def attempt(prepared: Prepared, seed: int, out: Path | None = None) -> Outcome:
    """The outcome of one seed of a sweep; a run that breaks off has one, too.

    :param out: where to keep the files of a run that fails, in a folder of its own.
    """
    scenario = msgspec.structs.replace(prepared.scenario, seed=seed)
    try:
        done, outcome = execute(prepared, scenario)
        if out is not None and outcome.judged == "fails":
            write_run(out / f"seed-{seed}", prepared, done, outcome)
    except Exception as error:  # one broken seed must not end a sweep
        return Outcome(seed, error=_told(error))
    return outcome


def _told(error: Exception) -> str:
    """What broke a run off, and where, in one line."""
    if isinstance(error, CompileErrors):
        return "; ".join(f"{each.place}: {each.what}" for each in error.errors)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
