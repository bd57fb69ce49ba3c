"""From a task to what can be run: the scenario is read, the application compiled, both fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from compiler import application as compiled
from compiler.application import Application
from compiler.errors import ApplicationNotFound, CompileErrors
from core.errors import MuError, UnsupportedValue
from core.program import Method, Program
from core.protocol import OURS
from experiment.outcome import Task
from experiment.scenario.file import ScenarioFile, read
from experiment.scenario.model import Check, Scenario
from experiment.scenario.names import Known
from experiment.unprinted import unprinted

__all__ = ["Prepared", "known", "prepare"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task whose scenario was read and whose application was compiled: ready to run."""

    task: Task
    scenario: Scenario
    application: Application


@unprinted()
def prepare(task: Task) -> Prepared:
    """Read the scenario, compile the application, and check that they fit each other.

    Another application than the scenario's own is judged by all of its own invariants, and how
    much it gets done is not judged.

    :raises MuError: bad input; the message names the place and the remedy.
    """
    file = read(task.file, task.app or None, task.profile or None)
    application = _compiled(file)
    why = application.program.beyond_baselines
    if task.protocol != OURS and why:
        raise MuError(f"--protocol {task.protocol}: {why}: leave the option out")
    file.fit(known(application))
    scenario = file.scenario
    if task.app:
        own = [Check("invariant", name) for name in known(application).invariants]
        others = [check for check in scenario.check if not check.invariant]
        bounds = [each for each in scenario.thresholds if each.metric != "goodput"]
        scenario = msgspec.structs.replace(scenario, check=others + own, thresholds=bounds)
    if task.stand_ins:
        missing = _without_stand_in(application)
        if missing:
            raise MuError(missing)
        application = application.with_stand_ins()
    if task.faultless:
        scenario = msgspec.structs.replace(scenario, faults=[])
    return Prepared(task, scenario, application)


def _without_stand_in(application: Application) -> str:
    """What is said if nothing stands in for an outside function; empty if all is well."""
    stand_ins = application.workload.stand_ins if application.workload else {}
    for name in application.program.outside:
        if name not in stand_ins:
            short = name.rpartition(".")[2]
            return (
                f"{application.name}: nothing stands in for the outside function {name}: write "
                f"OUTSIDE = {{{short}: fake_{short}}} in the application's workload"
            )
    return ""


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
        callers=list(workload.callers) if workload else [],
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
