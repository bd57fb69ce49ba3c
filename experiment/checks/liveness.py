"""Liveness: once faults stop, everything that was begun is completed within a bounded time.

No intent may be left, nothing may have been set aside for a person, and what
clients were told at last must fit what happened: a request that failed definitely
must not have made anything durable. That a request with a trace is complete shows
when it is sent again (:mod:`experiment.checks.exactly_once`).
"""

from __future__ import annotations

from core.layout import INTENTS, SET_ASIDE
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, judge

__all__ = ["liveness"]

_ANSWERED = ("succeeded", "raised")
_STATUSES = (*_ANSWERED, "definite", "indefinite")


def liveness(subject: Subject) -> Verdict:
    """Check that the system settled and left nothing undone."""
    run, readable = subject.run, subject.readable
    evidence = []
    if run.settled_after is None or run.settled_after > subject.scenario.heal:
        evidence.append(f"the system had not settled {subject.scenario.heal:g} s after the faults")
    for section, what in ((INTENTS, "was never completed"), (SET_ASIDE, "cannot be completed")):
        begin, end = section
        left = sorted(key for key in run.final if begin <= key < end)
        evidence += [f"{readable.key(key)} is left: the request {what}" for key in left]
    evidence += _statuses(subject)
    return judge("liveness", {"request": len(subject.sent)}, evidence)


def _statuses(subject: Subject) -> list[str]:
    """Requests whose last word does not fit what happened.

    An answer may still arrive after the client gave up; then both are true.
    """
    evidence = []
    results = {result.id.root: result for result in subject.run.results}
    for root, sent in subject.sent.items():
        result, who = results.get(root), subject.describe(sent.id)
        answered = root in subject.answers
        if result is None or result.status not in _STATUSES:
            evidence.append(f"{who} was sent, but its client was left without a last word")
        elif result.status in _ANSWERED and not answered:
            evidence.append(f"{who} got no answer, but its client counts it as {result.status}")
        elif result.status == "definite" and root in subject.trees:
            commit = subject.trees[root][0]
            evidence.append(f"{who} failed definitely, but it committed at {commit.version}")
        elif result.status == "definite" and answered:
            evidence.append(f"{who} failed definitely, but it was answered")
    return evidence
