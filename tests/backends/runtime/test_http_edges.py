"""What strangers do to a server: trickle, break off, say no more, send too much at once."""

import asyncio
import contextlib
import gc
import tracemalloc

import pytest

from backends.runtime.http import Broken, Budget, Client, Outgoing, bodies, connection
from tests.backends.runtime.raw import HEAD, Wire, body_is_awaited, once, serving
from tests.patience import coming


class Gate:
    """A handler that answers when it is told to, with the length of the body."""

    def __init__(self):
        self.arrived = asyncio.Semaphore(0)
        self.open = asyncio.Event()

    async def __call__(self, incoming):
        self.arrived.release()
        await self.open.wait()
        return Outgoing(200, b"%d" % len(incoming.body))


# --- heads -----------------------------------------------------------------------------------


def test_a_head_that_trickles_is_given_up_however_lively_it_is(on_loop, monkeypatch):
    monkeypatch.setattr(connection, "_HEAD_ARRIVES", 0.2)

    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:

            async def for_ever():
                with contextlib.suppress(ConnectionError, RuntimeError):
                    wire.send(f"{HEAD}X: ")
                    while True:
                        wire.send("a")
                        await asyncio.sleep(0.01)

            trickling = asyncio.create_task(for_ever())
            answer = await wire.answer()
            await wire.closed()
            trickling.cancel()
            return answer

    status, headers, body = on_loop(main())
    assert (status, headers["connection"]) == (408, "close")
    assert body == b"the head came too slowly\n"


def test_a_head_that_trickles_behind_an_answer_is_given_up(on_loop, monkeypatch):
    monkeypatch.setattr(connection, "_HEAD_ARRIVES", 0.1)

    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.ask(b"first")
            first = await wire.answer()
            wire.send("POST /ca")
            return first[0], (await wire.answer())[0], await wire.closed()

    assert on_loop(main()) == (200, 408, b"")


def test_a_connection_between_two_requests_is_not_late(on_loop, monkeypatch):
    """The time for a head begins with its first byte, and ends with its last."""
    monkeypatch.setattr(connection, "_HEAD_ARRIVES", 0.05)

    async def main():
        gate = Gate()
        async with serving(gate) as (_, port), Wire.to(port) as wire:
            wire.send(f"{HEAD}Content-Length: 2\r\n\r\n")
            await asyncio.sleep(0.1)  # the body may take longer than a head
            wire.send("ab")
            await gate.arrived.acquire()
            await asyncio.sleep(0.1)  # and so may the handler
            gate.open.set()
            statuses = [(await wire.answer())[0]]
            await asyncio.sleep(0.1)  # and the next request
            wire.ask(b"c")
            return [*statuses, (await wire.answer())[0]]

    assert on_loop(main()) == [200, 200]


@pytest.mark.parametrize(
    ("head", "status", "why"),
    [
        (f"GET /{'x' * 8192} HTTP/1.1\r\n", 414, b"the URL has more than 8192 bytes\n"),
        (f"{HEAD}X: /{'x' * 8190}\r\n\r\n", 431, b"a header has more than 8190 bytes\n"),
        (f"{HEAD}{'X' * 9000}: /\r\n\r\n", 431, b"a header has more than 8190 bytes\n"),
        ("nonsense\r\n\r\n", 400, b"this is not HTTP/1.1\n"),
    ],
)
def test_what_is_wrong_with_a_head_is_said_without_repeating_it(on_loop, caplog, head, status, why):
    async def main():
        async with serving() as (_, port):
            return await once(port, head)

    answer = on_loop(main())
    assert (answer[0], answer[2]) == (status, why)
    assert caplog.records == []


@pytest.mark.parametrize("query", ["%ff%fe", "%ED%A0%80", "a=1&b=%C3"])
def test_a_url_that_is_no_text_is_refused(on_loop, query):
    """Its bytes would reach the handler as other characters than were sent."""

    async def main():
        async with serving() as (_, port):
            return await once(port, f"GET /x?{query} HTTP/1.1\r\nHost: node\r\n\r\n")

    answer = on_loop(main())
    assert (answer[0], answer[2]) == (400, b"the URL is not UTF-8\n")


# --- clients that say no more ----------------------------------------------------------------


async def half_close(wire):
    await wire.writer.drain()
    wire.writer.write_eof()


def test_a_client_that_sends_nothing_more_is_answered(on_loop):
    async def main():
        gate = Gate()
        async with serving(gate) as (_, port), Wire.to(port) as wire:
            for size in range(3):
                wire.ask(b"x" * size)
            await half_close(wire)
            await gate.arrived.acquire()
            gate.open.set()
            answers = [(await wire.answer())[2] for _ in range(3)]
            return answers, await wire.closed()

    assert on_loop(main()) == ([b"0", b"1", b"2"], b"")


@pytest.mark.parametrize(
    "sent",
    [f"{HEAD}Content-Length: 9\r\n\r\nabc", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na"],
)
@pytest.mark.parametrize("apart", [False, True])
def test_a_body_left_unfinished_is_told_to_who_still_listens(on_loop, sent, apart):
    async def main():
        async with serving() as (server, port), Wire.to(port) as wire:
            wire.send(sent)
            if apart:
                await body_is_awaited(server, wire)
            await half_close(wire)
            return await wire.answer(), await wire.closed()

    (status, _, body), rest = on_loop(main())
    assert (status, body, rest) == (400, b"the body broke off\n", b"")


@pytest.mark.parametrize("sent", ["", "POST /ca"])
def test_a_client_that_asked_nothing_and_says_no_more_is_let_go(on_loop, sent):
    async def main():
        async with serving() as (_, port), Wire.to(port) as wire:
            wire.send(sent)
            await half_close(wire)
            return await wire.closed()

    assert on_loop(main()) == b""


# --- bodies ----------------------------------------------------------------------------------


def test_bodies_beyond_the_budget_are_told_to_come_back(on_loop):
    """Those that are there are answered; when they are, there is room again."""

    async def main():
        gate = Gate()
        budget = Budget(5_000)
        async with serving(gate, budget=budget) as (_, port), contextlib.AsyncExitStack() as stack:
            held = [await stack.enter_async_context(Wire.to(port)) for _ in range(2)]
            for wire in held:
                wire.ask(b"x" * 2_000)
                await gate.arrived.acquire()
            used = budget.used
            refused = await once(port, f"{HEAD}Content-Length: 2000\r\n\r\n")
            chunked = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n7d0\r\n{'x' * 2000}\r\n0\r\n\r\n"
            refused_chunked = await once(port, chunked)
            gate.open.set()
            answers = [await wire.answer() for wire in held]
            async with Wire.to(port) as wire:
                wire.ask(b"x" * 2_000)
                answers.append(await wire.answer())
            return used, refused, refused_chunked, [each[0] for each in answers], budget.used

    used, refused, chunked, statuses, left = on_loop(main())
    assert (refused[0], refused[1]["retry-after"], refused[1]["connection"]) == (503, "1", "close")
    assert chunked[0] == 503
    assert statuses == [200, 200, 200]
    assert (used, left) == (4_000, 0)


def test_what_is_announced_and_not_sent_takes_no_room(on_loop):
    async def main():
        async with serving(budget=Budget(9_000)) as (server, port), Wire.to(port) as announcing:
            announcing.send(f"{HEAD}Content-Length: 9000\r\n\r\n")
            await body_is_awaited(server, announcing)
            async with Wire.to(port) as wire:
                wire.ask(b"x" * 9_000)
                return (await wire.answer())[0]

    assert on_loop(main()) == 200


def test_bodies_that_break_off_leave_nothing(on_loop):
    """Not even for the garbage collector to find: it may not come by for long."""
    size, count = 400_000, 20

    async def main():
        budget = Budget(size * 2)
        async with serving(limit=size, budget=budget) as (_, port):

            async def break_off():
                async with Wire.to(port) as wire:
                    wire.send(f"{HEAD}Content-Length: {size}\r\n\r\n" + "x" * (size - 1))
                    await wire.writer.drain()
                    await coming(lambda: budget.used, "a body under way")
                await coming(lambda: not budget.used, "a body that is given back")

            await break_off()
            gc.collect()
            gc.disable()
            tracemalloc.start()
            try:
                for _ in range(count):
                    await break_off()
                return tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
                gc.enable()

    assert on_loop(main()) < 2 * size


def test_a_body_that_comes_too_slowly_gives_back_its_room(on_loop, monkeypatch):
    monkeypatch.setattr(bodies, "_ARRIVES", 0.1)
    budget = Budget()

    async def main():
        async with serving(budget=budget) as (_, port):
            return await once(port, f"{HEAD}Content-Length: 500\r\n\r\nabc")

    assert on_loop(main())[0] == 408
    assert budget.used == 0


# --- doors -----------------------------------------------------------------------------------


def test_a_door_refuses_by_the_head_and_lets_in_what_is_small(on_loop):
    seen = []

    def door(incoming):
        seen.append(incoming.body)
        return Outgoing(401, b"who are you?") if "x-guest" in incoming.headers else 3

    async def main():
        async with serving(door=door) as (_, port):
            guest = await once(port, f"{HEAD}X-Guest: 1\r\nContent-Length: 10000\r\n\r\n")
            large = await once(port, f"{HEAD}Content-Length: 4\r\n\r\n")
            async with Wire.to(port) as wire:
                wire.ask(b"abc")
                return guest, large, await wire.answer()

    guest, large, small = on_loop(main())
    assert (guest[0], guest[2]) == (401, b"who are you?")
    assert (large[0], small[0]) == (413, 200)
    assert seen == [b"", b"", b""]


def test_a_client_reads_a_refusal_of_a_body_that_it_is_still_sending(on_loop):
    async def main():
        async with serving(limit=10_000_000, door=lambda _: Outgoing(401, b"no")) as (_, port):
            client = Client()
            try:
                url = f"http://127.0.0.1:{port}/"
                return (await client.request("POST", url, b"x" * 5_000_000))[0]
            except Broken:
                return "broken"
            finally:
                await client.close()

    assert on_loop(main()) == 401
