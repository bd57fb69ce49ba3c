"""A node as it meets strangers: what it holds of theirs before it knows who they are."""

import asyncio
import contextlib
import socket

import msgspec
import pytest

from backends.runtime.node import Node, serve_gateway, serve_service
from backends.runtime.settings import Settings
from backends.runtime.wire import SMALL, Call, Wire
from core.ids import RequestId
from core.messages import Origin, Request
from tests.backends.runtime.cluster import compiled
from tests.backends.runtime.public.parts import AwaitedStore
from tests.backends.runtime.raw import once

KEY = b"k" * 32


@contextlib.asynccontextmanager
async def node(serve):
    """A node of the hotel; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.setblocking(False)
    stop = asyncio.Event()
    made = Node(compiled("hotel"), AwaitedStore(), KEY, {"Hotel": f"http://127.0.0.1:{port}"})
    serving = asyncio.create_task(serve(made, listener, stop))
    try:
        yield port
    finally:
        stop.set()
        await serving


def serve_hotel(made, listener, stop):
    return serve_service(made, "Hotel", listener, stop)


def posted(path, length, *headers):
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("serve", [serve_hotel, serve_gateway])
def test_a_strangers_large_body_is_refused_before_it_is_sent(on_loop, serve):
    chunked = b"POST /call HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def main():
        async with node(serve) as port:
            announced = await once(port, posted("/call", 60_000_000))
            forged = await once(port, posted("/call", 60_000_000, "Mu2sls-Pass: 1.2.3.4.5"))
            piece = b"%x\r\n" % (SMALL + 1) + b"x" * (SMALL + 1) + b"\r\n"
            return announced, forged, await once(port, chunked + piece)

    announced, forged, pieces = on_loop(main())
    assert (announced[0], forged[0], pieces[0]) == (401, 401, 413)
    assert b"comes with a pass" in announced[2]


def test_a_large_message_of_a_node_is_taken_once(on_loop):
    wire = Wire(KEY)
    args = compiled("hotel").program.codec.encode((("x" * 2 * SMALL,), {}))
    request = Request(RequestId(bytes(16)), "Nobody", "free", args, Origin("Hotel", "free", args))
    envelope, _ = wire.seal(Call(request))
    lines = [f"{name}: {value}" for name, value in wire.passes(envelope).items()]
    data = posted("/call", len(envelope), "Connection: close", *lines) + envelope

    async def main():
        async with node(serve_hotel) as port:
            return await once(port, data), await once(port, data)

    first, again = on_loop(main())
    assert (first[0], again[0]) == (421, 401)  # it was opened, and is for another service


def test_what_a_client_sends_without_end_is_a_problem(on_loop):
    async def main():
        async with node(serve_gateway) as port:
            large = await once(port, posted("/Hotel.free", 2_000_000))
            long = await once(port, b"GET /Hotel.free?hotel=%s HTTP/1.1\r\n\r\n" % (b"x" * 9_000))
            return large, long, await once(port, b"nonsense\r\n\r\n")

    for (status, headers, body), expected in zip(on_loop(main()), (413, 414, 400), strict=True):
        told = msgspec.json.decode(body)
        assert (status, told["status"], told["outcome"]) == (expected, expected, "definite")
        assert headers["content-type"] == "application/problem+json"


def test_the_budget_of_a_gateway_is_a_setting(on_loop):
    """Too small a one takes one body at a time: there is always one that can be taken."""
    made = Settings(body_budget=1)

    async def serve(plain, listener, stop):
        await serve_gateway(
            Node(plain.application, plain.store, KEY, plain.addresses, made), listener, stop
        )

    async def main():
        async with node(serve) as port:
            body = b'["%s"]' % (b"x" * 900_000)
            data = posted("/Hotel.none", len(body), "Connection: close") + body
            return await once(port, data)

    assert on_loop(main())[0] == 404
