"""Whether the calls of scripts gave what the scripts say; only scenarios with scripts have it."""

from __future__ import annotations

from core.messages import Failed, Outcome, Raised
from experiment.checks.subject import Subject
from experiment.scenario.model import Load
from experiment.script import Came, misfit, shown
from experiment.verdict import Verdict, judge

__all__ = ["answers"]


def answers(subject: Subject) -> list[Verdict]:
    """One verdict over all scripts; none if there are none."""
    scripts = [load for load in subject.scenario.load if load.calls]
    if not scripts:
        return []
    evidence = [line for load in scripts for line in _script(subject, load)]
    made = sum(result.load == load.name for load in scripts for result in subject.run.results)
    return [judge("answers", {"call": made}, evidence)]


def _script(subject: Subject, load: Load) -> list[str]:
    """What is wrong; a client that does not know what became of a call makes the next one."""
    results = [result for result in subject.run.results if result.load == load.name]
    results.sort(key=lambda result: result.intended)
    steps = load.calls[: load.iterations]
    lines = []
    for step, result in zip(steps, results, strict=False):
        known = [answer.outcome for answer in subject.answers.get(result.id.root, ())]
        came = _came(subject, known[0]) if known else Came(failed=result.status)
        if wrong := misfit(step, came):
            lines.append(wrong)
    lines += [f"{shown(step)} was never asked for" for step in steps[len(results) :]]
    return lines


def _came(subject: Subject, outcome: Outcome) -> Came:
    if isinstance(outcome, Failed):
        return Came(failed=f"{outcome.kind}: {outcome.text}")
    if isinstance(outcome, Raised):
        return Came(raised=outcome.type.rpartition(".")[2], text=outcome.text)
    return Came(subject.program.codec.decode(outcome.value))
