"""Bounded storage: once retention has passed over everything, only application data is left.

Beside it there is what was set aside, with its journal and its client's key: a person may have it
taken up again. Neither holds up that others are forgotten.

And all of it: forgetting requests must not touch the data. Retention stops at the oldest
request that is not finished; so where the system had not settled, what is left says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from core.layout import (
    CLIENT_KEYS_BY_ROOT,
    JOURNAL,
    PROMISED,
    SCHEDULES,
    SET_ASIDE,
    SET_UP,
    WATERMARK,
    client_key,
    client_key_of_root,
    root_of,
)
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, count, judge

__all__ = ["bounded_storage"]

_KEPT = (SET_UP, WATERMARK)


def bounded_storage(subject: Subject) -> Verdict:
    """Check what a closing retention pass leaves in the store."""
    run, readable = subject.run, subject.readable
    retained = run.retained
    begin, end = subject.protocol.section
    kept = _of_what_is_set_aside(subject)
    left = sorted(
        key
        for key in retained
        if not begin <= key < end
        and key not in _KEPT
        and key[:1] != SCHEDULES.begin
        and not kept(key)
    )
    if run.settled_after is None and left:
        told = f"{count(len(left), 'record')} left, but requests were still under way"
        return Verdict("bounded_storage", "inconclusive", told)
    evidence = [f"{readable.key(key)} is left after retention" for key in left]
    if run.settled_after is not None and subject.commits:
        data = {key: value for key, value in retained.items() if begin <= key < end}
        final = {key: value for key, value in run.final.items() if begin <= key < end}
        lost = sorted(key for key, value in final.items() if data.get(key) != value)
        evidence += [f"{readable.key(key)} is data, but retention changed it" for key in lost]
    lost = sorted(key for key in run.final if kept(key) and key not in retained)
    evidence += [f"{readable.key(key)} is of a request set aside, but forgotten" for key in lost]
    examined = {"key": len(retained), "commit": len(subject.commits)}
    return judge("bounded_storage", examined, evidence)


def _of_what_is_set_aside(subject: Subject) -> Callable[[bytes], bool]:
    """Whether a key belongs to what was set aside."""
    roots, retained = subject.run.set_aside, subject.run.retained
    texts = {client_key(retained.get(client_key_of_root(root), b"")) for root in roots}
    sections = (SET_ASIDE, JOURNAL, CLIENT_KEYS_BY_ROOT, PROMISED)

    def kept(key: bytes) -> bool:
        by_root = any(each.begin <= key < each.end for each in sections)
        return key in texts or (by_root and root_of(key) in roots)

    return kept
