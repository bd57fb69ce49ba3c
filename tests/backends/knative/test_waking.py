"""A gateway asks whoever a request may reach, before it is reached."""

import asyncio

import pytest

from backends.knative.waking import Waking, reached
from backends.runtime.http import Broken, Unreachable
from backends.runtime.node import Make, Node
from backends.runtime.wire import Wire
from compiler.application import load
from core.ids import RequestId
from core.messages import Origin, Request

KEY = b"k" * 32
HOTEL, CHAIN = load("apps/hotel"), load("apps/chain")


def test_what_a_method_may_reach_is_the_graph_s_whole_way_down():
    assert reached(HOTEL.program, "Frontend", "book") == {"Hotel", "Flight", "Order"}
    assert reached(HOTEL.program, "Frontend", "show") == {"Hotel", "Flight"}
    assert reached(HOTEL.program, "Hotel", "free") == frozenset()
    first = next(iter(CHAIN.program.services))
    for method in CHAIN.program.services[first].methods:
        found = reached(CHAIN.program, first, method)
        assert found <= set(CHAIN.program.services) - {first}


class Client:
    """Notes who is asked; calls themselves are never answered."""

    def __init__(self, error=None):
        self.asked, self.error = [], error

    async def request(self, method, url, *_, **__):
        self.asked.append((method, url))
        if method == "POST":
            raise Broken("nobody is there")
        if self.error:
            raise self.error
        await asyncio.sleep(3600)


def book(client, times=1, method="book"):
    addresses = {name: f"http://{name.lower()}" for name in HOTEL.program.services}
    node = Node(HOTEL, None, KEY, addresses)

    async def play():
        caller = Waking(Make()).caller(node, client, Wire(KEY))
        for _ in range(times):
            origin = Origin("Frontend", method, b"")
            request = Request(RequestId(b"r" * 16), "Frontend", method, b"", origin)
            calling = asyncio.ensure_future(caller.call(request))
            for _ in range(10):
                await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait((calling,))
        for waking in list(caller._waking):
            waking.cancel()

    asyncio.run(play())
    return [url for verb, url in client.asked if verb == "GET"]


def test_all_are_asked_at_once_and_not_again_while_they_are_awake():
    assert sorted(book(Client(), times=3)) == [
        "http://flight/healthz", "http://hotel/healthz", "http://order/healthz",
    ]  # fmt: skip


def test_only_those_that_it_may_reach_are_woken():
    assert sorted(book(Client(), method="show")) == [
        "http://flight/healthz",
        "http://hotel/healthz",
    ]


@pytest.mark.parametrize("error", [Broken("gone"), Unreachable("asleep for good")])
def test_who_cannot_be_woken_does_not_matter(error):
    assert len(book(Client(error))) == 3
