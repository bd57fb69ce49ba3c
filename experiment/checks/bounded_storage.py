"""Bounded storage: once retention has passed over everything, only application data is left.

And all of it: forgetting requests must not touch the data.
"""

from __future__ import annotations

from core.layout import DATA, SET_UP, WATERMARK
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, judge

__all__ = ["bounded_storage"]

_KEPT = (SET_UP, WATERMARK)


def bounded_storage(subject: Subject) -> Verdict:
    """Check what a closing retention pass leaves in the store."""
    run, readable = subject.run, subject.readable
    retained = run.retained
    begin, end = DATA
    left = sorted(key for key in retained if not begin <= key < end and key not in _KEPT)
    evidence = [f"{readable.key(key)} is left after retention" for key in left]
    # In a run that did not settle, requests may still have been under way.
    if run.settled_after is not None and subject.commits:
        data = {key: value for key, value in retained.items() if begin <= key < end}
        lost = sorted(key for key, value in subject.final_data.items() if data.get(key) != value)
        evidence += [f"{readable.key(key)} is data, but retention changed it" for key in lost]
    examined = {"key": len(retained), "commit": len(subject.commits)}
    return judge("bounded_storage", examined, evidence)
