"""The oracles: what must be true of every run, checked from what clients and the store saw.

No oracle asks the executor what it did. They look at the recorded history, at
the store's final content, and at what the uncompiled program does with the same
inputs in the same order; some drive requests again, as a late duplicate would.

=====================  ====================================================================
oracle                 says
=====================  ====================================================================
exactly_once           nothing happened twice, and what happened goes with the answer given
strict_serializable    the order of commits explains every read and respects real time
reference              the plain Python classes, in that order, give the same answers and state
determinism            execution from the journal asks for the same effects again
atomicity              the store holds whole commits and nothing else
liveness               everything sent was completed once faults stopped, or had to be set aside
bounded_storage        retention leaves application data, and what was set aside
outside                what led there was durable before the outside was asked, under one key, and
                       what the program saw is what it answered
schedule               each tick that time asked for was started once, when it had come
queue                  no more are under way, nor begin in a while, than queues let in, and who came
                       first began first
*app*.*invariant*      the application's own assertions about its final state
=====================  ====================================================================

An oracle that found nothing to examine is inconclusive, never satisfied. Where the run's
protocol has no regions, oracles that ask for them do not apply; others look at what it has
instead, such as the parts of its transactions (:mod:`experiment.checks.parts`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from experiment.checks.answers import answers
from experiment.checks.atomicity import atomicity
from experiment.checks.bounded_storage import bounded_storage
from experiment.checks.determinism import determinism
from experiment.checks.exactly_once import exactly_once
from experiment.checks.invariants import invariants
from experiment.checks.liveness import liveness
from experiment.checks.outside import outside
from experiment.checks.queue import has_queues, queue
from experiment.checks.reference import reference
from experiment.checks.schedule import schedule
from experiment.checks.strict_serializable import strict_serializable
from experiment.checks.subject import Subject
from experiment.garbage import rare_collections
from experiment.scenario.model import CHECKS
from experiment.verdict import Verdict

if TYPE_CHECKING:
    from compiler.application import Application
    from experiment.record.run import Run
    from experiment.scenario.model import Scenario

__all__ = ["ORACLES", "Verdict", "check"]

ORACLES: dict[str, Callable[[Subject], Verdict]] = {
    "exactly_once": exactly_once,
    "strict_serializable": strict_serializable,
    "reference": reference,
    "determinism": determinism,
    "atomicity": atomicity,
    "liveness": liveness,
    "bounded_storage": bounded_storage,
    "outside": outside,
    "schedule": schedule,
    "queue": queue,
}
"""The oracles of every run, by the names that scenarios use."""


_NEED_REGIONS = {
    "reference": "without regions there is no order to run the plain classes in",
    "determinism": "nothing is journaled that could be executed again",
    "atomicity": "every write is a commit of its own",
}
"""Why oracles do not apply to a protocol that has no regions."""
_FORGETS_NOTHING = "the protocol never removes its records"


def check(
    run: Run, application: Application, scenario: Scenario, only: Container[str] | None = None
) -> list[Verdict]:
    """Judge a run by every oracle, by its scripts, and by the invariants its scenario names.

    :param only: the names of the oracles to ask, if not all.
    :returns: one verdict each, in the order of CHECKS (:mod:`experiment.scenario.model`), then
        the answers of scripts, then invariants.
    """
    with rare_collections():
        subject = Subject(run, application, scenario)
        asked = [name for name in CHECKS if only is None or name in only]
        named = {each.name for each in scenario.check}
        asked = [each for each in asked if each in named or _has_something(each, subject)]
        verdicts = [_judge(name, ORACLES[name], subject) for name in asked]
        return verdicts + answers(subject) + invariants(subject)


def _has_something(name: str, subject: Subject) -> bool:
    """Whether an oracle that nobody named can say anything: few runs last until a nightly tick."""
    return not _has_nothing(name, subject) and (name != "schedule" or bool(subject.ticks))


def _has_nothing(name: str, subject: Subject) -> str:
    """Why an oracle has nothing to look at in an application: it is asked only where named."""
    if name == "outside" and not subject.program.outside:
        return "the application asks nothing of the outside"
    if name == "schedule" and not subject.program.schedules:
        return "the application has no schedules"
    if name == "queue" and not has_queues(subject.program):
        return "no method of the application has a queue"
    return ""


def _not_applicable(name: str, subject: Subject) -> str:
    protocol = subject.protocol
    if _has_nothing(name, subject):
        return _has_nothing(name, subject)
    if name == "atomicity" and protocol.parts:
        return ""
    if name == "bounded_storage" and not protocol.forgets:
        return _FORGETS_NOTHING
    return "" if protocol.regions else _NEED_REGIONS.get(name, "")


def _judge(name: str, oracle: Callable[[Subject], Verdict], subject: Subject) -> Verdict:
    why = _not_applicable(name, subject)
    if why:
        return Verdict(name, "not applicable", why)
    try:
        return oracle(subject)
    except Exception as error:
        return Verdict(name, "inconclusive", f"the check broke: {type(error).__name__}: {error}")
