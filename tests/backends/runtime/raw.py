"""A server attacked on raw sockets, on both event loops."""

import asyncio
import contextlib
import socket

from backends.runtime.http import Outgoing, Server
from tests.patience import coming

LIMIT = 10_000
HEAD = "POST /call HTTP/1.1\r\nHost: node\r\n"


def listening():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener, listener.getsockname()[1]


async def echo(incoming):
    return Outgoing(200, incoming.body)


@contextlib.asynccontextmanager
async def serving(handler=echo, limit=LIMIT, **options):
    listener, port = listening()
    server = Server(handler, listener, limit, **options)
    await server.start()
    try:
        yield server, port
    finally:
        await server.stop(0)


async def body_is_awaited(server, wire):
    """Wait until a server has read the head of a request and waits for its body."""
    name = wire.writer.get_extra_info("sockname")

    def is_reading():
        return any(
            each.reading is not None and each.transport.get_extra_info("peername") == name
            for each in server._connections.connections
        )

    await coming(is_reading, "a server that reads a body")


class Wire:
    """One raw connection to a server."""

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, port):
        wire = cls()
        wire.reader, wire.writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield wire
        finally:
            wire.writer.close()

    def send(self, data):
        self.writer.write(data if isinstance(data, bytes) else data.encode())

    def ask(self, body=b"", headers=""):
        self.send(f"{HEAD}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    async def answer(self):
        """Status, headers, body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def closed(self):
        """What still comes until the server closes."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""


async def once(port, data):
    """The answer to one raw request, after which the connection must close."""
    async with Wire.to(port) as wire:
        wire.send(data)
        answer = await wire.answer()
        assert await wire.closed() == b""
        return answer
