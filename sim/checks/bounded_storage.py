"""Bounded storage: once retention has passed over everything, only application data is left."""

from __future__ import annotations

from core.layout import DATA, WATERMARK
from sim.checks.subject import Subject
from sim.checks.verdict import Verdict, judge

__all__ = ["bounded_storage"]


def bounded_storage(subject: Subject) -> Verdict:
    """Check what a closing retention pass leaves in the store."""
    retained, readable = subject.run.retained, subject.readable
    begin, end = DATA
    left = sorted(key for key in retained if not begin <= key < end and key != WATERMARK)
    evidence = [f"{readable.key(key)} is left after retention" for key in left]
    examined = {"key": len(retained), "commit": len(subject.commits)}
    return judge("bounded_storage", examined, evidence)
