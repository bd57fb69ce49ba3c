"""Exactly once: an acknowledged request has its effects once, and those that go with its answer.

Four observations, none of which asks the executor what it thinks it did:

* no region is committed twice, and no journal key is ever set twice; a clear in
  between is no excuse, for a request executed again after it was forgotten is
  just what must not happen;
* all answers to one request agree, late duplicates included;
* a request that left a trace or was answered, sent once more after everything
  settled, gives that answer and commits nothing;
* nothing happened in the name of a request that nobody sent.

Read-only requests record nothing: each of their answers is judged at the version
it was read at (:mod:`sim.checks.strict_serializable`, :mod:`sim.checks.reference`).
"""

from __future__ import annotations

from core.ids import RequestId
from core.layout import JOURNAL
from core.memory import MemoryStore
from core.messages import Failed
from core.store import Set
from sim.checks.redrive import Driven, redrive
from sim.checks.subject import Subject, is_set_aside
from sim.checks.verdict import Verdict, judge

__all__ = ["exactly_once"]


def exactly_once(subject: Subject) -> Verdict:
    """Check that nothing happened twice, nor otherwise than answered."""
    evidence = _journal_keys(subject) + _regions(subject) + _strangers(subject)
    evidence += _answers(subject)
    redriven, more = _again(subject)
    examined = {
        "commit": sum(map(len, subject.trees.values())),
        "answer": sum(map(len, subject.answers.values())),
        "re-driven request": redriven,
    }
    return judge("exactly_once", examined, evidence + more)


def _journal_keys(subject: Subject) -> list[str]:
    begin, end = JOURNAL
    first: dict[bytes, int] = {}
    evidence = []
    for commit in subject.commits:
        for mutation in commit.mutations:
            if type(mutation) is Set and begin <= mutation.key < end:
                earlier = first.setdefault(mutation.key, commit.version)
                if earlier != commit.version:
                    what = subject.readable.key(mutation.key)
                    evidence.append(f"{what} was committed at {earlier} and at {commit.version}")
    return evidence


def _regions(subject: Subject) -> list[str]:
    first: dict[tuple[bytes, tuple[int, ...], int], int] = {}
    evidence = []
    for root, tree in subject.trees.items():
        for commit in tree:
            if commit.request is None or is_set_aside(commit):
                continue
            region = (root, commit.request.path, commit.place)
            earlier = first.setdefault(region, commit.version)
            if earlier != commit.version:
                who = subject.describe(commit.request)
                evidence.append(
                    f"{who} committed its region {commit.place} twice, "
                    f"at {earlier} and at {commit.version}"
                )
    return evidence


def _strangers(subject: Subject) -> list[str]:
    return [
        f"request {RequestId(root)} committed at {tree[0].version}, but no client sent it"
        for root, tree in subject.trees.items()
        if root not in subject.sent
    ]


def _answers(subject: Subject) -> list[str]:
    evidence = []
    for answers in subject.answers.values():
        remembered = [answer for answer in answers if not answer.version]
        for answer in remembered[1:]:
            if answer.outcome != remembered[0].outcome:
                who = subject.describe(answer.id)
                told = [subject.readable.outcome(a.outcome) for a in (remembered[0], answer)]
                evidence.append(f"{who} was told two answers: first {told[0]}, then {told[1]}")
                break
    return evidence


def _again(subject: Subject) -> tuple[int, list[str]]:
    """Send every request with a trace or an answer once more, after everything settled."""
    store = MemoryStore(clock=lambda: 0.0)
    store.load(subject.run.final.items())
    evidence = []
    redriven = 0
    for root, sent in subject.sent.items():
        forgotten = root < subject.watermark
        known = root in subject.trees or root in subject.answers
        if forgotten or not known or subject.read_only(sent.service, sent.method):
            continue
        redriven += 1
        driven = redrive(subject.program, store, subject.request(sent))
        evidence += _judge_again(subject, sent.id, driven)
    return redriven, evidence


def _judge_again(subject: Subject, request: RequestId, driven: Driven) -> list[str]:
    readable, who = subject.readable, subject.describe(request)
    if driven.blocked:
        commit = driven.blocked[0]
        keys = ", ".join(
            readable.key(m.key) for m in commit.mutations if isinstance(m, Set)
        )
        return [f"{who}, sent again after everything settled, wants to commit once more: {keys}"]
    if driven.reply is None:
        how = ", ".join(driven.trouble) or "does not end"
        return [f"{who}, sent again after everything settled, {how}"]
    answers = subject.answers.get(request.root)
    outcome = driven.reply.outcome
    if isinstance(outcome, Failed):
        return [f"{who}, sent again after everything settled, {readable.outcome(outcome)}"]
    if answers and answers[0].outcome != outcome:
        return [
            f"{who} was told that it {readable.outcome(answers[0].outcome)}, but sent again after "
            f"everything settled it {readable.outcome(outcome)}"
        ]
    return []
