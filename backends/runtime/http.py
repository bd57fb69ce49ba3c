"""HTTP, as nodes use it: the only module that knows the library.

A node serves with one :data:`Handler` and asks with one :class:`Client`. Messages are whole
bodies; nothing is streamed. The library is aiohttp for both sides, the event loop is uvloop where
it is installed (:func:`run`); docs/performance.md has the measurements that decided.

*Serving.* A request is handled once its body is there, all of it: too large a body is refused
before it is read, or as soon as it has grown past the limit; one that stops arriving is given up.
A connection that sent such a request is closed, since what follows on it cannot be told from the
rest of the body. What is not HTTP is answered with 400 by the library and reaches no handler; only
a chunk that is malformed and comes after the rest of the request is given up like one that never
came, because the library does not tell who waits for it.

*Stopping.* A server that stops accepts nothing, closes the connections on which nothing is under
way, and answers what is under way with ``Connection: close``. What is left after the grace is
cancelled, and its connection closed without an answer.

*Asking.* Connections are kept and used again. One that the peer closed is not used again once the
event loop has seen it close, nor one that was idle for longer than ``_IDLE_CLIENT``, which is far
less than a server keeps one. What remains is the race that HTTP/1.1 leaves: the peer closes, or
dies, while the question travels. Then nobody knows whether it was taken, and the answer is
:class:`Broken`. A ``POST`` is never sent twice; a method that HTTP calls idempotent (``GET``,
``PUT``, ``DELETE``) is sent once more by the library when its connection breaks without an answer
(RFC 9110, section 9.2.2).
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.http import HttpProcessingError

try:
    import uvloop

    _new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:  # not on every platform
    _new_loop = asyncio.new_event_loop

__all__ = ["Broken", "Client", "Handler", "Incoming", "Outgoing", "Server", "Unreachable", "run"]

# Seconds. Proxies keep idle connections for up to ten minutes: it must be they who close first.
_IDLE_SERVER = 630.0
_IDLE_CLIENT = 15.0
_BODY_ARRIVES = 30.0
# For how long a refused body is thrown away, so that its sender gets to read the refusal.
_LINGER = 1.0
# What cancelled handlers get to clean up in when the grace is over.
_LAST_MOMENT = 0.1
# Passes of the event loop from bytes that have arrived to the handler, and a few to spare.
_PASSES = 6
# How often a server that stops looks whether it is done.
_GLANCE = 0.005

_BACKLOG = 1024
_NO_QUERY: Mapping[str, str] = MappingProxyType({})
_PLAIN_PATH = re.compile(r"/[\w./:~-]*", re.ASCII)
_LARGE = 1 << 20  # above it the library warns of bytes and wants a file

_NOTHING_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)

_log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.library")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that a server received.

    :ivar path: percent-decoded, without the query.
    :ivar query: of a name that is given twice, the first value.
    :ivar headers: by lower-case name; values of a repeated name are joined with commas
        (RFC 9110, section 5.3).
    :ivar body: as it was sent, also where it has a content encoding.
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


class _Refused(Exception):
    """A request whose body will not be read to its end."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a node to its end, on the faster event loop where it is installed."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(coroutine)


def _not_malformed(record: logging.LogRecord) -> bool:
    """Malformed requests have got their 400; a stranger must not fill the log with them."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_library_log.addFilter(_not_malformed)


class Server:
    """Serves one handler on a listening socket, which it closes when it stops.

    A handler that raises is answered for with 500 and logged.

    :param limit: the largest body taken, in bytes; above it the answer is 413.
    :param refusal: the answer to a request whose body was not read to its end, by its status:
        400 (it broke off), 408 (it came too slowly), 413.
    """

    def __init__(
        self,
        handler: Handler,
        listener: socket.socket,
        limit: int,
        refusal: Callable[[int], Outgoing] = Outgoing,
    ) -> None:
        self._handler = handler
        self._refusal = refusal
        self._listener = listener
        self._limit = limit
        self._acceptor: asyncio.AbstractServer | None = None
        self._draining = False
        self._busy: set[asyncio.BaseProtocol] = set()

    async def start(self) -> None:
        """Begin to accept connections."""
        self._connections = web.Server(
            self._handle,
            access_log=None,
            auto_decompress=False,  # or a small body could become a large one
            keepalive_timeout=_IDLE_SERVER,
            lingering_time=_LINGER,
            logger=_library_log,
        )
        self._acceptor = await asyncio.get_running_loop().create_server(
            self._connections, sock=self._listener, backlog=_BACKLOG
        )

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and wait for what is under way, at most ``grace`` seconds."""
        if self._acceptor is None:
            self._listener.close()
            return
        clock = asyncio.get_running_loop().time
        until = clock() + grace
        self._draining = True
        self._acceptor.close()
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
        if self._draining and request.transport is None:
            return web.Response(status=503)  # closed meanwhile: nobody hears what it would do
        connection = request.protocol
        self._busy.add(connection)
        try:
            return await self._answer(request)
        finally:
            self._busy.discard(connection)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        try:
            incoming = _incoming(request, await self._body(request))
        except _Refused as refused:
            return await self._begin(request, self._refusal(refused.status), close=True)
        try:
            return await self._begin(request, await self._handler(incoming))
        except Exception:
            _log.exception("%s %s failed", incoming.method, incoming.path)
            return await self._begin(request, Outgoing(500))

    async def _begin(
        self, request: web.BaseRequest, outgoing: Outgoing, close: bool = False
    ) -> web.Response:
        """The response with its head made, which a handler's bad header fails."""
        headers = {"Content-Type": outgoing.content_type, "Server": "mu2sls", **outgoing.headers}
        response = web.Response(status=outgoing.status, body=outgoing.body, headers=headers)
        if close or self._draining:
            response.force_close()
        await response.prepare(request)
        return response

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The body, nearly always there already.

        :raises _Refused: it is too large (413), comes too slowly (408), or breaks off (400).
        """
        if (request.content_length or 0) > self._limit:
            raise _Refused(413)
        content = request.content
        try:
            if content.is_eof():
                body = content.read_nowait()
            else:
                async with asyncio.timeout(_BODY_ARRIVES):
                    body = await self._arriving(request)
        except TimeoutError:
            raise _Refused(408) from None
        except (web.RequestPayloadError, ConnectionError):
            raise _Refused(400) from None
        if len(body) > self._limit:
            raise _Refused(413)
        return body

    async def _arriving(self, request: web.BaseRequest) -> bytes:
        """The body, no more of it than shows that it is too large."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the answer itself has not begun
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._limit:
                break
        return bytes(body)


async def _while(there: Callable[[], Collection[object]], until: float) -> None:
    """Wait while anything is there, and not past ``until`` on the event loop's clock."""
    clock = asyncio.get_running_loop().time
    while there() and clock() < until:
        await asyncio.sleep(_GLANCE)


def _incoming(request: web.BaseRequest, body: bytes) -> Incoming:
    # Most paths need no decoding, and have no query.
    if _PLAIN_PATH.fullmatch(request.raw_path):
        return Incoming(
            request.method, request.raw_path, _NO_QUERY, _by_lower_case(request.headers), body
        )
    return Incoming(
        request.method, request.path, request.query, _by_lower_case(request.headers), body
    )


def _by_lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    found = {name.lower(): value for name, value in headers.items()}
    if len(found) != len(headers):
        found.clear()
        for name, value in headers.items():
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class Client:
    """Asks servers, over connections that are kept. Made, used and closed in one event loop.

    :param connections: the most connections to one server.
    :param limit: the largest answer taken, in bytes; 0: any.
    :param host: the name that an ingress knows the servers by; empty: that of the address.
    """

    def __init__(self, connections: int = 256, limit: int = 0, host: str = "") -> None:
        self._limit = limit
        self._session = aiohttp.ClientSession(
            headers={"Host": host} if host else None,
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=connections, keepalive_timeout=_IDLE_CLIENT
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    async def request(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask once: status, headers by lower-case name, body. Redirections are not followed.

        :param timeout: seconds for all of it, connecting included.
        :raises Unreachable: nothing was sent.
        :raises Broken: something may have been sent, and there is no answer, or one over the limit.
        """
        if self._session.closed:
            raise Unreachable("this client is closed")
        try:
            async with self._session.request(
                method,
                url,
                data=body if len(body) <= _LARGE else io.BytesIO(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
            ) as response:
                answer = await self._read(response)
                return response.status, _by_lower_case(response.headers), answer
        except _NOTHING_SENT as error:
            raise Unreachable(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Broken(f"{type(error).__name__}: {error}") from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit, declared = self._limit, response.content_length
        if not limit or (declared is not None and declared <= limit):
            return await response.read()
        answer = bytearray()
        if declared is None:
            async for chunk in response.content.iter_any():
                answer += chunk
                if len(answer) > limit:
                    break
        if declared is not None or len(answer) > limit:
            response.close()
            raise Broken(f"the answer has more than {limit} bytes")
        return bytes(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
