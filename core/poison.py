"""Poison: a request that takes its process down with it is refused after some tries (rule 8).

Only a host can see that a process died, and for whom. The process that comes after it has it
*remembered* in the store, so that all processes of the application count the same deaths, whatever
their names and however many there are; a process that starts reads first which requests are
*suspects*. A request that is none costs nothing. For a suspect the deaths are counted in the store
before anything of it is executed: so one that was forgiven meanwhile is executed again, and one
that killed OFTEN is refused.

Who was there already when a request killed for the OFTENth time does not know of it, and may die of
it once: it is then the last of that name to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec

from core.calls import failed
from core.errors import Failure, NondeterminismError, StoreError
from core.ids import RequestId
from core.journal import METHOD_END
from core.layout import DEATHS, death_key, deaths_of
from core.messages import Failed, Outcome, Reply, Request
from core.ports import Commit, Effect, Read, ReadVersion
from core.regions import Answered, Regions
from core.store import ClearRange, Mutation, Pairs, Set

__all__ = [
    "OFTEN",
    "POISON",
    "Died",
    "forgive",
    "judged",
    "refuse",
    "remember",
    "settle",
    "suspects",
]

POISON = "Poison"
"""The cause in the notes of trees that were set aside for it."""
OFTEN = 3
"""After so many deaths a request is not executed any more."""
_PAGE = 1_000


class Died(msgspec.Struct, frozen=True, array_like=True):
    """A process died while it computed for a request.

    :ivar method: what it computed, ``Service.method``.
    :ivar place: where it stood, as file and line, if that is known.
    """

    request: RequestId
    method: str
    place: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Died).decode


def remember(deaths: Mapping[str, Died], name: str = "poison") -> Generator[Effect, Any, None]:
    """Have all processes count these deaths, each under a name that no other one has.

    :raises StoreError: perhaps they are not remembered: to do it again does no harm.
    """
    version = yield ReadVersion()
    mutations: list[Mutation] = [
        Set(death_key(each.request, own.encode()), _encode(each)) for own, each in deaths.items()
    ]
    yield Commit(None, 0, METHOD_END, (name,), version, [], mutations)


def settle(
    deaths: Mapping[str, Died], name: str = "poison"
) -> Generator[Effect, Any, set[RequestId]]:
    """What a process does first: :func:`remember` whom others died of, and learn of suspects.

    :raises StoreError: the store did not answer; to do it again does no harm.
    """
    if deaths:
        yield from remember(deaths, name)
    return (yield from suspects(name))


def suspects(name: str = "poison") -> Generator[Effect, Any, set[RequestId]]:
    """The requests that processes died of.

    :raises StoreError: the store did not answer.
    """
    begin, found = DEATHS.begin, set()
    while True:
        version = yield ReadVersion()
        _, (pairs,) = yield Read(name, version, (), ((begin, DEATHS.end, _PAGE),))
        found |= {each.request for each in _read(pairs)}
        if len(pairs) < _PAGE:
            return found
        begin = pairs[-1][0] + b"\x00"


def forgive(request: RequestId, name: str = "poison") -> Generator[Effect, Any, None]:
    """Forget whom a request killed.

    :raises StoreError: perhaps nothing is forgotten.
    """
    version = yield ReadVersion()
    yield Commit(None, 0, METHOD_END, (name,), version, [], [ClearRange(*deaths_of(request))])


def judged(
    request: Request,
    name: str,
    reason: Callable[[Sequence[Died]], str],
    attempt: Callable[[], Generator[Effect, Any, Reply]],
) -> Generator[Effect, Any, Reply]:
    """Execute a suspect, unless it has killed often enough to be refused.

    :param reason: why it is refused, from the deaths.
    """
    try:
        version = yield ReadVersion()
        _, (pairs,) = yield Read(name, version, (), ((*deaths_of(request.id), 0),))
    except StoreError as error:
        return Reply(request.id, failed(error))
    died = _read(pairs)
    if len(died) < OFTEN:
        return (yield from attempt())
    return (yield from refuse(request, name, reason(died)))


def refuse(request: Request, name: str, reason: str) -> Generator[Effect, Any, Reply]:
    """Set a request aside without executing it, unless its outcome is known.

    :param name: names this attempt; unique among all attempts.
    :param reason: what it did to its processes, and where.
    """
    verdict = Failed("SetAside", False, reason, POISON)
    outcome: Outcome = verdict
    if request.travel is None:  # else it is its caller's region that cannot be completed
        regions = Regions(request, name, False, lambda: reason)
        try:
            yield from regions.refuse(verdict)
        except Answered as answered:
            outcome = answered.outcome
        except NondeterminismError as error:
            outcome = yield from regions.astray(error)
        except (StoreError, Failure) as error:
            outcome = failed(error)
    return Reply(request.id, outcome)


def _read(pairs: Pairs) -> list[Died]:
    return [_decode(value) for _, value in pairs]
