"""Atomicity: what is in the store is exactly what the recorded commits put there, whole.

A region, and with it a transaction, is durable in one commit or not at all, a
travelling attempt never commits, and nothing reaches the store beside a commit: replaying the
recorded commits on the initial content gives the final content, byte for byte.
Commits that the store refused are therefore known to have left nothing.
"""

from __future__ import annotations

from experiment.checks import parts
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, judge

__all__ = ["atomicity"]


def atomicity(subject: Subject) -> Verdict:
    """Check that commits are whole and that nothing else wrote."""
    if subject.protocol.parts:
        return _of_parts(subject)
    commits = subject.commits
    committed_by: dict[str, int] = {}
    regions: dict[tuple[bytes, tuple[int, ...], int], int] = {}
    evidence: list[str] = []
    for commit in commits:
        if commit.request is not None and subject.acts(commit):
            region = (commit.request.root, commit.request.path, commit.place)
            earlier = regions.setdefault(region, commit.version)
            if earlier != commit.version:
                evidence.append(
                    f"{subject.describe(commit.request)}: region {commit.place} took more than "
                    f"one commit, {earlier} and {commit.version}"
                )
        if commit.travelling and commit.request is not None:
            who = subject.describe(commit.request)
            evidence.append(f"{who} committed {commit.version} while it travelled")
        for unit in commit.units:
            earlier = committed_by.setdefault(unit, commit.version)
            if earlier != commit.version and commit.request is not None:
                who = subject.describe(commit.request)
                evidence.append(
                    f"{who}: the region attempt {unit} was committed in parts, "
                    f"{earlier} and {commit.version}"
                )
    evidence += _strays(subject)
    refused = sum(subject.history.refused_commits.values())
    return judge("atomicity", {"commit": len(commits), "refused commit": refused}, evidence)


def _of_parts(subject: Subject) -> Verdict:
    """Check that all parts of a transaction are committed if one is, where each is a commit."""
    transactions, evidence = parts.halves(subject)
    examined = {"commit": len(subject.commits), "transaction": transactions}
    return judge("atomicity", examined, evidence + _strays(subject))


def _strays(subject: Subject) -> list[str]:
    """Keys whose final value is not what the recorded commits left."""
    replayed, final, readable = subject.replayed.content, subject.run.final, subject.readable
    if replayed == final:
        return []
    keys = [key for key in replayed.keys() | final.keys() if replayed.get(key) != final.get(key)]
    return [
        f"{readable.key(key)} is {readable.value(final.get(key))} in the end, but the recorded "
        f"commits leave {readable.value(replayed.get(key))}"
        for key in sorted(keys)
    ]
