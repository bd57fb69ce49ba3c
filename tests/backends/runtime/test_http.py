"""The HTTP seam: attacked on raw sockets from both sides, on both event loops."""

import asyncio
import contextlib
import gc
import gzip
import logging
import os
import re
import resource
import socket
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path
from urllib.parse import quote

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.runtime.http import (
    Broken,
    Client,
    Outgoing,
    Server,
    Unreachable,
    acceptor,
    bodies,
    run,
    server,
)
from tests.backends.runtime.raw import (
    HEAD,
    LIMIT,
    Wire,
    body_is_awaited,
    echo,
    listening,
    once,
    serving,
)
from tests.patience import coming, patience

ROOT = Path(__file__).parents[3]
FOR_EVER = 1_000_000
"""A grace in seconds: whoever waits for its end is found out."""


# --- what a handler gets and gives -----------------------------------------------------------


def test_a_handler_gets_the_whole_request(on_loop):
    got = []

    async def handler(incoming):
        got.append(incoming)
        return Outgoing(201, b"made", "text/plain; charset=utf-8", {"X-Kind": "new"})

    async def main():
        async with serving(handler) as (_, port), Wire.to(port) as wire:
            wire.send(
                "PUT /a%20b/c?x=1&y=%C3%A9&x=2 HTTP/1.1\r\nHost: node\r\nX-Tag: a\r\nx-TAG: b\r\n"
                "Content-Length: 3\r\n\r\nabc"
            )
            return await wire.answer()

    status, headers, body = on_loop(main())
    (incoming,) = got
    assert (incoming.method, incoming.path, incoming.body) == ("PUT", "/a b/c", b"abc")
    assert (incoming.query["x"], incoming.query["y"]) == ("1", "é")
    assert incoming.headers == {"host": "node", "x-tag": "a, b", "content-length": "3"}
    assert (status, body, headers["x-kind"]) == (201, b"made", "new")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert "connection" not in headers
    assert "aiohttp" not in headers["server"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/.")), st.binary())
def test_any_path_and_any_body_arrive(name, body):
    got = []

    async def handler(incoming):
        got.append(incoming)
        return Outgoing(200, incoming.body[::-1])

    async def main():
        client = Client()
        async with serving(handler) as (_, port):
            url = f"http://127.0.0.1:{port}/v1/{quote(name, safe='')}"
            try:
                return await client.request("POST", url, body)
            finally:
                await client.close()

    status, _, answer = run(main())
    assert (status, answer) == (200, body[::-1])
    assert got[0].path == f"/v1/{name}"
    assert got[0].query == {}


def test_pipelined_requests_are_answered_in_turn(on_loop):
    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            for number in range(40):
                wire.ask(b"%d" % number)
            return [(await wire.answer())[2] for _ in range(40)]

    assert on_loop(main()) == [b"%d" % number for number in range(40)]


def test_a_question_for_the_head_gets_no_body(on_loop):
    async def main():
        async with serving(lambda _: _answer(b"body")) as (_, port), Wire.to(port) as wire:
            wire.send("HEAD /x HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
            return await wire.closed()

    async def _answer(body):
        return Outgoing(200, body)

    raw = on_loop(main())
    assert raw.startswith(b"HTTP/1.1 200")
    assert raw.endswith(b"\r\n\r\n")


def test_a_compressed_body_stays_as_small_as_it_was_sent(on_loop):
    small = gzip.compress(b"\0" * 1_000_000)

    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.ask(small, "Content-Encoding: gzip\r\n")
            return await wire.answer()

    assert on_loop(main())[::2] == (200, small)


def test_a_handler_that_raises_is_a_500_without_its_secrets(on_loop, caplog):
    async def handler(incoming):
        if incoming.body == b"bad":
            raise ValueError("the secret")
        return Outgoing(200, b"fine")

    async def main():
        async with serving(handler) as (_, port), Wire.to(port) as wire:
            wire.ask(b"bad")
            first = await wire.answer()
            wire.ask(b"good")  # and the connection lives on
            return first, await wire.answer()

    (status, headers, body), after = on_loop(main())
    assert status == 500
    assert b"secret" not in body
    assert b"Traceback" not in body
    assert "secret" not in str(headers)
    assert after[0] == 200
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "POST /call failed"
    assert "the secret" in str(record.exc_info[1])


@pytest.mark.parametrize("headers", [{"X-Bad": "a\r\nSet-Cookie: b"}, {"X-Bad\n": "a"}])
def test_a_handler_cannot_split_an_answer(on_loop, headers, caplog):
    async def handler(_):
        return Outgoing(200, b"body", headers=headers)

    async def main():
        async with serving(handler) as (_, port), Wire.to(port) as wire:
            wire.ask(headers="Connection: close\r\n")
            return await wire.closed()

    raw = on_loop(main())
    assert raw.startswith(b"HTTP/1.1 500 ")
    assert b"Cookie" not in raw
    assert any(record.levelno >= logging.ERROR for record in caplog.records)


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("excess", [0, 1])
def test_a_body_may_reach_the_limit_and_not_pass_it(on_loop, excess):
    body = b"x" * (LIMIT + excess)
    called = []

    async def handler(incoming):
        called.append(len(incoming.body))
        return Outgoing(200)

    async def main():
        statuses = []
        chunked = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body
        async with serving(handler) as (_, port):
            for pieces in (
                [f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body],
                [f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode(), body[:5_000], body[5_000:]],
                [chunked + b"\r\n0\r\n\r\n"],
                [chunked[:3_000], chunked[3_000:], b"\r\n0\r\n\r\n"],
            ):
                async with Wire.to(port) as wire:
                    for piece in pieces:
                        wire.send(piece)
                        await asyncio.sleep(0.02)
                    statuses.append((await wire.answer())[0])
        return statuses

    assert on_loop(main()) == [413 if excess else 200] * 4
    assert called == ([] if excess else [LIMIT] * 4)


def test_too_large_a_body_is_refused_before_it_is_sent(on_loop):
    async def main():
        async with serving() as (_, port):
            return await once(port, f"{HEAD}Content-Length: {LIMIT + 1}\r\n\r\n")

    status, headers, _ = on_loop(main())
    assert status == 413
    assert headers["connection"] == "close"


def test_an_endless_chunked_body_is_refused_and_cut_off(on_loop):
    """The sender never stops, and reads the refusal nevertheless."""

    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.send(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n")

            async def for_ever():
                with contextlib.suppress(ConnectionError, RuntimeError):  # closed, as loops say it
                    while True:
                        wire.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
                        await wire.writer.drain()
                        await asyncio.sleep(0.001)

            sending = asyncio.create_task(for_ever())
            status, headers, _ = await wire.answer()
            await sending
            return status, headers["connection"]

    assert on_loop(main()) == (413, "close")


def test_a_body_that_stops_arriving_is_given_up(on_loop, monkeypatch):
    monkeypatch.setattr(bodies, "_ARRIVES", 0.1)

    async def main():
        async with serving() as (_, port):
            return await once(port, f"{HEAD}Content-Length: 5\r\n\r\nab")

    status, headers, _ = on_loop(main())
    assert (status, headers["connection"]) == (408, "close")


def test_a_connection_that_never_asks_is_closed(on_loop, monkeypatch):
    monkeypatch.setattr(server, "_IDLE", 0.1)

    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.send("POST /call HT")
            return await wire.closed()

    assert on_loop(main()) == b""


@pytest.mark.parametrize(("length", "expected"), [(5, [100, 200]), (LIMIT + 1, [413])])
def test_a_sender_that_waits_to_be_asked_is_asked(on_loop, length, expected):
    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.send(f"{HEAD}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n")
            statuses = [(await wire.answer())[0]]
            if statuses == [100]:
                wire.send(b"x" * length)
                statuses.append((await wire.answer())[0])
            return statuses

    assert on_loop(main()) == expected


# --- what is not HTTP ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "nonsense\r\n\r\n",
        "POST /call HTTP/9.9\r\nHost: node\r\n\r\n",
        "POST /call HTTP/1.1\r\nHost node\r\n\r\n",
        f"{HEAD}Content-Length: -1\r\n\r\n",
        f"{HEAD}Content-Length: many\r\n\r\n",
        f"{HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        f"{HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\nno number\r\nabc\r\n0\r\n\r\n",
        f"{HEAD}" + "".join(f"X-{n}: 1\r\n" for n in range(300)) + "\r\n",
        f"{HEAD}X-Nul: a\0b\r\n\r\n",
        f"{HEAD}X-Tag: a\r\n b\r\n\r\n\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    ],
    ids=range(12),
)
def test_what_is_not_http_is_a_400_and_reaches_no_handler(on_loop, data, caplog):
    called = []

    async def handler(incoming):
        called.append(incoming)
        return Outgoing(200)

    async def main():
        async with serving(handler) as (_, port):
            return await once(port, data)

    status, _, body = on_loop(main())
    assert status == 400
    assert b"Traceback" not in body
    assert called == []
    assert caplog.records == []


def test_a_body_that_breaks_off_reaches_no_handler(on_loop, caplog, monkeypatch):
    monkeypatch.setattr(bodies, "_ARRIVES", 0.2)
    called = []

    async def handler(incoming):
        called.append(incoming.body)
        return Outgoing(200)

    async def main():
        async with serving(handler) as (server, port):
            async with Wire.to(port) as wire:
                wire.send(f"{HEAD}Content-Length: 5\r\n\r\nab")
                await body_is_awaited(server, wire)
            async with Wire.to(port) as wire:
                wire.send(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
                await body_is_awaited(server, wire)
                wire.send("nonsense\r\n")
                broken = (await wire.answer())[0]
            async with Wire.to(port) as wire:
                wire.ask(b"whole")
                return broken, (await wire.answer())[0]

    assert on_loop(main()) == (408, 200)
    assert called == [b"whole"]
    assert caplog.records == []


# --- stopping --------------------------------------------------------------------------------


class Slow:
    """A handler that waits until it is told to go on."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.finished = []
        self.cancelled = []

    async def __call__(self, incoming):
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.append(incoming.body)
            raise
        self.finished.append(incoming.body)
        return Outgoing(200, incoming.body)


async def refused(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:  # one that it had not taken yet may be reset
        return True
    writer.close()
    return False


def test_a_server_that_stops_finishes_what_is_under_way(on_loop):
    async def main():
        slow = Slow()
        async with serving(slow) as (server, port), Wire.to(port) as busy, Wire.to(port) as idle:
            busy.ask(b"mine")
            await slow.begun.wait()
            stopping = asyncio.create_task(server.stop(FOR_EVER))
            assert await idle.closed() == b""  # at once, not when the busy one is done
            assert await refused(port)
            busy.ask(b"behind it")
            await asyncio.sleep(0.05)
            assert not stopping.done()
            slow.go_on.set()
            answer = await busy.answer()
            assert await busy.closed() == b""
            await stopping
            return answer, slow

    (status, headers, body), slow = on_loop(main())
    assert (status, headers["connection"], body) == (200, "close", b"mine")
    assert (slow.finished, slow.cancelled) == ([b"mine"], [])


def test_a_body_that_is_still_arriving_is_under_way(on_loop):
    async def main():
        async with serving() as (server, port), Wire.to(port) as wire:
            wire.send(f"{HEAD}Content-Length: 6\r\n\r\nabc")
            await body_is_awaited(server, wire)
            stopping = asyncio.create_task(server.stop(FOR_EVER))
            while not await refused(port):
                await asyncio.sleep(0)
            wire.send("def")
            answer = await wire.answer()
            await stopping
            return answer

    status, headers, body = on_loop(main())
    assert (status, headers["connection"], body) == (200, "close", b"abcdef")


def test_an_answer_half_written_is_under_way(on_loop):
    answer = bytes(20_000_000)
    handled = asyncio.Event()

    async def handler(_):
        handled.set()
        return Outgoing(200, answer)

    async def main():
        async with serving(handler) as (server, port), Wire.to(port) as wire:
            wire.ask()
            await handled.wait()
            await asyncio.sleep(0.1)  # the socket is full
            stopping = asyncio.create_task(server.stop(FOR_EVER))
            while not await refused(port):
                await asyncio.sleep(0)
            _, _, body = await wire.answer()
            await stopping
            return body

    assert on_loop(main()) == answer


def test_the_grace_ends(on_loop, caplog):
    async def main():
        slow = Slow()
        async with serving(slow) as (server, port), Wire.to(port) as wire, Wire.to(port) as upload:
            wire.ask(b"mine")
            upload.send(f"{HEAD}Content-Length: 6\r\n\r\nabc")
            await slow.begun.wait()
            before = time.monotonic()
            await server.stop(0.3)
            seconds = time.monotonic() - before
            assert await wire.closed() == b""
            assert await upload.closed() == b""
            return seconds, slow

    seconds, slow = on_loop(main())
    assert seconds >= 0.3
    assert (slow.finished, slow.cancelled) == ([], [b"mine"])
    assert "2 requests are still under way" in caplog.text


def test_stopping_an_idle_server_waits_for_nothing(on_loop):
    async def main():
        async with serving() as (server, port), Wire.to(port) as wire:
            wire.ask(b"x")
            await wire.answer()
            await server.stop(FOR_EVER)
            return await refused(port)

    assert on_loop(main())


def test_a_question_that_has_arrived_is_answered(on_loop):
    """It lies in the kernel when the server is told to stop, and no handler has seen it."""
    question = f"{HEAD}Content-Length: 6\r\n\r\nsecond".encode()

    async def main():
        async with serving() as (server, port):
            with socket.create_connection(("127.0.0.1", port)) as wire:
                wire.settimeout(patience())
                wire.sendall(question)
                await asyncio.to_thread(wire.recv, 10_000)
                wire.sendall(question)
                time.sleep(0.02)
                await server.stop(FOR_EVER)
                return wire.recv(10_000)

    answer = on_loop(main())
    assert b"Connection: close" in answer
    assert answer.endswith(b"second")


@pytest.mark.parametrize("delay", range(12))
def test_what_is_handled_is_answered(on_loop, delay):
    """Whenever in the stop a question comes: handled and answered, or neither."""

    async def main():
        handled = []

        async def handler(incoming):
            handled.append(incoming.body)
            return Outgoing(200, incoming.body)

        async with serving(handler) as (server, port), Wire.to(port) as wire:
            wire.ask(b"first")
            await wire.answer()
            stopping = asyncio.create_task(server.stop(FOR_EVER))
            for _ in range(delay):
                await asyncio.sleep(0)
            wire.ask(b"second")
            answered = await wire.closed()
            await stopping
            return answered, handled

    answered, handled = on_loop(main())
    assert (b"second" in handled) == answered.endswith(b"second")


def test_a_connection_waits_for_a_file_descriptor(on_loop, monkeypatch, caplog):
    monkeypatch.setattr(acceptor, "_SECONDS_SHORT", 0.02)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main():
        async with serving() as (_, port):
            with socket.socket() as wire:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wire.fileno(), limits[1]))
                try:
                    wire.connect(("127.0.0.1", port))
                    while "no connection can be taken" not in caplog.text:
                        await asyncio.sleep(0.01)
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                wire.sendall(f"{HEAD}Content-Length: 2\r\n\r\nok".encode())
                wire.settimeout(patience())
                return await asyncio.to_thread(wire.recv, 1000)

    assert on_loop(main()).endswith(b"ok")


@pytest.mark.parametrize("passes", range(6))
@pytest.mark.parametrize("question", [b"", f"{HEAD}Content-Length: 1\r\n\r\nx".encode()])
def test_a_connection_is_not_left_hanging(on_loop, passes, question):
    """Wherever on its way to the handler it is when the server stops: answered or closed."""

    async def main():
        async with serving() as (server, port):
            with socket.create_connection(("127.0.0.1", port)) as wire:
                wire.sendall(question)
                for _ in range(passes):
                    await asyncio.sleep(0)
                gc.disable()  # it would close what nobody holds, some time
                try:
                    await server.stop(FOR_EVER)
                    wire.settimeout(patience())
                    with contextlib.suppress(ConnectionResetError):
                        while await asyncio.to_thread(wire.recv, 1000):
                            pass
                finally:
                    gc.enable()

    on_loop(main())


def test_a_server_that_never_started_stops(on_loop):
    async def main():
        listener, port = listening()
        await Server(echo, listener, LIMIT).stop(FOR_EVER)
        return await refused(port)

    assert on_loop(main())


def test_servers_share_a_listener_until_one_stops(on_loop):
    async def main():
        listener, port = listening()
        shared = socket.socket(fileno=os.dup(listener.fileno()))
        first = Server(lambda _: say(b"first"), listener, LIMIT)
        second = Server(lambda _: say(b"second"), shared, LIMIT)
        await first.start()
        await second.start()
        await first.stop(FOR_EVER)
        said = set()
        for _ in range(20):
            async with Wire.to(port) as wire:
                wire.ask()
                said.add((await wire.answer())[2])
        await second.stop(FOR_EVER)
        return said

    async def say(word):
        return Outgoing(200, word)

    assert on_loop(main()) == {b"second"}


NODE = """
import asyncio, signal, socket, sys
from backends.runtime.http import Outgoing, Server, run

stop = asyncio.Event()

async def handler(incoming):
    print("begun", flush=True)
    if "times" in incoming.query:
        await stop.wait()
    return Outgoing(200, incoming.body * int(incoming.query.get("times", 1)))

async def main():
    server = Server(handler, socket.socket(fileno=int(sys.argv[1])), 1000)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.start()
    await stop.wait()
    await server.stop(1_000_000)

run(main())
"""


@pytest.mark.parametrize("times", [1, 20_000_000])
def test_a_process_drains_before_it_ends(times):
    """It serves on a socket it inherited; told to end, it sends what it owes, all of it."""
    listener, port = listening()
    with listener:
        command = [sys.executable, "-c", NODE, str(listener.fileno())]
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[listener.fileno()], stdout=subprocess.PIPE
        )

    async def main():
        async with Wire.to(port) as wire:
            wire.ask(b"warm")
            await wire.answer()
            wire.send(
                f"POST /call?times={times} HTTP/1.1\r\nHost: node\r\nContent-Length: 1\r\n\r\nx"
            )
            assert [await asyncio.to_thread(process.stdout.readline) for _ in "ab"] == [
                b"begun\n",
                b"begun\n",
            ]
            process.terminate()
            while not await refused(port):
                await asyncio.sleep(0.01)
            return await wire.answer()

    try:
        status, headers, body = asyncio.run(asyncio.wait_for(main(), patience()))
        assert process.wait(patience()) == 0
    finally:
        process.kill()
        process.communicate()
    assert (status, headers["connection"], body) == (200, "close", b"x" * times)


# --- asking ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def peer(script):
    """A scripted server: ``script(reader, writer, number of the connection)``."""
    count = 0

    async def connected(reader, writer):
        nonlocal count
        count += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer, count)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    client = Client()
    try:
        yield client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/call", lambda: count
    finally:
        await client.close()
        server.close()


async def question(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return head, await reader.readexactly(int(length[1]) if length else 0)


def reply(body, headers="", status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def test_an_answer_comes_back_whole(on_loop):
    async def script(reader, writer, _):
        head, body = await question(reader)
        assert b"X-Mine: 1" in head
        writer.write(reply(body, "X-Tag: a\r\nx-tag: b\r\n", "409 Conflict"))

    async def main():
        async with peer(script) as (client, url, _):
            return await client.request("POST", url, b"body", {"X-Mine": "1"})

    status, headers, body = on_loop(main())
    assert (status, body) == (409, b"body")
    assert headers == {"content-length": "4", "x-tag": "a, b"}


def test_connections_are_used_again(on_loop):
    async def script(reader, writer, _):
        while True:
            _, body = await question(reader)
            await asyncio.sleep(0.01)
            writer.write(reply(body))

    async def main():
        async with peer(script) as (client, url, count):
            for _ in range(10):
                await client.request("POST", url, b"x")
            alone = count()
            for _ in range(3):
                await asyncio.gather(*(client.request("POST", url, b"x") for _ in range(8)))
            return alone, count()

    assert on_loop(main()) == (1, 8)


def test_no_more_connections_than_asked_for(on_loop):
    async def main():
        async with serving() as (server, port):
            client = Client(connections=3)
            url = f"http://127.0.0.1:{port}/call"
            answers = await asyncio.gather(
                *(client.request("POST", url, b"%d" % number) for number in range(30))
            )
            count = len(server._connections.connections)
            await client.close()
            return count, [body for _, _, body in answers]

    assert on_loop(main()) == (3, [b"%d" % number for number in range(30)])


def test_a_kept_connection_that_the_server_closed_is_not_used(on_loop):
    """It answers, keeps the connection, and closes it later without a word."""

    async def script(reader, writer, _):
        _, body = await question(reader)
        writer.write(reply(body))

    async def main():
        async with peer(script) as (client, url, count):

            def is_closed():
                kept = client._session.connector._conns.values()
                return not any(each.is_connected() for those in kept for each, _ in those)

            for number in range(10):
                _, _, body = await client.request("POST", url, b"%d" % number)
                assert body == b"%d" % number
                await coming(is_closed, "the closing to be seen")
            return count()

    assert on_loop(main()) == 10


def test_a_server_that_is_started_anew_is_found_again(on_loop):
    async def main():
        client = Client()
        listener, port = listening()
        url = f"http://127.0.0.1:{port}/call"
        server = Server(echo, listener, LIMIT)
        await server.start()
        await asyncio.gather(*(client.request("POST", url, b"x") for _ in range(8)))
        await server.stop(FOR_EVER)
        with pytest.raises(Unreachable):
            await client.request("POST", url, b"x")
        again = socket.create_server(("127.0.0.1", port))
        async with contextlib.AsyncExitStack() as stack:
            server = Server(echo, again, LIMIT)
            await server.start()
            stack.push_async_callback(server.stop, 1)
            answers = await asyncio.gather(*(client.request("POST", url, b"y") for _ in range(8)))
        await client.close()
        return [body for _, _, body in answers]

    assert on_loop(main()) == [b"y"] * 8


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    ],
    ids=range(7),
)
def test_a_broken_answer_is_broken_and_asked_for_once(on_loop, answer):
    asked = []

    async def script(reader, writer, _):
        asked.append(await question(reader))
        writer.write(answer)

    async def main():
        async with peer(script) as (client, url, _):
            with pytest.raises(Broken):
                await client.request("POST", url, b"x")

    on_loop(main())
    assert len(asked) == 1


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_may_reach_the_limit_and_not_pass_it(on_loop, size, chunked):
    async def script(reader, writer, _):
        await question(reader)
        body = b"x" * size
        if chunked:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body))
        else:
            writer.write(reply(body))

    async def main():
        async with peer(script) as (_, url, _):
            client = Client(limit=LIMIT)
            try:
                return len((await client.request("POST", url, b"x"))[2])
            except Broken as broken:
                return str(broken)
            finally:
                await client.close()

    too_much = f"the answer has more than {LIMIT} bytes"
    assert on_loop(main()) == (size if size <= LIMIT else too_much)


def test_a_post_on_a_kept_connection_that_breaks_is_not_sent_again(on_loop):
    asked = []

    async def script(reader, writer, number):
        asked.append(await question(reader))
        writer.write(reply(b"x"))
        asked.append(await question(reader))

    async def main():
        async with peer(script) as (client, url, _):
            await client.request("POST", url, b"x")
            with pytest.raises(Broken):
                await client.request("POST", url, b"x")

    on_loop(main())
    assert len(asked) == 2


def test_a_peer_that_says_nothing_is_broken_in_time(on_loop):
    async def script(reader, writer, _):
        await question(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.1)

    async def main():
        async with peer(script) as (client, url, _):
            before = time.monotonic()
            with pytest.raises(Broken, match="Timeout"):
                await client.request("POST", url, b"x", timeout=0.3)
            return time.monotonic() - before

    assert on_loop(main()) > 0.25


@pytest.mark.parametrize("how", ["late", "cancelled"])
def test_a_late_answer_is_nobody_elses(on_loop, how):
    async def script(reader, writer, _):
        while True:
            _, body = await question(reader)
            await asyncio.sleep(0.2 if body == b"slow" else 0)
            writer.write(reply(body))

    async def main():
        async with peer(script) as (client, url, _):
            if how == "late":
                with pytest.raises(Broken):
                    await client.request("POST", url, b"slow", timeout=0.1)
            else:
                asking = asyncio.create_task(client.request("POST", url, b"slow"))
                await asyncio.sleep(0.1)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            bodies = []
            for _ in range(5):
                bodies.append((await client.request("POST", url, b"quick"))[2])
                await asyncio.sleep(0.05)
            return bodies

    assert on_loop(main()) == [b"quick"] * 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/call", "http:///call", "nonsense", "ftp://x/"])
def test_nobody_there_is_unreachable(on_loop, url):
    async def main():
        client = Client()
        with pytest.raises(Unreachable):
            await client.request("POST", url, b"x")
        await client.close()

    on_loop(main())


@pytest.mark.parametrize("host", ["shop.example.com", ""])
def test_a_client_that_knows_an_ingress_by_name(on_loop, host):
    """One address may stand for many hosts, which are told apart by the header."""

    async def name(incoming):
        return Outgoing(200, f"{incoming.headers['host']} {incoming.headers['x-more']}".encode())

    async def main():
        async with serving(name) as (_, port):
            client = Client(host=host)
            url = f"http://127.0.0.1:{port}/call"
            _, _, body = await client.request("POST", url, b"x", {"X-More": "1"})
            await client.close()
            return body.decode(), port

    body, port = on_loop(main())
    assert body == f"{host or f'127.0.0.1:{port}'} 1"


def test_a_closed_client_reaches_nobody(on_loop):
    async def main():
        async with serving() as (_, port):
            client = Client()
            await client.close()
            with pytest.raises(Unreachable):
                await client.request("POST", f"http://127.0.0.1:{port}/call")

    on_loop(main())


def test_what_an_answer_says_is_not_acted_on(on_loop, monkeypatch):
    """Redirections, compressions, cookies and proxies of the environment."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    packed = gzip.compress(b"body")
    heads = []

    async def script(reader, writer, _):
        while True:
            head, _ = await question(reader)
            heads.append(head)
            headers = "Location: /other\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\n"
            writer.write(reply(packed, headers, "307 Elsewhere"))

    async def main():
        async with peer(script) as (client, url, _):
            url = url.replace("127.0.0.1", "localhost")  # numbers get no cookies anyway
            await client.request("POST", url, b"x")
            return await client.request("POST", url, b"x")

    status, _, body = on_loop(main())
    assert (status, body, len(heads)) == (307, packed, 2)
    assert b"cookie" not in heads[1].lower()


def test_a_large_body_needs_no_warning(on_loop):
    body = os.urandom(3_000_000)

    async def main():
        async with serving(limit=len(body)) as (_, port):
            client = Client()
            answer = await client.request("POST", f"http://127.0.0.1:{port}/call", body)
            await client.close()
            return answer[2]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert on_loop(main()) == body


def test_nothing_waits_for_a_fuller_packet(on_loop):
    """TCP_NODELAY on both ends: the process's own sockets are looked at."""

    def delays(port):
        found = []
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    continue  # a copy of it would stay, and keep a pipe open for ever
                end = socket.socket(fileno=os.dup(int(name)))
                with end:
                    if end.family == socket.AF_INET and port in (
                        end.getsockname()[1],
                        end.getpeername()[1],
                    ):
                        found.append(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return found

    async def main():
        async with serving() as (_, port):
            client = Client()
            await client.request("POST", f"http://127.0.0.1:{port}/call", b"x")
            found = delays(port)
            await client.close()
            return found

    assert on_loop(main()) == [1, 1]


def test_a_node_runs_on_the_faster_loop():
    async def main():
        return asyncio.get_running_loop()

    assert isinstance(run(main()), uvloop.Loop)


def test_without_the_faster_loop_a_node_runs_all_the_same():
    program = """
import sys
sys.modules["uvloop"] = None
import asyncio
from backends.runtime.http import run

async def main():
    return type(asyncio.get_running_loop()).__module__

print(run(main()))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("asyncio.")
