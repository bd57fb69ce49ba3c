"""Strict serializability: the order of commits explains every read, and respects real time.

The first half is the replay (:mod:`experiment.checks.replay`). The second: a request
that was sent after another was answered comes after it in the order, with
everything it did. Commits are ordered by their versions; a read-only request
stands at the version it read at, after the commit of that version.
"""

from __future__ import annotations

from typing import NamedTuple

from experiment.checks import parts
from experiment.checks.replay import Difference
from experiment.checks.subject import Subject
from experiment.record.history import Answered, Sent
from experiment.verdict import Verdict, judge

__all__ = ["strict_serializable"]

_NAME = "strict_serializable"


def strict_serializable(subject: Subject) -> Verdict:
    """Check reads against the order of commits, and the order against real time."""
    replayed = subject.replayed
    evidence = [
        _difference(subject, found)
        for found in replayed.differences
        if subject.protocol.regions or found.kind != "version"  # else only values count
    ]
    if subject.in_objects:
        evidence += parts.overwritten(subject)
    evidence += [f"commit {version} came after a later one" for version in replayed.disorder]
    if not subject.protocol.parts:  # whose last commits follow the answer, under locks
        evidence += _real_time(subject)
    examined = {
        "commit": len(subject.commits),
        "read": replayed.reads,
        "scan": replayed.scans,
        "read-only answer": len(subject.snapshots),
    }
    return judge(_NAME, examined, evidence)


def _difference(subject: Subject, found: Difference) -> str:
    readable, unit = subject.readable, found.unit
    who = subject.describe(unit.request)
    if found.kind == "version":
        return (
            f"{who} read at version {found.seen}, not at version {found.expected} "
            f"to which its outcome at {found.version} belongs"
        )
    what = readable.key(found.key)
    if found.kind == "scan":
        what = f"a range from {what}"
    return (
        f"{who} read {what} as {readable.value(found.seen)} at version {unit.version}, but at "
        f"its place in the order, version {found.version}, it was {readable.value(found.expected)}"
    )


class _Bound(NamedTuple):
    """What is certain to have happened: up to ``version``, because ``answer`` was given."""

    version: int
    answer: Answered


def _real_time(subject: Subject) -> list[str]:
    """Violations of real-time order, in one pass over sendings and answers by time."""
    first, last = _extents(subject)
    answers = [a for found in subject.answers.values() for a in found]
    answers.sort(key=lambda answer: answer.time)
    evidence: list[str] = []
    bound: _Bound | None = None
    position = 0
    for sent in sorted(subject.sent.values(), key=lambda sent: sent.time):
        while position < len(answers) and answers[position].time < sent.time:
            answer = answers[position]
            reached = max(last.get(answer.id.root, 0), answer.version)
            if bound is None or reached > bound.version:
                bound = _Bound(reached, answer)
            position += 1
        if bound is not None:
            evidence += _too_early(subject, sent, bound, first.get(sent.id.root))
    return evidence


def _extents(subject: Subject) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """First and last commit version of each tree."""
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    for commit in subject.commits:
        if commit.request is not None and subject.acts(commit):
            root = commit.request.root
            first.setdefault(root, commit.version)
            last[root] = commit.version
    return first, last


def _too_early(subject: Subject, sent: Sent, bound: _Bound, commit: int | None) -> list[str]:
    versions = [a.version for a in subject.answers.get(sent.id.root, ()) if a.version]
    early = [f"read at version {v}" for v in versions if v < bound.version]
    if commit is not None and commit <= bound.version:
        early.append(f"committed at version {commit}")
    return [
        f"{subject.describe(sent.id)} was sent at {sent.time:.6f} s and {what}, but "
        f"{subject.describe(bound.answer.id)}, which reaches version {bound.version}, had been "
        f"answered at {bound.answer.time:.6f} s"
        for what in early
    ]
