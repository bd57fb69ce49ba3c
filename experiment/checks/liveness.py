"""Liveness: once faults stop, everything that was begun comes to an end within a bounded time.

No intent may be left, no alarm, no tree that rests, nor anything that a transaction holds
(:mod:`experiment.checks.parts`), and what clients were told at last must fit what happened: a
request that failed definitely must not have made anything durable. That a request with a trace is
complete shows when it is sent again (:mod:`experiment.checks.exactly_once`).

To be set aside is an end, too, if nothing else was possible, and so is to be told of one that
no retry mends. Both are tried once more, on a machine in good health
(:mod:`experiment.checks.health`): what completes there was given up for trouble that passes.
"""

from __future__ import annotations

from core.layout import ALARMS, INTENTS, RESTING, SET_ASIDE
from core.messages import Failed
from core.poison import POISON
from experiment.checks import parts
from experiment.checks.subject import Subject
from experiment.record.history import Sent
from experiment.verdict import Verdict, judge

__all__ = ["MOST_TRIED", "liveness"]

_ANSWERED = ("succeeded", "raised")
_STATUSES = (*_ANSWERED, "definite", "indefinite")
_BEYOND_RETRY = ("TooSlow", "TooLarge")

_UNFINISHED = {
    INTENTS: "the request was never completed",
    ALARMS: "the request was never woken",
    RESTING: "the request was never woken",
}

MOST_TRIED = 20
"""How many requests that were given up are tried once more, of each kind."""


def liveness(subject: Subject) -> Verdict:
    """Check that the system settled and left nothing undone."""
    run, readable = subject.run, subject.readable
    evidence = []
    if run.settled_after is None or run.settled_after > subject.scenario.heal:
        evidence.append(f"the system had not settled {subject.scenario.heal:g} s after the faults")
    for (begin, end), what in _UNFINISHED.items():
        left = sorted(key for key in run.final if begin <= key < end)
        evidence += [f"{readable.key(key)} is left: {what}" for key in left]
    evidence += parts.left(subject)
    evidence += _statuses(subject) + _set_aside(subject) + _told_so(subject)
    examined = {"request": len(subject.sent)}
    if run.set_aside:
        examined["set-aside request"] = len(run.set_aside)
    return judge("liveness", examined, evidence)


def _set_aside(subject: Subject) -> list[str]:
    """Trees that were set aside although they can be completed, or are."""
    evidence = []
    poison = _poison(subject)
    for root, note in list(subject.run.set_aside.items())[:MOST_TRIED]:
        if note.cause == POISON and root.hex() in poison:
            continue
        sent = subject.sent.get(root)
        if sent is None:
            what = subject.readable.key(SET_ASIDE.begin + root)
            evidence.append(f"{what} is left, but no client sent it")
        elif root in subject.answers:
            evidence.append(f"{subject.describe(sent.id)} was answered, and set aside")
        else:
            evidence += _tried(subject, sent, f"was set aside ({note.reason})")
    return evidence


def _poison(subject: Subject) -> set[str]:
    """The root ids, in hexadecimal, of trees in which faults made a request take processes down."""
    struck = [fault for fault in subject.history.faults if fault.kind == "poison"]
    return {fault.where.rpartition("@")[2].partition("/")[0] for fault in struck}


def _told_so(subject: Subject) -> list[str]:
    """Requests whose clients were told that no retry would mend them, but one does."""
    if not subject.protocol.regions:
        return []
    given_up: dict[bytes, Failed] = {}
    for reply in subject.replies:
        outcome = reply.outcome
        if isinstance(outcome, Failed) and outcome.kind in _BEYOND_RETRY:
            given_up.setdefault(reply.id.root, outcome)
    evidence = []
    for root, outcome in list(given_up.items())[:MOST_TRIED]:
        sent = subject.sent.get(root)
        if sent is not None and root not in subject.answers:
            evidence += _tried(subject, sent, subject.readable.outcome(outcome))
    return evidence


def _tried(subject: Subject, sent: Sent, how: str) -> list[str]:
    outcome = subject.health.outcome(subject.run.final, subject.request(sent))
    if outcome is None or isinstance(outcome, Failed):
        return []
    told = subject.readable.outcome(outcome)
    return [f"{subject.describe(sent.id)} {how}, but tried again in good health it {told}"]


def _statuses(subject: Subject) -> list[str]:
    """Requests whose last word does not fit what happened.

    A client that calls its request by a key has one last word for all that is asked under the key.
    An answer may still arrive after the client gave up; then both are true.
    """
    evidence = []
    results = {result.id.root: result for result in subject.run.results}
    keys = {sent.key for sent in subject.history.sent if sent.id.root in results} - {""}
    for root, sent in subject.sent.items():
        if root in subject.started or root in subject.ticks:
            continue  # nobody waits for it
        result, who = results.get(root), subject.describe(sent.id)
        answered = root in subject.answers
        if result is None and sent.key in keys:
            continue
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
