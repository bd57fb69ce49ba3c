"""Bounded storage: once retention has passed over everything, only application data is left.

And all of it: forgetting requests must not touch the data. Retention stops at the oldest
request that is not finished; so where the system had not settled, what is left says nothing.
"""

from __future__ import annotations

from core.layout import DATA, SET_UP, WATERMARK
from experiment.checks.subject import Subject
from experiment.verdict import Verdict, count, judge

__all__ = ["bounded_storage"]

_KEPT = (SET_UP, WATERMARK)


def bounded_storage(subject: Subject) -> Verdict:
    """Check what a closing retention pass leaves in the store."""
    run, readable = subject.run, subject.readable
    retained = run.retained
    begin, end = DATA
    left = sorted(key for key in retained if not begin <= key < end and key not in _KEPT)
    if run.settled_after is None and left:
        told = f"{count(len(left), 'record')} left, but requests were still under way"
        return Verdict("bounded_storage", "inconclusive", told)
    evidence = [f"{readable.key(key)} is left after retention" for key in left]
    if run.settled_after is not None and subject.commits:
        data = {key: value for key, value in retained.items() if begin <= key < end}
        lost = sorted(key for key, value in subject.final_data.items() if data.get(key) != value)
        evidence += [f"{readable.key(key)} is data, but retention changed it" for key in lost]
    examined = {"key": len(retained), "commit": len(subject.commits)}
    return judge("bounded_storage", examined, evidence)
