"""Poison: a request that takes its process down with it is refused after some tries (rule 8).

Only a host can see that; it has :func:`refuse` executed in place of the method.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.calls import failed
from core.errors import Failure, NondeterminismError, StoreError
from core.messages import Failed, Outcome, Reply, Request
from core.ports import Effect
from core.regions import Answered, Regions

__all__ = ["POISON", "refuse"]

POISON = "Poison"
"""The cause in the notes of trees that were set aside for it."""


def refuse(request: Request, name: str, reason: str) -> Generator[Effect, Any, Reply]:
    """Set a request aside without executing it, unless its outcome is known.

    :param name: names this attempt; unique among all attempts.
    :param reason: what it did to its processes, and where.
    """
    verdict = Failed("SetAside", False, reason, POISON)
    outcome: Outcome = verdict
    if request.travel is None:  # else it is its caller's region that cannot be completed
        try:
            yield from Regions(request, name, False, lambda: reason).refuse(verdict)
        except Answered as answered:
            outcome = answered.outcome
        except (StoreError, Failure, NondeterminismError) as error:
            outcome = failed(error)
    return Reply(request.id, outcome)
