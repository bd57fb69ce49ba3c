"""Serving: one handler on a listening socket.

A request is handled once its body is there, all of it. Before the body is read, the *door* decides
by the request's head how large it may be, or refuses it: a stranger's large body is never held. A
body is refused before it is read, or as soon as it has grown past its limit or finds no room; one
that stops arriving is given up (:mod:`backends.runtime.http.bodies`). A connection that sent such a
request is closed, since what follows on it cannot be told from the rest of the body. What is not
HTTP reaches no handler; only a chunk that is malformed and comes after the rest of the request is
given up like one that never came, because the library does not tell who waits for it.

*Stopping.* A server that stops accepts nothing, closes the connections on which nothing is under
way, and answers what is under way with ``Connection: close``. What is left after the grace is
cancelled, and its connection closed without an answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from aiohttp import web

from backends.runtime.http.acceptor import Acceptor
from backends.runtime.http.bodies import Budget, Refused, Share, read
from backends.runtime.http.connection import Connection, break_off, response_of
from backends.runtime.http.messages import (
    Door,
    Handler,
    Incoming,
    Outgoing,
    Refusing,
    by_lower_case,
    plain_refusal,
)

__all__ = ["Server"]

# Seconds. Proxies keep idle connections for up to ten minutes: it must be they who close first.
_IDLE = 630.0
# For how long a refused body is thrown away, so that its sender gets to read the refusal.
_LINGER = 1.0
# What cancelled handlers get to clean up in when the grace is over.
_LAST_MOMENT = 0.1
# Passes of the event loop from bytes that have arrived to the handler, and a few to spare.
_PASSES = 6
# How often a server that stops looks whether it is done.
_GLANCE = 0.005

_NO_QUERY: Mapping[str, str] = MappingProxyType({})
_PLAIN_PATH = re.compile(r"/[\w./:~-]*", re.ASCII)

_log = logging.getLogger(__name__)


class Server:
    """Serves one handler on a listening socket, which it closes when it stops.

    A handler that raises is answered for with 500 and logged.

    :param limit: the largest body taken, in bytes; above it the answer is 413.
    :param refusing: makes the answer to what reaches no handler, by its status: 400 (no HTTP, or a
        body that breaks off), 408 (it came too slowly), 413, 414 (the URL), 431 (a header), 503.
    :param door: decides by a request's head how large its body may be, ``limit`` at most.
    :param budget: the bytes of bodies that may be under way at once.
    """

    def __init__(
        self,
        handler: Handler,
        listener: socket.socket,
        limit: int,
        refusing: Refusing = plain_refusal,
        door: Door | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._handler = handler
        self._refusing = refusing
        self._limit = limit
        self._door = door or (lambda _: limit)
        self._budget = budget or Budget()
        self._acceptor = Acceptor(listener, self._connect)
        self._has_started = False
        self._draining = False
        self._busy: set[asyncio.BaseProtocol] = set()

    async def start(self) -> None:
        """Begin to accept connections."""
        self._connections = web.Server(self._handle)
        self._has_started = True
        self._acceptor.start()

    def _connect(self) -> Connection:
        return Connection(
            self._connections,
            self._refusing,
            access_log=None,
            auto_decompress=False,  # or a small body could become a large one
            keepalive_timeout=_IDLE,
            lingering_time=_LINGER,
            logger=_log,
        )

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and wait for what is under way, at most ``grace`` seconds."""
        if not self._has_started:
            await self._acceptor.stop()
            return
        clock = asyncio.get_running_loop().time
        until = clock() + grace
        self._draining = True
        await self._acceptor.stop()
        for _ in range(_PASSES):  # what has arrived reaches the handler, and is under way
            await asyncio.sleep(0)
        for connection in self._connections.connections:
            if connection not in self._busy:
                connection.force_close()
        # A connection is there until its answer has left the process, not only the handler.
        await _while(lambda: self._connections.connections, until)
        if self._busy:
            _log.warning("%d requests are still under way after the grace", len(self._busy))
        await self._connections.shutdown(_LAST_MOMENT)
        await _while(lambda: self._busy, clock() + _LAST_MOMENT)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.head_arrived()
        if self._draining and request.transport is None:
            return web.Response(status=503)  # closed meanwhile: nobody hears what it would do
        self._busy.add(connection)
        share = Share(self._budget)
        try:
            return await self._answer(request, connection, share)
        finally:
            share.give_back()
            self._busy.discard(connection)
            if connection.is_half_closed:
                asyncio.get_running_loop().call_later(_GLANCE, connection.close_if_done)

    async def _answer(
        self, request: web.BaseRequest, connection: Connection, share: Share
    ) -> web.Response:
        head = _incoming(request)
        if head is None:
            refused = self._refusing(400, "the URL is not UTF-8")
            return await self._begin(request, refused, close=True)
        limit = self._door(head)
        if isinstance(limit, int):
            body = await self._body(request, connection, min(limit, self._limit), share)
        else:
            body = limit
        if isinstance(body, Outgoing):
            return await self._begin(request, body, close=True)
        try:
            return await self._begin(request, await self._handler(replace(head, body=body)))
        except Exception:
            _log.exception("%s %s failed", head.method, head.path)
            return await self._begin(request, Outgoing(500))

    async def _body(
        self, request: web.BaseRequest, connection: Connection, limit: int, share: Share
    ) -> bytes | Outgoing:
        if connection.is_half_closed:
            break_off(request.content)
        connection.reading = request.content
        try:
            body = await read(request, limit, share)
        finally:
            connection.reading = None
        return self._refusing(body.status, body.why) if isinstance(body, Refused) else body

    async def _begin(
        self, request: web.BaseRequest, outgoing: Outgoing, close: bool = False
    ) -> web.Response:
        """The response with its head made, which a handler's bad header fails."""
        response = response_of(outgoing)
        if close or self._draining:
            response.force_close()
        await response.prepare(request)
        return response


async def _while(there: Callable[[], Collection[object]], until: float) -> None:
    """Wait while anything is there, and not past ``until`` on the event loop's clock."""
    clock = asyncio.get_running_loop().time
    while there() and clock() < until:
        await asyncio.sleep(_GLANCE)


def _incoming(request: web.BaseRequest) -> Incoming | None:
    """The request without its body; None: its URL stands for bytes that are no text."""
    headers = by_lower_case(request.headers)
    # Most paths need no decoding, and have no query.
    if _PLAIN_PATH.fullmatch(request.raw_path):
        return Incoming(request.method, request.raw_path, _NO_QUERY, headers, b"")
    try:
        unquote_to_bytes(request.raw_path).decode()
    except UnicodeError:
        return None
    return Incoming(request.method, request.path, request.query, headers, b"")
