"""Plain optimistic retry, to measure against: :mod:`core.attempt` without its lines.

Whoever is refused because somebody else committed first backs off and tries again, as
FoundationDB's own client does, and does not wait in line for the keys (:mod:`core.turns`). Lines
are advice to a host, so nothing but time is different.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from core.attempt import attempt
from core.driving import resume
from core.errors import StoreError
from core.messages import Reply, Request
from core.ports import Effect, Pause
from core.program import Program

__all__ = ["optimistic"]


def optimistic(program: Program, request: Request, name: str) -> Generator[Effect, Any, Reply]:
    """An attempt, in the shape of :func:`core.attempt.attempt`, that stands in no line."""
    steps = attempt(program, request, name)
    answer: Any = None
    try:
        while True:
            effect = resume(steps, answer)
            if isinstance(effect, Pause):
                effect = msgspec.structs.replace(effect, keys=())
            try:
                answer = yield effect
            except StoreError as error:
                answer = error
    except StopIteration as stop:
        reply: Reply = stop.value
        return reply
    finally:
        steps.close()
