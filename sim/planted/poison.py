"""Breaking rule 8: requests that take processes down."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from core import poison
from core.messages import Failed, Reply
from sim.planted.bug import Steps, bug, everywhere, replace


@bug(
    "what a request killed is counted, and ends its execution", "liveness", "faults/poison", "hotel"
)
def deaths_not_counted() -> AbstractContextManager[Any]:
    """Never learn of a suspect."""

    def settle(*_: Any, **__: Any) -> Steps:
        return set()
        yield

    return everywhere(poison.settle, settle)


@bug("to be refused is to be set aside", "liveness", "faults/poison", "hotel")
def poison_refused_and_not_set_aside() -> AbstractContextManager[Any]:
    """Refuse it, and leave it to recovery, which asks again and again."""

    def refuse(request: Any, *_: Any) -> Steps:
        return Reply(request.id, Failed("Interrupted", False, "it kills"))
        yield

    return replace(poison, "refuse", refuse)
