"""Joining: a process that is asked for what it is doing already does it once, and tells everybody.

A try that stays silent is followed by another (:mod:`core.retries`). If both reach the same
process, the second waits for the attempt that the first began. What took long and has just
ended is told once more: the process may have been too busy, with that very attempt, to hear
the second try in time.

Joining decides nothing about a request's fate; several attempts at once are always allowed
(``docs/protocol.md``, rule 8). So it may only ever save work:

* Only an attempt at the very same question is joined: method, arguments and root call, and for
  a travelling request the version it reads at and the writes it sees. An id that is used for
  something else is answered as if nothing was under way.
* An attempt that makes no progress, in a process that is dead or stands still, is not joined by
  anybody: the table is that process's own memory. Whoever asks elsewhere begins there.
* An attempt that ends without an answer says so to all who joined it, and they ask again.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from core.messages import Failed, Reply, Request

__all__ = ["Joins", "is_same", "keeps"]

A = TypeVar("A")

_LONG = 0.2
"""Part of a try's time-out: who took less can as well do it again."""
_KEPT = 2.0
"""In time-outs, at least: tries that were sent while it was under way have arrived by then."""


def is_same(one: Request, other: Request) -> bool:
    """Whether two requests of one id ask for the same, so that one attempt does for both.

    What they know of the tree's intent and how long they wait makes no difference to the answer.
    """
    return _asked(one) == _asked(other)


def _asked(request: Request) -> object:
    travels = request.travel, request.inside
    return request.id, request.service, request.method, request.args, request.origin, travels


def keeps(reply: Reply, took: float, timeout: float) -> float:
    """For how many seconds the answer of an attempt that has ended is there to be joined.

    :param took: how long the attempt was under way, in seconds.
    :param timeout: of a try, in seconds.
    """
    if isinstance(reply.outcome, Failed) or took < _LONG * timeout:
        return 0.0
    return max(_KEPT * timeout, took)


class Joins(Generic[A]):
    """The attempts in one process that may be joined, by what they answer.

    Of several at the same question the latest counts; a request that travels is another
    question at another version.
    """

    def __init__(self) -> None:
        self._attempts: dict[object, tuple[Request, A]] = {}

    def __len__(self) -> int:
        return len(self._attempts)

    def find(self, request: Request) -> A | None:
        """The attempt that answers ``request`` as well, if there is one."""
        request_and_attempt = self._attempts.get(_question(request))
        if request_and_attempt is None or not is_same(request_and_attempt[0], request):
            return None
        return request_and_attempt[1]

    def add(self, request: Request, attempt: A) -> None:
        """From now on ``attempt`` is joined."""
        self._attempts[_question(request)] = (request, attempt)

    def remove(self, request: Request, attempt: A) -> None:
        """It is not any more, unless another one has taken its place."""
        question = _question(request)
        found = self._attempts.get(question)
        if found is not None and found[1] is attempt:
            del self._attempts[question]

    def clear(self) -> None:
        """Forget all, as when the process dies."""
        self._attempts.clear()


def _question(request: Request) -> object:
    return request.id, request.travel.version if request.travel is not None else -1
