"""Hosts of a whole application in one event loop: a store in memory, envelopes handed over.

Everything can fail: the store answers with errors, or does what was asked and says it does not
know; messages and answers are lost or come twice; executions are cancelled wherever they stand.
"""

import asyncio
import random
import time
from functools import cache

from backends.runtime.caller import Caller
from backends.runtime.host import Host
from backends.runtime.http import Broken, Incoming
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Wire
from backends.runtime.worker import Calls
from compiler.application import load
from core.errors import Conflict, StoreUnavailable, TooOld, Unknown
from core.ids import RequestId, root_id
from core.layout import DATA, INTENTS, JOURNAL
from core.memory import MemoryStore
from core.messages import Failed, Origin, Request
from core.store import read

KEY = b"k" * 32
SETTINGS = Settings(attempts=30, try_timeout=2.0, backoff=0.0005, backoff_limit=0.004)


@cache
def compiled(name):
    return load(f"apps/{name}")


class Memory(AsyncStore):
    """:class:`backends.runtime.store.AsyncStore` in memory; ``trouble`` is how often it fails."""

    def __init__(self, pairs, rng, trouble=0.0):
        self.store = MemoryStore()
        self.store.load(sorted(pairs.items()))
        self.rng, self.trouble = rng, trouble
        self.commits = 0

    async def _wait(self):
        for _ in range(self.rng.choice((0, 1, 1, 2, 5))):
            await asyncio.sleep(0)

    def fails(self):
        return self.rng.random() < self.trouble

    async def read_version(self):
        await self._wait()
        if self.fails():
            raise StoreUnavailable("in memory")
        return self.store.read_version()

    async def read(self, version, keys, ranges=()):
        await self._wait()
        if self.fails():
            raise self.rng.choice((StoreUnavailable, TooOld))("in memory")
        return read(self.store, version, keys, ranges)

    async def commit(self, version, reads, mutations, entry=None):
        await self._wait()
        kind = self.rng.choice(("lost", "unknown", "conflict", "old")) if self.fails() else ""
        if kind in ("conflict", "old"):
            raise {"conflict": Conflict(), "old": TooOld("in memory")}[kind]
        if kind == "lost":
            raise self.rng.choice((Unknown, StoreUnavailable))("in memory")
        committed = self.store.commit(version, reads, mutations)
        self.commits += 1
        await self._wait()
        if kind == "unknown":
            raise Unknown("in memory")
        return committed

    async def log(self):
        return []

    async def close(self):
        pass

    def section(self, part):
        content = self.store.snapshot()
        return {key: value for key, value in content.items() if part.begin <= key < part.end}


class Cluster:
    """The hosts of an application, which is also the HTTP client of their callers.

    :param trouble: how often a message meets trouble, and how often the store does.
    """

    def __init__(self, name, seed=0, trouble=0.0, settings=SETTINGS):
        self.application = compiled(name)
        self.program = self.application.program
        self.rng, self.trouble = random.Random(seed), trouble
        self.store = Memory(self.application.initial_state(), random.Random(seed + 1), trouble / 4)
        wire = Wire(KEY)
        addresses = {service: f"http://{service}" for service in self.program.services}
        self.caller = Caller(self, wire, addresses, settings)
        self.hosts, self.calls = {}, {}
        for service in self.program.services:
            host = Host(self.program, self.store, self.caller.call, settings)
            self.hosts[service] = host
            self.calls[service] = Calls(Wire(KEY), service.__eq__, host.execute)
        self.cancelled = 0
        self.cut_off = set()
        self._strays = set()

    # --- the network

    def unlucky(self):
        return self.rng.random() < self.trouble

    async def request(self, method, url, body=b"", headers=None, timeout=10.0):
        service = url.removeprefix("http://").partition("/")[0]
        if self.unlucky() or service in self.cut_off:
            raise Broken("the message was lost")
        executing = asyncio.ensure_future(
            self.calls[service].handle(Incoming(method, "/call", {}, {}, body))
        )
        self._strays.add(executing)
        executing.add_done_callback(self._strays.discard)
        if self.rng.random() < 3 * self.trouble:
            await self._cancel(executing)
            raise Broken("the process was killed")
        if self.unlucky():  # a slow survivor, which nobody listens to
            await asyncio.sleep(0)
            raise Broken("the connection broke")
        try:
            outgoing = await asyncio.wait_for(asyncio.shield(executing), timeout)
        except TimeoutError:
            raise Broken("silence") from None
        if self.unlucky():
            raise Broken("the answer was lost")
        return outgoing.status, {}, outgoing.body

    async def _cancel(self, executing):
        for _ in range(self.rng.randrange(25)):
            await asyncio.sleep(0)
        self.cancelled += not executing.done()
        executing.cancel()
        await asyncio.wait((executing,))

    # --- clients

    def root_request(self, target, *args, deadline=0):
        service, method = target.split(".")
        data = self.program.codec.encode((args, {}))
        root = RequestId(root_id(time.time_ns() // 1_000_000, self.rng))
        return Request(root, service, method, data, Origin(service, method, data), None, False,
                       True, deadline)  # fmt: skip

    async def ask(self, request):
        """The outcome, asked for until it is known."""
        while True:
            reply = (await self.caller.call(request)).reply
            if not isinstance(reply.outcome, Failed) or reply.outcome.definite:
                return reply.outcome

    async def rest(self):
        """Wait for survivors, and for what hosts do off the critical path."""
        while self._strays:
            await asyncio.wait(self._strays)
        for host in self.hosts.values():
            await host.drain()

    # --- what is there in the end

    def reference(self):
        """The uncompiled application, in the state that the store holds."""
        reference = self.application.reference()
        reference.load(self.store.section(DATA))
        return reference

    def check_invariants(self):
        with self.reference():
            for invariant in self.application.workload.invariants.values():
                invariant()

    def intents(self):
        return self.store.section(INTENTS)

    def journal(self):
        return self.store.section(JOURNAL)

    def held_turns(self):
        return sum(len(host.turns) for host in self.hosts.values())
