"""A store behind a gateway, of which there may be several."""

import asyncio

from backends.drill import remote
from backends.drill.remote import RemoteStore, StoreService
from backends.runtime.http import Incoming
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Wire

KEY = b"k" * 32


class Logged(AsyncStore):
    """A store of which only the log is looked at."""

    def __init__(self):
        self.entries = []

    async def log(self):
        return list(self.entries)

    async def read_version(self):
        raise NotImplementedError

    read = commit = close = read_version


class Gateways:
    """Several gateways, asked in turn, in place of a client of HTTP."""

    def __init__(self, store, count):
        self.services = [StoreService(store, Wire(KEY)) for _ in range(count)]
        self.asked = 0

    async def request(self, method, url, body, headers, timeout):
        self.asked += 1
        service = self.services[self.asked % len(self.services)]
        answer = await service.handle(Incoming(method, "/store", {}, {}, body))
        return answer.status, {}, answer.body


def test_the_log_is_whole_whichever_gateway_gives_a_page(monkeypatch):
    """A gateway that gave a page earlier must not go on from what it knew then."""
    monkeypatch.setattr(remote, "_PAGE", 10)
    store = Logged()
    for count in (1, 2, 3):
        seen = RemoteStore(Gateways(store, count), "http://gateway", Wire(KEY))
        for length in (0, 5, 10, 25, 38, 61):
            store.entries = [(version, b"entry") for version in range(length)]
            assert asyncio.run(seen.log()) == store.entries
            assert asyncio.run(seen.log()) == store.entries
