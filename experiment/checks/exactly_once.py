"""Exactly once: an acknowledged request has its effects once, and those that go with its answer.

Seven observations, none of which asks the executor what it thinks it did:

* no region is committed twice, and no journal key is ever set twice; a clear in
  between is no excuse, for a request executed again after it was forgotten is
  just what must not happen;
* all answers to one request agree, late duplicates included; none is given before what
  it stands for is durable, and nobody is told that nothing happened when something did;
* a request that left a trace or was answered, sent once more at the end, gives
  that answer and commits nothing. It finds its journal as it is in the end, but the
  application's data as it was at first: an answer must come from what is remembered,
  whatever the world has become meanwhile. (In a long run, of the requests that went
  smoothly only some are sent; the verdict says how many. Where the system had not
  settled, those that may have been under way are left out, and so is what was set aside:
  that they are not finished is for :mod:`experiment.checks.liveness` to say);
* nothing happened in the name of a request that nobody sent;
* ids and clients' keys stand for one request each (:mod:`experiment.checks.identity`).

Read-only requests record nothing: each of their answers is judged at the version
it was read at (:mod:`experiment.checks.strict_serializable`, :mod:`experiment.checks.reference`).
Where a protocol remembers nothing, nothing is sent once more: what is judged then is what did go
wrong in the run, not what a late duplicate would do. One that remembers steps but no answers
(:mod:`core.popl23`) gets the clock and the chance of the run again, for what differs is judged
where it did, and it only has to have nothing left to do.
"""

from __future__ import annotations

from collections import Counter

from core.ids import RequestId
from core.layout import JOURNAL, LOCKS, PARTS
from core.memory import MemoryStore
from core.messages import Failed
from core.store import Set
from experiment.checks import identity, parts
from experiment.checks.redrive import Driven, redrive
from experiment.checks.subject import Subject
from experiment.record.history import Answered, Sent
from experiment.verdict import Verdict, judge

__all__ = ["MOST_REDRIVEN", "exactly_once"]

MOST_REDRIVEN = 2_000
"""How many requests are sent again in a run with more; none that had any trouble is left out."""


def exactly_once(subject: Subject) -> Verdict:
    """Check that nothing happened twice, nor otherwise than answered."""
    evidence = _journal_keys(subject) + _strangers(subject)
    evidence += parts.twice(subject) if subject.in_objects else _regions(subject)
    evidence += _answers(subject) + _too_soon(subject) + _denied(subject)
    evidence += identity.keys(subject) + identity.ids(subject)
    redriven, more = _again(subject)
    examined = {
        "commit": sum(map(len, subject.trees.values())),
        "answer": sum(map(len, subject.answers.values())),
        "re-driven request": redriven,
    }
    unfinished = sum(root in subject.unfinished for root in subject.trees)
    left_out = {"unfinished request": unfinished}
    return judge("exactly_once", examined, evidence + more, left_out)


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
            assert commit.request is not None
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
        f"request {RequestId(root)} committed at {tree[0].version}, but nobody sent it"
        for root, tree in subject.trees.items()
        if root not in subject.sent
    ]


def _answers(subject: Subject) -> list[str]:
    evidence = []
    for answers in subject.answers.values():
        if _reads_only(subject, answers[0]):
            continue  # each looked at another moment: at the store, or just at the clock
        for answer in answers[1:]:
            if answer.outcome != answers[0].outcome:
                who = subject.describe(answer.id)
                told = [subject.readable.outcome(a.outcome) for a in (answers[0], answer)]
                evidence.append(f"{who} was told two answers: first {told[0]}, then {told[1]}")
                break
    return evidence


def _reads_only(subject: Subject, answer: Answered) -> bool:
    sent = subject.sent.get(answer.id.root)
    return sent is not None and subject.is_snapshot(sent)


def _too_soon(subject: Subject) -> list[str]:
    """Requests that were answered before all they did was durable: a crash would have lost it."""
    evidence: list[str] = []
    if subject.protocol.parts:
        return evidence  # what callees still have to commit is under locks
    for root, answers in subject.answers.items():
        tree = subject.trees.get(root)
        if tree and tree[-1].time > answers[0].time:
            who = subject.describe(answers[0].id)
            evidence.append(
                f"{who} was answered at {answers[0].time:.6f} s, but committed "
                f"{tree[-1].version} at {tree[-1].time:.6f} s"
            )
    return evidence


def _denied(subject: Subject) -> list[str]:
    """Requests that failed definitely, perhaps a late duplicate of theirs, and yet happened.

    To be turned away says nothing about earlier copies, so that does not count.
    """
    evidence = []
    for failed in subject.replies:
        outcome, root = failed.outcome, failed.id.root
        if not isinstance(outcome, Failed) or not outcome.definite or outcome.kind == "Overloaded":
            continue
        if root in subject.trees or root in subject.answers:
            done = "committed" if root in subject.trees else "was answered"
            who = subject.describe(failed.id)
            evidence.append(f"{who} {subject.readable.outcome(outcome)}, definitely, but it {done}")
    return evidence


def _again(subject: Subject) -> tuple[int, list[str]]:
    """Send requests with a trace or an answer once more, at the end."""
    store = _moved_on(subject)
    evidence: list[str] = []
    chosen = _chosen(subject)
    for sent in chosen:
        request = subject.request(sent)
        if subject.protocol.regions:
            driven = redrive(subject.program, store, request)
        else:
            tree = subject.executed(sent.id.root)
            clocks = {id_: each.clocks for id_, each in tree.items()}
            names = {id_: each.name for id_, each in tree.items()}
            execute = subject.protocol.attempt
            driven = redrive(subject.program, store, request, None, clocks, execute, names)
        evidence += _judge_again(subject, sent.id, driven)
    return len(chosen), evidence


def _moved_on(subject: Subject) -> MemoryStore:
    """The final store, with the data as it was before the first request, and nobody's locks."""
    begin, end = subject.protocol.section
    content = {
        k: v
        for k, v in subject.run.final.items()
        if not (begin <= k < end or any(held.begin <= k < held.end for held in (LOCKS, PARTS)))
    }
    content |= {k: v for k, v in subject.history.initial.items() if begin <= k < end}
    store = MemoryStore(clock=lambda: 0.0)
    store.load(content.items())
    return store


def _chosen(subject: Subject) -> list[Sent]:
    """The requests to send again: all, or in a long run MOST_REDRIVEN of them.

    Those come first that did not take one try and one answer; the others are evenly spaced.
    """
    if not subject.protocol.remembers:
        return []
    found = [
        sent
        for root, sent in subject.sent.items()
        if root >= subject.watermark
        and (root in subject.trees or root in subject.answers)
        and root not in subject.unfinished
        and root not in subject.run.set_aside
        and not subject.is_snapshot(sent)
        and (subject.protocol.regions or root in subject.answers or root in subject.changed)
    ]
    if len(found) <= MOST_REDRIVEN:
        return found
    tries = Counter(sent.id.root for sent in subject.history.sent)
    smooth: list[Sent] = []
    troubled: list[Sent] = []
    for sent in found:
        root = sent.id.root
        calm = tries[root] == 1 and len(subject.answers.get(root, ())) == 1
        (smooth if calm else troubled).append(sent)
    left = max(MOST_REDRIVEN - len(troubled), 0)
    step = max(len(smooth) / left, 1.0) if left else 1.0
    return troubled + [smooth[int(i * step)] for i in range(min(left, len(smooth)))]


def _judge_again(subject: Subject, request: RequestId, driven: Driven) -> list[str]:
    readable, who = subject.readable, subject.describe(request)
    if driven.blocked:
        commit = driven.blocked[0]
        keys = ", ".join(readable.key(m.key) for m in commit.mutations if isinstance(m, Set))
        return [f"{who}, sent again at the end, wants to commit once more: {keys}"]
    if driven.reply is None:
        how = ", ".join(driven.trouble) or "does not end"
        return [f"{who}, sent again at the end, {how}"]
    answers = subject.answers.get(request.root)
    outcome = driven.reply.outcome
    if isinstance(outcome, Failed):
        return [f"{who}, sent again at the end, {readable.outcome(outcome)}"]
    if answers and answers[0].outcome != outcome and subject.protocol.regions:
        return [
            f"{who} was told that it {readable.outcome(answers[0].outcome)}, but sent again "
            f"at the end it {readable.outcome(outcome)}"
        ]
    return []
