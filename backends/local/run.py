"""``run``: a scenario on real processes of this machine, with its faults, and judged.

The course of a run::

    set up ── load, faults ──▶ end ── heal ──▶ at rest ── drain ──▶ final ── forget ──▶ retained

The runner forks the supervisor, drives the load, and keeps the clocks of kills and
partitions. The store is a new one in a folder of its own, which is kept only if somebody asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random

import msgspec

from backends.experiment.clients import Clients
from backends.experiment.collect import Recorded, collect
from backends.experiment.disruptions import Disruptions
from backends.experiment.injection import Injection, Strike
from backends.experiment.shared import CLIENT, STORE, Shared
from backends.experiment.watching import Watching
from backends.local.folder import Folder
from backends.local.nodes import UPKEEP, Plan, names
from backends.local.stores import Wish
from backends.local.supervisor import Supervisor, listen
from backends.local.up import Wanted, prepare
from backends.runtime.host import Host, Protocol
from backends.runtime.http import Broken, Client, Unreachable
from backends.runtime.node import Node
from backends.runtime.settings import Settings
from backends.runtime.snapshot import snapshot
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answer
from compiler.application import Application
from core.attempt import attempt
from core.errors import MuError
from core.layout import INTENTS
from core.messages import Request
from core.retention import retain
from sim.arrivals import load_end
from sim.faults import PLATFORM
from sim.history import History
from sim.run import Run
from sim.scenario import Scenario

__all__ = ["Local", "run", "settings_of"]

_LOOK = 0.2
"""Seconds between two looks at whether the system is at rest."""
_SURE = 3.0
"""It is when it stays so for this long: longer than a late commit takes."""
_READY = 30.0
"""Seconds for the nodes to get ready."""
_MARGIN = 1_000_000_000
"""Nanoseconds by which the closing retention is late, so that nothing is too young for it."""

Progress = Callable[[float, float], object]
"""Told now and then how many seconds have passed, of how many."""


@dataclass(frozen=True, slots=True)
class Local:
    """How to run: on this machine.

    :ivar keep: a folder for the data, which is then left there.
    """

    store: Wish = field(default_factory=Wish)
    protocol: Protocol = attempt
    keep: Path | None = None


def settings_of(scenario: Scenario) -> Settings:
    """A scenario's retries, recovery and retention, as nodes have them."""
    retry = scenario.retry
    return Settings(
        attempts=retry.attempts,
        try_timeout=retry.timeout,
        backoff=retry.initial,
        backoff_limit=retry.maximum if retry.backoff == "exponential" else retry.initial,
        recovery_interval=scenario.recovery.interval,
        stale=scenario.recovery.stale,
        retention=scenario.retention.period,
        retention_interval=scenario.retention.interval,
        grace=2.0,
    )


def run(
    scenario: Scenario, application: Application, local: Local, progress: Progress | None = None
) -> Run:
    """Run a scenario.

    :raises MuError: it could not be started, or broke off.
    """
    path = local.keep or Path(tempfile.mkdtemp(prefix="mu2sls-run-"))
    folder = Folder(path)
    platform = scenario.platform
    wanted = Wanted(
        scenario.app,
        path,
        0,
        local.store,
        settings_of(scenario),
        {name: each.replicas for name, each in platform.services.items()},
        platform.defaults.replicas,
        local.protocol,
    )
    try:
        plan = prepare(wanted, application, folder, f"{application.name}-{path.name}")
        return _Experiment(scenario, plan, folder, progress).run()
    finally:
        if local.keep is None:
            shutil.rmtree(path, ignore_errors=True)


class _Experiment:
    def __init__(
        self, scenario: Scenario, plan: Plan, folder: Folder, progress: Progress | None
    ) -> None:
        self._scenario = scenario
        self._folder = folder
        self._progress = progress
        program = plan.application.program
        self._slots = {name: slot for slot, name in enumerate(names(plan))}
        parties = [*program.services, CLIENT, STORE, PLATFORM]
        self._shared = Shared(program, len(self._slots) + 1, len(scenario.faults), parties)
        self._report = os.pipe()
        self._lifeline = os.pipe()
        self._strikes: list[Strike] = []
        self._unread = b""
        self._history = History()
        self._plan = replace(plan, make_for=self._make)

    def run(self) -> Run:
        listener = listen()
        supervisor = Supervisor(self._plan, self._folder, listener, _nothing)
        process = multiprocessing.get_context("fork").Process(
            target=self._supervise, args=(supervisor,), name="supervisor"
        )
        process.start()
        supervisor.release()
        os.close(self._lifeline[0])
        try:
            found = asyncio.run(self._course(supervisor, process))
        finally:
            os.close(self._lifeline[1])
            process.join()
            for descriptor in self._report:
                os.close(descriptor)
        program = self._plan.application.program
        return collect(self._scenario, program, self._history, self._shared, found)

    def _supervise(self, supervisor: Supervisor) -> None:
        os.close(self._lifeline[1])
        supervisor.start()
        supervisor.supervise(self._lifeline[0])

    def _make(self, role: str, number: int, restarts: int) -> Watching:
        """In a node: what watches it."""
        slot = self._slots[f"{role}-{number}"]
        self._shared.begin(slot)
        service = role if role in self._plan.application.program.services else PLATFORM
        return Watching(self._injection(role, str(number), str(restarts)), slot, service)

    def _injection(self, *names: str) -> Injection:
        return Injection(self._scenario, self._shared, self._report[1], names)

    # --- the course of the run, in the runner

    async def _course(self, supervisor: Supervisor, process: ForkProcess) -> Recorded:
        plan, scenario = self._plan, self._scenario
        asyncio.get_running_loop().add_reader(self._report[0], self._told)
        store = plan.store.open()
        self._history.initial = await snapshot(store)
        addresses = dict.fromkeys(plan.application.program.services, supervisor.url)
        node = Node(plan.application, store, plan.key, addresses, plan.settings)
        await _ready(supervisor.url, process)
        watching = Watching(self._injection("runner"), len(self._slots), CLIENT)
        clients = Clients(scenario, plan.application, node, watching, self._history)
        disruptions = Disruptions(scenario, watching.injection, self._kill)
        self._shared.start()
        clocks = asyncio.ensure_future(disruptions.run())
        telling = asyncio.ensure_future(self._tell())
        await clients.run()
        clocks.cancel()
        settled = await self._heal(store, clients)
        telling.cancel()
        await clients.close()
        os.kill(process.pid or 0, signal.SIGTERM)
        await asyncio.to_thread(process.join)
        seconds = self._shared.now()
        self._told()
        final, log = await snapshot(store), await store.log()
        retained = await self._retain(node)
        await store.close()
        return Recorded(log, self._strikes, clients.results, final, retained, settled, seconds)

    async def _heal(self, store: AsyncStore, clients: Clients) -> float | None:
        """Until the system is at rest and stays so, at most for as long as the scenario says."""
        self._shared.stop_faults()
        stopped, heal = self._shared.now(), self._scenario.heal
        settled: float | None = None
        while True:
            since = self._shared.now() - stopped
            if clients.open or self._shared.total("active") or await self._intents(store):
                settled = None
            elif settled is None:
                settled = since
            if since >= heal or (settled is not None and since >= settled + _SURE):
                return settled
            await asyncio.sleep(_LOOK)

    async def _intents(self, store: AsyncStore) -> bool:
        version = await store.read_version()
        _, ranges = await store.read(version, (), ((*INTENTS, 1),))
        return bool(ranges[0])

    async def _retain(self, node: Node) -> dict[bytes, bytes]:
        """Let everything expire and forget it: what the store then holds."""
        period = int(self._scenario.retention.period * 1e9)
        host = Host(node.application.program, node.store, _no_call, node.settings)
        await host.maintain(retain(time.time_ns() + period + _MARGIN, period))
        return await snapshot(node.store)

    async def _tell(self) -> None:
        expected = self._scenario.duration or max(map(load_end, self._scenario.load), default=0.0)
        while self._progress is not None:
            self._progress(self._shared.now(), expected)
            await asyncio.sleep(0.1)

    # --- faults

    def _told(self) -> None:
        """Nodes told of strikes."""
        os.set_blocking(self._report[0], False)
        try:
            data = self._unread + os.read(self._report[0], 1 << 16)
        except BlockingIOError:
            return
        while len(data) >= 2 and len(data) >= (size := 2 + int.from_bytes(data[:2], "big")):
            strike = msgspec.msgpack.decode(data[2:size], type=Strike)
            data = data[size:]
            self._strikes.append(strike)
            if strike.pid:
                asyncio.get_running_loop().call_later(strike.seconds, _continue, strike.pid)
        self._unread = data

    def _kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """SIGKILL to processes of a service, or of any."""
        running = self._folder.running()
        roles = {PLATFORM: [UPKEEP], "": [*self._plan.application.program.services, UPKEEP]}
        aimed = roles.get(service, [service])
        nodes = running.nodes if running else []
        found = [node for node in nodes if node.name.rpartition("-")[0] in aimed]
        killed = []
        for node in found if mode == "all" else rng.sample(found, min(1, len(found))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGKILL)
                killed.append(node.name)
        return killed


async def _ready(url: str, process: ForkProcess) -> None:
    """Wait until the gateway and the store answer."""
    client = Client()
    deadline = time.monotonic() + _READY
    try:
        while True:
            with contextlib.suppress(Unreachable, Broken):
                status, _, _ = await client.request("GET", f"{url}/readyz", timeout=1.0)
                if status == 200:
                    return
            if not process.is_alive() or time.monotonic() > deadline:
                raise MuError(f"the application did not get ready within {_READY:g} s")
            await asyncio.sleep(0.05)
    finally:
        await client.close()


def _continue(pid: int) -> None:
    """Wake a process that was stopped; it may have been killed in the meantime."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGCONT)


async def _no_call(request: Request) -> Answer:
    raise AssertionError(f"retention calls nobody: {request}")


def _nothing(_: str) -> None:
    """Whoever dies in an experiment was meant to."""
