"""The application's own invariants, asserted on its final state by its own code.

A scenario names them ``app.function``; the function stands in the application's
workload module, or in the application itself, and looks at the services as plain
Python objects that hold what the final store holds. What does not hold while requests
that did something are unfinished may hold when they are: that is inconclusive. What was set
aside half done is completed first, on a copy, as it will be when its cause is mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from compiler.api.futures import driven
from compiler.errors import raised
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, count

__all__ = ["invariants"]


def invariants(subject: Subject) -> list[Verdict]:
    """One verdict for each invariant that the scenario names."""
    named = dict.fromkeys(check.invariant for check in subject.scenario.check if check.invariant)
    verdicts = _judged(subject, named, subject.final_data)
    fallen = [verdict.name for verdict in verdicts if verdict.status == "fails"]
    if not fallen or not subject.run.set_aside:
        return verdicts
    again = {verdict.name: verdict for verdict in _with_the_rest_done(subject, fallen)}
    return [again.get(verdict.name, verdict) for verdict in verdicts]


def _judged(subject: Subject, names: Iterable[str], data: Mapping[bytes, bytes]) -> list[Verdict]:
    if not names:
        return []
    reference = subject.application.reference()
    reference.load(data)
    with reference, reference.reading():
        return [_invariant(subject, name) for name in names]


def _with_the_rest_done(subject: Subject, names: list[str]) -> list[Verdict]:
    """What becomes of invariants when requests that were set aside half done are completed."""
    left = [subject.sent[root] for root in subject.run.set_aside if root in subject.sent]
    told = f"{count(len(left), 'request')} set aside, half done"
    final = subject.health.completed(subject.run.final, map(subject.request, left))
    if final is None:
        return [Verdict(name, "inconclusive", told) for name in names]
    verdicts = _judged(subject, names, subject.protocol.data(final))
    return [replace(each, detail=f"{told}: judged as if they were done") for each in verdicts]


def _invariant(subject: Subject, name: str) -> Verdict:
    workload = subject.application.workload
    function = workload.invariants.get(name.rpartition(".")[2]) if workload else None
    if workload is None or function is None:
        return Verdict(name, "inconclusive", f"the application's workload has no {name}")
    examined = f"{count(len(subject.final_data), 'key')} of the final state"
    try:
        driven(function(), name)
    except AssertionError as error:
        what = str(error) or "an assertion does not hold"
        evidence = _evidence(error, workload.files, what)
        if half := sum(root in subject.unfinished for root in subject.trees):
            told = f"{count(half, 'request')} left half-done: the system had not settled"
            return Verdict(name, "inconclusive", told, evidence)
        return Verdict(name, "fails", examined, evidence)
    except (Exception, SystemExit) as error:  # whatever the user's function raises
        what = f"{name} raised {type(error).__name__}: {error}"
        evidence = _evidence(error, workload.files, what, "an invariant that can only assert")
        return Verdict(name, "inconclusive", f"{name} broke: {type(error).__name__}", evidence)
    if not subject.commits:
        return Verdict(name, "inconclusive", "nothing to examine: 0 commits")
    return Verdict(name, "holds", examined)


def _evidence(
    error: BaseException, files: Sequence[Path], what: str, remedy: str = ""
) -> list[str]:
    """What was raised, with its place and the line there."""
    return str(raised(error, files, what, remedy)).splitlines()
