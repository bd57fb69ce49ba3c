"""What a node does before it is asked for anything."""

import asyncio
import socket

import msgspec
import pytest

from backends.runtime.http import Client
from backends.runtime.node import Node, run_upkeep, serve_gateway, serve_service
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from core.errors import StoreUnavailable
from tests.backends.runtime.cluster import KEY, compiled
from tests.patience import patience


class Store(AsyncStore):
    """Notes what it is asked for: sets ``came`` with the first question, waits for ``answers``."""

    def __init__(self, error=None):
        self.error = error
        self.asked, self.came, self.answers = [], asyncio.Event(), asyncio.Event()

    async def read_version(self):
        self.asked.append("read_version")
        self.came.set()
        await self.answers.wait()
        if self.error:
            raise self.error
        return 1

    async def read(self, version, keys, ranges=()):
        self.asked.append("read")
        return [None] * len(keys), [[] for _ in ranges]

    async def commit(self, version, reads, mutations, entry=None):
        self.asked.append("commit")
        return version


def serving(kind, node, listener, stop):
    if kind == "service":
        return serve_service(node, "Counter", listener, stop)
    return serve_gateway(node, listener, stop) if kind == "gateway" else run_upkeep(node, stop)


async def alive(port):
    """What a node says of itself: it accepts requests."""
    client = Client()
    try:
        status, *_ = await client.request("GET", f"http://127.0.0.1:{port}/healthz")
        return status
    finally:
        await client.close()


@pytest.mark.parametrize("kind", ["service", "gateway", "upkeep"])
def test_it_asks_the_store_for_a_version_before_it_takes_a_request(kind):
    async def play():
        store, stop = Store(), asyncio.Event()
        node = Node(compiled("counter"), store, KEY, {})
        with socket.create_server(("127.0.0.1", 0)) as listener:
            life = asyncio.create_task(serving(kind, node, listener, stop))
            await store.came.wait()
            asking = asyncio.create_task(alive(listener.getsockname()[1]))
            for _ in range(50):  # time in which a node that does not wait would have answered
                await asyncio.sleep(0)
            assert not asking.done()
            assert store.asked == ["read_version"]
            store.answers.set()
            if kind != "upkeep":
                assert await asking == 200
            asking.cancel()
            stop.set()
            await life

    asyncio.run(asyncio.wait_for(play(), patience()))


@pytest.mark.parametrize("key", [{"Idempotency-Key": "of a client"}, {}], ids=["store", "service"])
def test_a_gateway_that_ends_answers_who_waits_for_what_stands_still(key):
    """504, which says to ask again, and not a connection that closes."""

    async def play():
        store, stop, loop = Store(), asyncio.Event(), asyncio.get_running_loop()
        store.answers.set()
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_server(("127.0.0.1", 0)) as still,  # takes connections, says nothing
        ):
            still.setblocking(False)
            addresses = {"Counter": f"http://127.0.0.1:{still.getsockname()[1]}"}
            node = Node(compiled("counter"), store, KEY, addresses, Settings(grace=0.5))
            life = asyncio.create_task(serve_gateway(node, listener, stop))
            await alive(port := listener.getsockname()[1])
            store.answers.clear()
            store.came.clear()
            url = f"http://127.0.0.1:{port}/Counter.increment"
            headers = {"Content-Type": "application/json", **key}
            client = Client()
            asking = asyncio.create_task(client.request("POST", url, b'["a"]', headers, patience()))
            await (store.came.wait() if key else loop.sock_accept(still))
            stop.set()
            status, _, body = await asking
            assert status == 504
            assert msgspec.json.decode(body)["outcome"] == "indefinite"
            await life
            await client.close()

    asyncio.run(asyncio.wait_for(play(), patience()))


def test_a_store_that_is_away_does_not_hold_it_up(caplog):
    async def play():
        store, stop = Store(StoreUnavailable("it is away")), asyncio.Event()
        store.answers.set()
        node = Node(compiled("counter"), store, KEY, {})
        with socket.create_server(("127.0.0.1", 0)) as listener:
            life = asyncio.create_task(serving("service", node, listener, stop))
            assert await alive(listener.getsockname()[1]) == 200
            stop.set()
            await life

    asyncio.run(asyncio.wait_for(play(), patience()))
    assert "the store is not ready: it is away" in caplog.text
