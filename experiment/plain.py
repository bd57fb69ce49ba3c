"""The scripts of a scenario on the plain classes: uncompiled, in this process, on no platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.api.reference import Reference
from core.callers import NOBODY, Caller
from experiment.preparation import Prepared
from experiment.scenario.model import Load, Step
from experiment.script import Came, misfit

__all__ = ["run"]


def run(prepared: Prepared) -> Iterator[tuple[Step, str]]:
    """Make every call of every script, load by load: each with what is wrong about its answer."""
    reference = prepared.application.reference(set_up=True)
    workload = prepared.application.workload
    callers = workload.callers if workload is not None else {}
    for load in prepared.scenario.load:
        yield from _script(reference, load, callers)


def _script(
    reference: Reference, load: Load, callers: Mapping[str, Caller]
) -> Iterator[tuple[Step, str]]:
    for step in load.calls:
        service, _, method = step.call.partition(".")
        try:
            caller = callers.get(step.caller, NOBODY)
            came = Came(reference.run(service, method, tuple(step.args), caller=caller))
        except Exception as error:  # the application's own are answers
            came = Came(raised=type(error).__name__, text=str(error))
        yield step, misfit(step, came)
