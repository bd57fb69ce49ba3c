"""What computes for longer than a try may be silent is computed once, over real connections.

A method that computes holds up all of its process: further tries lie in their sockets until it has
ended, and so has the attempt that they ask for.
"""

import asyncio
import socket
import threading
import time

import pytest

from backends.runtime import host
from backends.runtime.caller import Caller
from backends.runtime.http import Client
from backends.runtime.node import Node, serve_service
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Wire
from core.ids import RequestId
from core.messages import Origin, Reply, Request, Returned
from core.protocol import Protocol
from tests.backends.runtime.cluster import KEY, compiled
from tests.patience import patience

IMPATIENT = Settings(attempts=10**9, try_timeout=0.02)
ORIGIN = Origin("Counter", "increment", b"args")


class Store(AsyncStore):
    """Enough of one for a node to start."""

    async def read_version(self):
        return 1


class Computing:
    """A node in a thread of its own; every attempt there computes until it is let go."""

    def __init__(self):
        self.begun = []
        self.gate = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._live)

    def _attempt(self, program, request, name):
        self.begun.append(request.id)
        assert self.gate.wait(patience())
        return Reply(request.id, Returned(b"computed"))
        yield

    def _live(self):
        async def main():
            self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
            protocol = Protocol.ours()._replace(attempt=self._attempt)
            node = Node(compiled("counter"), Store(), KEY, {}, IMPATIENT, protocol)
            await serve_service(node, "Counter", self.listener, self._stop)

        asyncio.run(main())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.gate.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


class Counting(Caller):
    """Counts the tries that it sends."""

    made = 0

    async def transmit(self, url, request, seconds):
        self.made += 1
        return await super().transmit(url, request, seconds)


@pytest.fixture
def computing(monkeypatch):
    monkeypatch.setattr(host, "keeps", lambda *_: 3600.0)  # however slow this machine is
    with Computing() as node:
        yield node


def request(deadline=0):
    return Request(RequestId(b"r" * 16), "Counter", "increment", b"args", ORIGIN, deadline=deadline)


def playing(computing, play):
    """``play(caller)``, with a caller of the node."""

    async def main():
        client = Client()
        try:
            caller = Counting(client, Wire(KEY), {"Counter": computing.url}, IMPATIENT)
            return await asyncio.wait_for(play(caller), patience())
        finally:
            await client.close()

    return asyncio.run(main())


def until_it_is_over():
    return time.time_ns() + int(patience() * 1e9)


def test_it_is_answered_though_no_try_is_so_patient(computing):
    async def play(caller):
        asking = asyncio.ensure_future(caller.call(request(until_it_is_over())))
        while caller.made < 4:
            await asyncio.sleep(0.001)
        assert not asking.done()
        computing.gate.set()
        return await asking

    assert playing(computing, play).reply.outcome == Returned(b"computed")
    assert len(computing.begun) == 1


def test_tries_that_could_not_be_heard_meanwhile_are_answered_with_it(computing):
    async def play(caller):
        asked = request(until_it_is_over())
        tries = [asyncio.ensure_future(caller.send(asked)) for _ in range(5)]
        while not computing.begun:
            await asyncio.sleep(0.001)
        computing.gate.set()
        return await asyncio.gather(*tries)

    answers = playing(computing, play)
    assert [answer.reply.outcome for answer in answers] == [Returned(b"computed")] * 5
    assert len(computing.begun) == 1
