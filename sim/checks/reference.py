"""Reference semantics (being written)."""

from __future__ import annotations

from sim.checks.subject import Subject
from sim.checks.verdict import Verdict

__all__ = ["reference"]


def reference(subject: Subject) -> Verdict:
    """Not there yet."""
    del subject
    return Verdict("reference", "inconclusive", "not written yet")
