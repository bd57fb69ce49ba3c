"""HTTP servers that answer the same request, for ``benchmarks.http``.

``python -m benchmarks.http_servers NAME LOOP FD`` serves with one of them on an inherited listening
socket until it is ended. The work of a request stands for opening an envelope: an HMAC over the
body; the answer is as long as the question.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import importlib.util
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

__all__ = ["LOOPS", "SERVERS", "main", "missing", "run"]

LOOPS = ("asyncio", "uvloop")

_KEY = b"k" * 32
_LIMIT = 1 << 20
_OCTETS = "application/octet-stream"


def _work(body: bytes) -> bytes:
    return hmac.digest(_KEY, body, hashlib.sha256) + body[32:]


def run(loop: str, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run the coroutine on ``asyncio`` or on ``uvloop``."""
    if loop == "uvloop":
        import uvloop

        return uvloop.run(coroutine)
    return asyncio.run(coroutine)


def missing(loop: str, needs: tuple[str, ...]) -> str | None:
    """The first library that a candidate needs and that is not installed."""
    wanted = (*needs, *(("uvloop",) if loop == "uvloop" else ()))
    return next((name for name in wanted if importlib.util.find_spec(name) is None), None)


async def _asgi(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = _work(body)
    head = [(b"content-type", _OCTETS.encode()), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": answer})


async def _aiohttp(listener: socket.socket) -> None:
    from aiohttp import web

    async def handle(request: web.BaseRequest) -> web.Response:
        return web.Response(body=_work(await request.read()), content_type=_OCTETS)

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await asyncio.Event().wait()


async def _uvicorn(listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        _asgi, http="httptools", ws="none", lifespan="off", access_log=False, log_level="error"
    )
    await uvicorn.Server(config).serve(sockets=[listener])


async def _hypercorn(listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    config.keep_alive_max_requests = sys.maxsize  # a thousand, by default
    await serve(_asgi, config)


async def _granian(listener: socket.socket) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    host, port = listener.getsockname()
    listener.close()  # it takes no socket: the port is bound anew
    await Server(_asgi, host, port, interface=Interfaces.ASGI, log_enabled=False).serve()


async def _bare(listener: socket.socket) -> None:
    """The parser alone: nothing is checked, so this is the least that a server can cost."""
    import httptools

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.parser = httptools.HttpRequestParser(self)
            self.transport = transport
            self.parts: list[bytes] = []

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_body(self, data: bytes) -> None:
            self.parts.append(data)

        def on_message_complete(self) -> None:
            body, self.parts = b"".join(self.parts), []
            asyncio.get_running_loop().create_task(self.answer(body))

        async def answer(self, body: bytes) -> None:
            answer = _work(body)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
            self.transport.write(head + answer)  # type: ignore[attr-defined]  # it is a Transport

    await asyncio.get_running_loop().create_server(Connection, sock=listener)
    await asyncio.Event().wait()


async def _seam(listener: socket.socket) -> None:
    from backends.runtime.http import Incoming, Outgoing, Server

    async def handle(incoming: Incoming) -> Outgoing:
        return Outgoing(200, _work(incoming.body))

    await Server(handle, listener, _LIMIT).start()
    await asyncio.Event().wait()


Serve = Callable[[socket.socket], Coroutine[Any, Any, None]]

# Name: what it needs, how it serves.
SERVERS: dict[str, tuple[tuple[str, ...], Serve]] = {
    "aiohttp": (("aiohttp",), _aiohttp),
    "uvicorn": (("uvicorn", "httptools"), _uvicorn),
    "hypercorn": (("hypercorn",), _hypercorn),
    "granian": (("granian",), _granian),
    "httptools, bare": (("httptools",), _bare),
    "backends.runtime": ((), _seam),
}


def main() -> None:
    """Serve until ended."""
    name, loop, descriptor = sys.argv[1:]
    listener = socket.socket(fileno=int(descriptor))
    with contextlib.suppress(KeyboardInterrupt):
        run(loop, SERVERS[name][1](listener))


if __name__ == "__main__":
    main()
