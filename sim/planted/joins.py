"""Breaking rule 10: who may join an attempt. In these variants every answer is kept for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from core import joins
from core.messages import Request
from sim.planted.bug import bug, everywhere, replace


def _parts(request: Request) -> dict[str, object]:
    """What makes two requests of one id different questions."""
    travel = request.travel
    return {
        "arguments": (request.service, request.method, request.args, request.origin),
        "version": travel and travel.version,
        "writes": travel and travel.writes,
    }


@contextmanager
def _joined_whatever_is(different: str) -> Iterator[None]:
    """Take requests for the same that differ in a part of what they ask."""

    def is_same(one: Request, other: Request) -> bool:
        return one.id == other.id and all(
            part == different or mine == theirs
            for (part, mine), theirs in zip(
                _parts(one).items(), _parts(other).values(), strict=True
            )
        )

    def question(request: Request) -> object:
        return request.id

    with (
        replace(joins, "_LONG", 0.0),
        replace(joins, "_question", question),
        everywhere(joins.is_same, is_same),
    ):
        yield


@bug("a call travels at the version of its caller's region", "strict_serializable",
     "unknown_commit", "hotel")  # fmt: skip
def attempts_at_another_version_joined() -> AbstractContextManager[Any]:
    """Give a region that was begun again what its callee answered to the one before."""
    return _joined_whatever_is("version")


@bug("an id used again for something else is refused", "exactly_once", "smoke", "counter")
def attempts_with_other_arguments_joined() -> AbstractContextManager[Any]:
    """Give who asks for something else under the same id the answer of the one before."""
    return _joined_whatever_is("arguments")


@bug("a branch run again sees what an earlier one wrote", "reference", "smoke", "warehouse")
def attempts_that_saw_other_writes_joined() -> AbstractContextManager[Any]:
    """Give a branch that is run again what it answered before."""
    return _joined_whatever_is("writes")
