"""Reading a body: within its limit, within its time, and within what the process can hold.

A :class:`Budget` counts the bytes of all bodies that a process has under way, from their arrival
until they are answered. It counts what is there, not what was announced: who announces much and
sends nothing takes no room from others. A body that finds no room is refused, with 503.

A body that is given up is given back at once. An exception that says so would hold on to it, by
its traceback, and be held itself by the library's stream, until the garbage collector finds the
circle; so what goes wrong here is a value, and the library's exceptions lose their tracebacks.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

from aiohttp import web

__all__ = ["Budget", "Refused", "Share", "read"]

_ARRIVES = 30.0
"""Seconds for a body to arrive."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A body that was not read to its end."""

    status: int
    why: str


class Budget:
    """The bytes of bodies that a process may have under way.

    :param limit: at most so many; unlimited if not given.
    :ivar used: what is under way.
    """

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.limit = limit
        self.used = 0


class Share:
    """One request's share of a budget."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def refusal(self, size: int, limit: int) -> Refused | None:
        """Why ``size`` bytes more are too many, for a body of at most ``limit`` or for all."""
        if self._size + size > limit:
            return Refused(413, f"the body is over the limit of {limit} bytes")
        if self._budget.used + size > self._budget.limit:
            return Refused(503, "too many bytes of bodies are under way here: ask again later")
        return None

    def take(self, size: int, limit: int) -> Refused | None:
        """Count ``size`` bytes more, unless they are too many."""
        refused = self.refusal(size, limit)
        if refused is None:
            self._size += size
            self._budget.used += size
        return refused

    def give_back(self) -> None:
        """Count nothing any more."""
        self._budget.used -= self._size
        self._size = 0


async def read(request: web.BaseRequest, limit: int, share: Share) -> bytes | Refused:
    """The body, nearly always there already; refused with 400, 408, 413 or 503."""
    refused = share.refusal(request.content_length or 0, limit)
    if refused is not None:
        return refused
    content = request.content
    try:
        if not content.is_eof():
            async with asyncio.timeout(_ARRIVES):
                return await _arriving(request, limit, share)
        body = content.read_nowait()
    except TimeoutError:
        return Refused(408, "the body came too slowly")
    except (web.RequestPayloadError, ConnectionError) as error:
        error.__traceback__ = None
        return Refused(400, "the body broke off")
    return share.take(len(body), limit) or body


async def _arriving(request: web.BaseRequest, limit: int, share: Share) -> bytes | Refused:
    """The body, no more of it than shows that it is too large."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    body = bytearray()
    async for chunk in request.content.iter_any():
        refused = share.take(len(chunk), limit)
        if refused is not None:
            return refused
        body += chunk
    return bytes(body)
