"""HTTP, as nodes use it: the only module that knows the library.

A node serves with one :data:`Handler` and asks with one :class:`Client`. Messages are whole
bodies; nothing is streamed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

__all__ = ["Broken", "Client", "Handler", "Incoming", "Outgoing", "Server", "Unreachable"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that a server received.

    :ivar path: percent-decoded, without the query.
    :ivar headers: by lower-case name.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a server answers."""

    status: int
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Incoming], Awaitable[Outgoing]]


class Unreachable(Exception):
    """No connection could be made: nothing was sent."""


class Broken(Exception):
    """The connection broke, or time ran out, after something may have been sent."""


class Server:
    """Serves one handler on a listening socket.

    :param limit: the largest body taken, in bytes; above it the answer is 413.
    """

    def __init__(self, handler: Handler, listener: socket.socket, limit: int) -> None:
        self._handler = handler
        self._listener = listener
        self._limit = limit
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Begin to accept connections."""
        server = web.Server(self._handle)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.SockSite(runner, self._listener, backlog=1024).start()
        self._runner = runner

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and wait for what is under way, at most ``grace`` seconds."""
        if self._runner is not None:
            await self._runner.shutdown()
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request._client_max_size = self._limit
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        outgoing = await self._handler(
            Incoming(request.method, request.path, request.query, headers, body)
        )
        return web.Response(
            status=outgoing.status,
            body=outgoing.body,
            content_type=outgoing.content_type,
            headers=outgoing.headers,
        )


class Client:
    """Asks servers, over connections that are kept.

    :param connections: the most connections to one server.
    """

    def __init__(self, connections: int = 256) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=connections),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask once: status, headers by lower-case name, body.

        :raises Unreachable: nothing was sent.
        :raises Broken: something may have been sent, and there is no answer.
        """
        limits = aiohttp.ClientTimeout(total=timeout)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=limits
            ) as response:
                answer = await response.read()
                found = {name.lower(): value for name, value in response.headers.items()}
                return response.status, found, answer
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(str(error)) from None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
