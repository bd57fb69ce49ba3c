"""Hosts of a whole application over FdbStore in one event loop, on one stand-in cluster.

Every host has a store of its own, as every process has; a call is handed over as it is. What
can go wrong does: the client answers with each of its errors, a host's execution is cancelled
wherever it stands, and attempts that nobody listens to any more go on beside their successors.
"""

import asyncio
import random
import time
from functools import cache

from backends.drill.collect import Recorded, collect, keep
from backends.drill.recording import Recording
from backends.fdb import FdbStore, Settings
from backends.runtime.node import Make, Node
from backends.runtime.settings import Settings as NodeSettings
from backends.runtime.snapshot import load as load_state
from backends.runtime.snapshot import snapshot
from compiler.application import load
from core.ids import RequestId, root_id
from core.layout import INTENTS
from core.messages import Origin, Request
from core.recovery import recover
from core.retention import retain
from core.retries import is_retried
from experiment.record.history import Answered, History, Sent
from experiment.record.requests import Result, status
from experiment.scenario.model import Check, Load, Scenario
from tests.backends.fdb.standin import StandIn

__all__ = ["Hosts", "NoCounts", "compiled", "experiment"]

KEY = b"k" * 32
MISHAPS = {
    "grv": {1078: 0.01, 1051: 0.005, 1031: 0.005, 1037: 0.005, 1000: 0.003},
    "read": {1007: 0.01, 1009: 0.01, 1037: 0.01, 1213: 0.005, 1031: 0.005, 1000: 0.003},
    "commit": {
        1020: 0.02,
        1007: 0.01,
        1009: 0.01,
        1042: 0.01,
        1038: 0.005,
        2131: 0.003,
        "1021 applied": 0.03,
        "1021 lost": 0.02,
        "1031 applied": 0.01,
        "1031 lost": 0.01,
        "1025 applied": 0.005,
        "1039 lost": 0.005,
        "1000 applied": 0.004,
        "1000 lost": 0.004,
    },
}
"""By kind of operation. 1000 and 2131 are final: the host ends the attempt."""
CANCELLED, LEFT = 0.15, 0.1


@cache
def compiled(name):
    return load(f"apps/{name}")


class Hosts:
    """The hosts of an application, two of each service; ``call`` is what lies between them.

    Each has a client of its own, as if it were alone in its process.

    :ivar initial: what the store held before anything went wrong.
    :ivar cancelled: how many executions were cancelled under way; ``left``: left behind.
    """

    def __init__(self, name, seed, batching=0.0003):
        self.application = compiled(name)
        self.program = self.application.program
        self.rng = random.Random(seed)
        self.fdb = StandIn(seed)
        self.fdb.batching = batching
        self.settings = NodeSettings()
        self.cancelled = self.left = 0
        self.hosts = {}
        self._strays = set()

    async def start(self, make=None):
        """Load the initial state, then let things go wrong."""
        await load_state(self.store(), self.application.name, self.application.initial_state())
        make = make or Make()
        for service in self.program.services:
            for _ in range(2):
                node = Node(self.application, self.store(), KEY, {}, self.settings, make=make)
                self.hosts.setdefault(service, []).append(make.host(node, self))
        self.initial = await snapshot(self.store())
        self.fdb.mishaps = MISHAPS

    def store(self):
        """That of a new process."""
        settings = Settings(application=self.application.name)
        return FdbStore.open(settings, self.fdb.another_process())

    # --- calls

    async def call(self, request, once=False):
        """The answer, asked for until there is one."""
        while True:
            answer = await self._once(request)
            if answer is not None and not is_retried(answer.reply):
                return answer
            await asyncio.sleep(0.001 * self.rng.random())

    async def _once(self, request):
        host = self.rng.choice(self.hosts[request.service])
        executing = asyncio.ensure_future(host.execute(request))
        self._strays.add(executing)
        executing.add_done_callback(self._strays.discard)
        fate = self.rng.random() if self.fdb.mishaps else 1.0
        if fate < CANCELLED + LEFT:
            await asyncio.wait((executing,), timeout=0.008 * self.rng.random())
            if executing.done():
                return None  # its answer is lost
            if fate < CANCELLED:
                self.cancelled += 1
                executing.cancel()
                await asyncio.wait((executing,))
            else:
                self.left += 1
            return None
        try:
            return await asyncio.shield(executing)
        finally:
            if not executing.done():  # whoever asked was cancelled; a process would go on
                self.left += 1

    # --- clients

    def draw(self):
        """A request of the application's workload: ``Service.method``, and arguments."""
        workload = self.application.workload
        target = self.rng.choices(list(workload.mix), list(workload.mix.values()))[0]
        return target, workload.draw(target, self.rng)

    def request(self, target, args):
        service, _, method = target.partition(".")
        data = self.program.codec.encode((tuple(args), {}))
        root = RequestId(root_id(time.time_ns() // 1_000_000, self.rng))
        return Request(root, service, method, data, Origin(service, method, data))

    # --- the end

    async def settle(self):
        """Nothing goes wrong any more: finish what is under way, and what was abandoned."""
        self.fdb.mishaps = {}
        while self._strays:
            await asyncio.wait(self._strays)
        hosts = [host for found in self.hosts.values() for host in found]
        for host in hosts:
            await host.drain()
        while await self._intents(hosts[0]):
            await hosts[0].maintain(recover(time.time_ns(), 0))
            for host in hosts:
                await host.drain()

    async def _intents(self, host):
        _, (pairs,) = await host.store.read(await host.store.read_version(), (), ((*INTENTS, 1),))
        return pairs

    async def forget(self):
        """Let everything expire."""
        (host, *_), *_ = self.hosts.values()
        await host.maintain(retain(time.time_ns() + 10_000_000_000, 0))


class NoCounts:
    """In place of the shared memory of an experiment: nobody passed a crash point."""

    names = ()

    def refused(self):
        return {}

    def total(self, name):
        return 0


async def experiment(hosts, requests, clients):
    """Drive requests, recorded; the run, to be judged.

    :returns: the scenario and the run.
    """
    began = time.monotonic()

    def now():
        return time.monotonic() - began

    scenario = Scenario(
        "fdb",
        hosts.application.name,
        load=[Load("all", "shared-iterations", vus=clients, iterations=requests)],
        check=[
            Check("invariant", f"{hosts.application.name}.{name}")
            for name in hosts.application.workload.invariants
        ],
    )
    await hosts.start(Recording(now))
    history, results = History(initial=hosts.initial), []
    left = iter(range(requests))

    async def client():
        for _ in left:
            target, args = hosts.draw()
            request = hosts.request(target, args)
            intended = now()
            data = (request.id, request.service, request.method, request.args)
            history.sent.append(Sent(intended, *data, 0))
            answer = await hosts.call(request)
            for note in answer.notes:
                keep(history, note)
            reply = answer.reply
            history.answers.append(
                Answered(now(), reply.id, reply.outcome, 0, reply.version, list(reply.units))
            )
            results.append(Result(reply.id, target, "all", intended, now(), status(reply), 1))

    await asyncio.gather(*(client() for _ in range(clients)))
    stopped = now()
    await hosts.settle()
    store = hosts.store()
    final, log = await snapshot(store), await store.log()
    seconds = now()
    await hosts.forget()
    retained = await snapshot(store)
    found = Recorded(log, [], results, final, retained, seconds - stopped, seconds)
    return scenario, collect(scenario, hosts.program, history, NoCounts(), found)
