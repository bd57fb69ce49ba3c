"""From a task to an outcome: read the scenario, compile the application, run, check, measure."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from compiler import application as compiled
from compiler.errors import ApplicationNotFound, CompileErrors
from core.errors import MuError, UnsupportedValue
from core.program import Method, Program
from sim import checks, result, trace
from sim.metrics import measure, verdict
from sim.outcome import Outcome, Task
from sim.protocol import OURS, PROTOCOLS
from sim.run import Run, run
from sim.scenario import Check, Scenario
from sim.scenario_file import ScenarioFile, read
from sim.scenario_names import Known
from sim.scenario_source import nearest

if TYPE_CHECKING:
    from compiler.application import Application

__all__ = [
    "Prepared",
    "Progress",
    "attempt",
    "execute",
    "judge",
    "known",
    "planting",
    "prepare",
    "write_run",
]

Progress = Callable[[float, float], None]
"""Told now and then how many virtual seconds have passed, of how many."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task whose scenario was read and whose application was compiled: ready to run."""

    task: Task
    scenario: Scenario
    application: Application


def prepare(task: Task) -> Prepared:
    """Read the scenario, compile the application, and check that they fit each other.

    Another application than the scenario's own is judged by all of its own invariants.

    :raises MuError: bad input; the message names the place and the remedy.
    """
    file = read(task.file, task.app or None, task.profile or None)
    application = _compiled(file)
    file.fit(known(application))
    scenario = file.scenario
    if task.app:
        own = [Check("invariant", name) for name in known(application).invariants]
        others = [check for check in scenario.check if not check.invariant]
        scenario = msgspec.structs.replace(scenario, check=others + own)
    if task.faultless:
        scenario = msgspec.structs.replace(scenario, faults=[])
    return Prepared(task, scenario, application)


def _compiled(file: ScenarioFile) -> Application:
    """The scenario's application.

    :raises MuError: there is none, or it does not compile.
    """
    try:
        return compiled.load(file.scenario.app)
    except ApplicationNotFound as error:
        raise file.without_app(error.what, error.remedy) from None
    except CompileErrors as error:
        raise type(error)(error.errors, file.app_place) from None


def known(application: Application) -> Known:
    """What a scenario may name of an application."""
    program, workload = application.program, application.workload
    name = program.name.rpartition(".")[2]
    return Known(
        name=program.name,
        services={
            service.name: {method.name: method.public for method in service.methods.values()}
            for service in program.services.values()
        },
        invariants=[f"{name}.{each}" for each in (workload.invariants if workload else ())],
        arguments=[*(workload.arguments if workload else ()), *_without_arguments(application)],
        mix=bool(workload and workload.mix),
        refuses=partial(_refusal, program),
    )


def _refusal(program: Program, call: str, args: list[Any]) -> str:
    """Why the method ``call`` does not take ``args``; empty if it does."""
    service, _, name = call.partition(".")
    method = program.method(service, name)
    try:
        if method is not None:
            method.check(*args)
        program.codec.encode((tuple(args), {}))
    except (TypeError, UnsupportedValue) as error:
        return str(error)
    return ""


def _without_arguments(application: Application) -> list[str]:
    return [
        f"{service.name}.{method.name}"
        for service in application.program.services.values()
        for method in service.methods.values()
        if _fits(method)
    ]


def _fits(method: Method) -> bool:
    """Whether a method can be called without arguments."""
    try:
        method.check()
    except TypeError:
        return False
    return True


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
    from sim import planted

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
    done = run(scenario, prepared.application, progress=progress, protocol=protocol)
    outcome = judge(done, prepared.application, only)
    outcome.wall_seconds = time.perf_counter() - started
    return done, outcome


def judge(done: Run, application: Application, only: Container[str] | None = None) -> Outcome:
    """Check and measure what a run was seen to do.

    :param only: the names of the checks to make, if not all.
    """
    scenario = done.scenario
    metrics = measure(done)
    return Outcome(
        seed=scenario.seed,
        metrics=metrics,
        checks=checks.check(done, application, scenario, only),
        thresholds=[verdict(threshold, metrics) for threshold in scenario.thresholds],
        strikes=[(strike.fault, strike.nth) for strike in done.history.faults],
    )


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


def write_run(
    out: Path,
    prepared: Prepared,
    done: Run,
    outcome: Outcome,
    place: result.Place = result.SIMULATOR,
) -> None:
    """Write ``result.json`` and ``history.jsonl`` into the folder ``out``.

    :param place: where the run took place.
    :raises OSError: they cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    result.write(out / "result.json", result.of_run(prepared.task, done.scenario, outcome, place))
    with open(out / "history.jsonl", "wb") as file:
        trace.write(file, done, prepared.application.program.codec, place.backend)
