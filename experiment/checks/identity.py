"""What ids and keys stand for: one request each. Part of :mod:`experiment.checks.exactly_once`.

* A key stands for one root id, until retention has forgotten that (rule 7): of a second one there
  may be a trace or an answer only if it was recorded after the watermark had passed the first.
* An id that is used again for something else is refused, and nothing happens under it. A client
  that is told anything else, or nothing, need not have been: what it was told is judged.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from core.ids import RequestId
from core.journal import decode_record, fingerprint
from core.layout import JOURNAL, WATERMARK, client_key
from core.messages import Failed
from core.store import Set
from experiment.checks.subject import Subject

__all__ = ["ids", "keys"]


def keys(subject: Subject) -> list[str]:
    """Keys under which more than one request took place."""
    roots: dict[str, dict[bytes, None]] = {}
    for sent in subject.history.sent:
        if sent.key and (sent.id.root in subject.trees or sent.id.root in subject.answers):
            roots.setdefault(sent.key, {})[sent.id.root] = None
    several = {key: list(found) for key, found in roots.items() if len(found) > 1}
    if not several:
        return []
    forgotten, recorded = _watermarks(subject), _recorded(subject, several)
    evidence = []
    for key, found in several.items():
        for first, second in pairwise(found):
            when = recorded.get((key, second), 0)
            if not any(first < mark and version < when for version, mark in forgotten):
                who = subject.describe(RequestId(first))
                other = RequestId(second)
                evidence.append(f"the key '{key}' stands for {who}, and for request {other} too")
    return evidence


def _watermarks(subject: Subject) -> list[tuple[int, bytes]]:
    return [
        (commit.version, mutation.value)
        for commit in subject.commits
        for mutation in commit.mutations
        if isinstance(mutation, Set) and mutation.key == WATERMARK
    ]


def _recorded(subject: Subject, wanted: dict[str, list[bytes]]) -> dict[tuple[str, bytes], int]:
    """The versions at which it was recorded what each of these keys stands for."""
    names = {client_key(key.encode()): key for key in wanted}
    return {
        (names[mutation.key], mutation.value): commit.version
        for commit in subject.commits
        if commit.request is None
        for mutation in commit.mutations
        if isinstance(mutation, Set) and mutation.key in names
    }


def ids(subject: Subject) -> list[str]:
    """Ids that were used again for something else, and it was done or answered."""
    evidence = []
    for misused in subject.history.misused:
        if misused.time <= subject.run.seconds and not isinstance(misused.outcome, Failed):
            call = f"{misused.service}.{misused.method}{subject.readable.arguments(misused.args)}"
            told = subject.readable.outcome(misused.outcome)
            evidence.append(
                f"{call} was sent under the id of {subject.describe(misused.id)}, "
                f"and it {told} instead of being refused"
            )
    for root in {misused.id.root: None for misused in subject.history.misused}:
        evidence += _strange_records(subject, root)
    return evidence


def _strange_records(subject: Subject, root: bytes) -> list[str]:
    """What was recorded under a root id for another request than that which was sent first."""
    sent = subject.sent.get(root)
    if sent is None:
        return []
    begin, end = JOURNAL
    own = fingerprint(subject.request(sent))[:8]
    evidence = []
    for commit in subject.trees.get(root, ()):
        for mutation in commit.mutations:
            if isinstance(mutation, Set) and begin <= mutation.key < end:
                try:
                    found = decode_record(mutation.value).fingerprint[:8]
                except msgspec.DecodeError:
                    continue  # a part of a long one
                if found != own:
                    who = subject.describe(sent.id)
                    evidence.append(f"something else was done under the id of {who}")
    return evidence
