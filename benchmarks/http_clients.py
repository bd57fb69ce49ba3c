"""HTTP clients that ask the same question, for ``benchmarks.http``.

``python -m benchmarks.http_clients NAME LOOP PORT CONCURRENCY SECONDS`` asks in a closed loop and
prints a :class:`Load` as JSON. The client named ``fixed`` sends prepared bytes and parses next to
nothing, so that a server is measured and not its client.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from benchmarks.http_servers import run

__all__ = ["CLIENTS", "Load", "fixed", "main"]

BODY = bytes(range(200)) * 3
_HEADERS = {"content-type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Load:
    """What one client saw in one run.

    :ivar rate: answers per second.
    :ivar median: and ``tail`` (99th percentile), microseconds.
    :ivar cpu: of the client's process, microseconds per answer.
    :ivar memory: the client's greatest resident set, KiB.
    """

    count: int
    rate: float
    median: float
    tail: float
    cpu: float
    memory: int


Ask = Callable[[], Awaitable[bytes]]
Open = Callable[[str], AbstractAsyncContextManager[Ask]]


class _Prepared(asyncio.Protocol):
    """One connection that sends the same bytes and waits for as many bytes as came first."""

    def __init__(self, head: bytes) -> None:
        self._question = head + BODY
        self._received = b""
        self._waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= len(BODY) and self._waiter is not None:
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(head)
            self._received = b""
            self._waiter.set_result(body)
            self._waiter = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None:
            self._waiter.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self) -> bytes:
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(self._question)  # type: ignore[attr-defined]  # it is a Transport
        return await self._waiter

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def fixed(url: str) -> AsyncIterator[Ask]:
    """Prepared bytes over as many connections as are asked at once."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    lines = [
        "POST /call HTTP/1.1",
        f"Host: {host}:{port}",
        f"Content-Length: {len(BODY)}",
        *(f"{name}: {value}" for name, value in _HEADERS.items()),
    ]
    head = "\r\n".join([*lines, "", ""]).encode()
    idle: list[_Prepared] = []

    async def ask() -> bytes:
        if idle:
            connection = idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(lambda: _Prepared(head), host, int(port))
        answer = await connection.ask()
        idle.append(connection)
        return answer

    yield ask
    for connection in idle:
        connection.close()


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[Ask]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def ask() -> bytes:
            async with session.post(url, data=BODY, headers=_HEADERS) as response:
                return await response.read()

        yield ask


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[Ask]:
    import httpx

    async with httpx.AsyncClient() as client:

        async def ask() -> bytes:
            response = await client.post(url, content=BODY, headers=_HEADERS)
            return bytes(response.content)

        yield ask


@asynccontextmanager
async def _niquests(url: str) -> AsyncIterator[Ask]:
    import niquests

    async with niquests.AsyncSession(pool_maxsize=64) as session:

        async def ask() -> bytes:
            response = await session.post(url, data=BODY, headers=_HEADERS)
            return bytes(response.content or b"")

        yield ask


@asynccontextmanager
async def _seam(url: str) -> AsyncIterator[Ask]:
    from backends.runtime.http import Client

    client = Client()

    async def ask() -> bytes:
        return (await client.request("POST", url, BODY, _HEADERS))[2]

    yield ask
    await client.close()


# Name: what it needs, how it is opened.
CLIENTS: dict[str, tuple[tuple[str, ...], Open]] = {
    "aiohttp": (("aiohttp",), _aiohttp),
    "httpx": (("httpx",), _httpx),
    "niquests": (("niquests",), _niquests),
    "backends.runtime": ((), _seam),
    "fixed": ((), fixed),
}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _drive(open_client: Open, url: str, concurrency: int, seconds: float) -> Load:
    times: list[float] = []

    async def loop(ask: Ask, until: float, kept: list[float]) -> None:
        while (begin := time.perf_counter()) < until:
            answer = await ask()
            if len(answer) != len(BODY):
                raise ValueError(f"an answer of {len(answer)} bytes")
            kept.append(time.perf_counter() - begin)

    async def together(ask: Ask, span: float, kept: list[float]) -> None:
        until = time.perf_counter() + span
        await asyncio.gather(*(loop(ask, until, kept) for _ in range(concurrency)))

    async with open_client(url) as ask:
        await together(ask, seconds / 10, [])
        before, begin = _cpu(), time.perf_counter()
        await together(ask, seconds, times)
        cpu, elapsed = _cpu() - before, time.perf_counter() - begin
    times.sort()
    count = len(times)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Load(
        count,
        count / elapsed,
        times[count // 2] * 1e6,
        times[count * 99 // 100] * 1e6,
        cpu / count * 1e6,
        memory,
    )


def main(arguments: list[Any] | None = None) -> None:
    """Ask, and print what was seen."""
    name, loop, port, concurrency, seconds = arguments or sys.argv[1:]
    url = f"http://127.0.0.1:{port}/call"
    load = run(loop, _drive(CLIENTS[name][1], url, int(concurrency), float(seconds)))
    sys.stdout.write(msgspec.json.encode(load).decode() + "\n")


if __name__ == "__main__":
    main()
