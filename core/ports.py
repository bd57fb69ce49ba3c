"""The effects an attempt asks its host for: the only way out of the core.

:func:`core.attempt.attempt` is a generator. It yields one of these and is sent
the answer, or has one of :mod:`core.errors`' store errors thrown into it. A host
is a loop around ``send`` and ``throw``: in virtual time (``sim``) or asyncio. The
generator returns a Reply whatever user code does; it raises nothing of its own but MemoryError,
which is the process's failure (rule 9).

==================  =================================================================
effect              answer
==================  =================================================================
ReadVersion         int; may raise StoreUnavailable
Read                (values, ranges); may raise TooOld, FutureVersion, StoreUnavailable
Commit              int, the committed version; may raise any store error
Send                an int ticket, at once; the host transmits and, unless ``once``, retries
Receive             the Replies for the tickets, in their order; when one cannot be had
                    after the host's bounded retries, a Reply whose outcome is Failed
Ask                 an int ticket, at once; the host sees to the tries (:mod:`core.outside`)
Hear                the Outcomes for the tickets, in their order: Returned or Raised
Now                 int, Unix time in nanoseconds
Due                 bool, whether a time has come
Pause               None, after a while that grows with ``retry``; takes turns on ``keys``
Release             None, at once; gives back the turns taken by Pause
==================  =================================================================
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from core.ids import RequestId
from core.messages import Outcome, Reply, Request
from core.store import KeyRange, Mutation, ReadAnswer

__all__ = [
    "Answer",
    "Ask",
    "Commit",
    "Due",
    "Effect",
    "Hear",
    "Now",
    "Pause",
    "Read",
    "ReadVersion",
    "Receive",
    "Release",
    "Send",
    "Steps",
]


class ReadVersion(msgspec.Struct, frozen=True):
    """Take a read version."""


class Read(msgspec.Struct, frozen=True):
    """Read keys and ranges at one version, in one round trip.

    :ivar unit: names the region attempt that reads; the same name stands in the ``units`` of
        the commit that makes the region durable. Hosts may record it, none needs it.
    :ivar ranges: ``(begin, end, limit)`` each; limit 0 reads all.
    """

    unit: str
    version: int
    keys: tuple[bytes, ...]
    ranges: tuple[tuple[bytes, bytes, int], ...] = ()


class Commit(msgspec.Struct, frozen=True):
    """Commit a region.

    :ivar request: the request whose region this is; None for maintenance.
    :ivar place: the region's number; ``end`` is the place of the call that follows it, or -1
        when the method ends with it.
    :ivar units: the region attempt's own name and those of the travelling callees it merged.
    """

    request: RequestId | None
    place: int
    end: int
    units: tuple[str, ...]
    version: int
    reads: list[KeyRange]
    mutations: list[Mutation]


class Send(msgspec.Struct, frozen=True):
    """Send a request to its service and do not wait.

    :ivar once: nothing asks again if there is no answer.
    :ivar awaited: whether somebody waits for the answer; if not, there is no ticket, and the
        message outlives whoever sent it.
    """

    request: Request
    once: bool = False
    awaited: bool = True


class Receive(msgspec.Struct, frozen=True):
    """Wait for the replies to requests sent before."""

    tickets: tuple[int, ...]


class Ask(msgspec.Struct, frozen=True):
    """Ask a function of the outside world, as often as its declaration says, and do not wait.

    :ivar unit: names what comes of it; it stands in the ``units`` of the commit that makes the
        answer durable. Hosts may record it, none needs it.
    :ivar key: the same at every try, whoever makes it.
    :ivar args: encoded, as those of a request.
    """

    unit: str
    request: RequestId
    place: int
    function: str
    key: str
    args: bytes


class Hear(msgspec.Struct, frozen=True):
    """Wait for the answers of the outside asked for before."""

    tickets: tuple[int, ...]


class Now(msgspec.Struct, frozen=True):
    """Read the clock.

    :ivar unit: as in :class:`Read`.
    """

    unit: str


class Due(msgspec.Struct, frozen=True):
    """Look whether a time has come, in Unix nanoseconds.

    No input: what waits for it goes on the same way, sooner or later.
    """

    time: int


class Pause(msgspec.Struct, frozen=True):
    """Back off after the ``retry``-th failure of a region and queue up for contended keys.

    :ivar retry: 0: go on at once, if anybody waits.
    :ivar owed: whether the attempt goes on although nobody waits for its answer any more: a
        verdict on the request is near, and whoever asks again would have to begin anew.
    :ivar aborted: whether what comes after it does again what has come to nothing: a transaction,
        or a region. Hosts may count it, none needs it.
    """

    retry: int
    keys: tuple[bytes, ...] = ()
    owed: bool = False
    aborted: bool = False


class Release(msgspec.Struct, frozen=True):
    """Give back the turns taken."""


Effect = ReadVersion | Read | Commit | Send | Receive | Ask | Hear | Now | Due | Pause | Release
Steps = Generator[Effect, Any, Any]
"""What a host drives (:mod:`core.driving`): effects out, answers in."""
Answer = int | ReadAnswer | list[Reply] | list[Outcome] | None
