"""What the tests of the public interface are made of: a store in memory, and someone to ask."""

import time

import msgspec

from backends.runtime.http import Incoming
from backends.runtime.public import Public
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from core.memory import MemoryStore
from core.messages import Failed, Reply, Returned
from core.store import read
from tests.direct import DirectHost

__all__ = [
    "Asked",
    "AwaitedStore",
    "Gateway",
    "content",
    "failed",
    "raised",
    "returned",
    "settings",
]


class AwaitedStore(AsyncStore):
    """:class:`backends.runtime.store.AsyncStore` on a store in memory."""

    def __init__(self, store=None):
        self.store = store or MemoryStore()
        self.commits = 0

    async def read_version(self):
        return self.store.read_version()

    async def read(self, version, keys, ranges=()):
        return read(self.store, version, keys, ranges)

    async def commit(self, version, reads, mutations, entry=None):
        committed = self.store.commit(version, reads, mutations)
        self.commits += 1
        return committed

    async def log(self):
        return []

    async def close(self):
        pass


class Asked:
    """Answers root requests with what it is given, and remembers them."""

    def __init__(self, outcome=None):
        self.outcome, self.requests = outcome, []

    async def __call__(self, request):
        self.requests.append(request)
        outcome = self.outcome(request) if callable(self.outcome) else self.outcome
        return Reply(request.id, outcome)


class Gateway:
    """A gateway with real execution behind it, unless ``ask`` stands in for it."""

    def __init__(self, application, ask=None, set_up=True, store=None, auth=None, **numbers):
        self.application = application
        self.store = store or AwaitedStore()
        if store is None:
            self.store.store.load(application.initial_state(set_up).items())
        self.host = DirectHost(application.program, self.store.store, time.time_ns())
        self.public = Public(
            application, ask or self._ask, self.store, settings(**numbers), auth=auth
        )

    async def _ask(self, request):
        self.last = request
        return self.host.run(request)

    async def send(self, method, path, body=b"", query=None, **headers):
        names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return await self.public.handle(Incoming(method, path, query or {}, names, body))

    async def post(self, path, value=None, **headers):
        body = b"" if value is None else msgspec.json.encode(value)
        return await self.raw(path, body, **headers)

    async def raw(self, path, body, **headers):
        headers.setdefault("content_type", "application/json")
        return await self.send("POST", path, body, **headers)

    def data(self):
        return {k: v for k, v in self.store.store.snapshot().items() if k[:1] == b"d"}


def settings(**numbers):
    return Settings(**numbers)


def returned(application, value):
    return Returned(application.program.codec.encode(value))


def raised(application, exception):
    return application.program.codec.encode_exception(exception)


def failed(kind, definite, text="because"):
    return Failed(kind, definite, text)


def content(outgoing):
    return msgspec.json.decode(outgoing.body)
