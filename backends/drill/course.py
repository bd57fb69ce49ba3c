"""The course of a drill, wherever the nodes run::

    set up ── load, faults ──▶ end ── heal ──▶ at rest ── drain ──▶ final ── forget ──▶ retained

Whoever runs the nodes gives a :class:`Target`; the rest is the same everywhere.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

import msgspec

from backends.drill.clients import Clients
from backends.drill.collect import Recorded, collect, without_time
from backends.drill.disruptions import Disruptions
from backends.drill.injection import Injection, Strike
from backends.drill.shared import CLIENT, STORE, Shared
from backends.drill.watching import Watching
from backends.runtime.host import Host
from backends.runtime.node import Node
from backends.runtime.secret import found as kept_secret
from backends.runtime.settings import Settings
from backends.runtime.snapshot import snapshot
from backends.runtime.store import AsyncStore
from core.errors import StoreError
from core.layout import ALARMS, INTENTS, RESTING
from core.program import Program
from experiment.garbage import rare_collections
from experiment.load.arrivals import load_end
from experiment.record.history import History
from experiment.record.run import Run
from experiment.scenario.model import PLATFORM, Scenario

__all__ = ["Course", "Progress", "Target", "settings_of"]

_LOOK = 0.2
"""Seconds between two looks at whether the system is at rest."""
_SURE = 3.0
"""It is when it stays so for this long: longer than a late commit takes."""
_MARGIN = 1_000_000_000
"""Nanoseconds by which the closing retention is late, so that nothing is too young for it."""
_TRIES = 20

_T = TypeVar("_T")

Progress = Callable[[float, float], object]
"""Told now and then how many seconds have passed, of how many."""


class Target(Protocol):
    """The nodes of an experiment, as seen by the runner.

    :ivar node: with the store and the gateway's address for every service.
    """

    node: Node

    async def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """Kill processes of a service (empty: of any), ``one`` or ``all``; who was killed."""

    def woken(self, pid: int) -> None:
        """The time of a process that was stopped is over."""

    async def drained(self) -> None:
        """End what must not go on while the store is looked at for the last time."""


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


class Course:
    """One experiment's memory, which must be there before any node is forked, and its course.

    :param slots: how many nodes share the memory.
    :param one_clock: whether nodes and the runner read the same clock. If not, what the log
        says of when a commit happened is not looked at.
    :param host: the name that an ingress at the nodes' addresses knows them by, or empty.
    """

    def __init__(
        self,
        scenario: Scenario,
        program: Program,
        slots: int = 0,
        progress: Progress | None = None,
        one_clock: bool = True,
        host: str = "",
    ) -> None:
        self.scenario = scenario
        self.shared = Shared(
            program,
            slots + 1,
            len(scenario.faults),
            [*program.services, CLIENT, STORE, PLATFORM],
        )
        self._program = program
        self._slot = slots
        self._progress = progress
        self._one_clock = one_clock
        self._host = host
        self._report = os.pipe()
        self._unread = b""
        self._strikes: list[Strike] = []
        self._history = History()

    def injection(self, names: Sequence[str]) -> Injection:
        """The faults of one process, told from all others' by its names."""
        return Injection(self.scenario, self.shared, self._report[1], names)

    def close(self) -> None:
        """Give back what the course holds."""
        for descriptor in self._report:
            os.close(descriptor)

    async def run(self, target: Target) -> Run:
        """Drive the load at nodes that are ready, heal, and look."""
        with rare_collections():  # one that walks a long history is a pause of seconds
            return await self._run(target)

    async def _run(self, target: Target) -> Run:
        node, scenario, shared = target.node, self.scenario, self.shared
        store, loop = node.store, asyncio.get_running_loop()
        os.set_blocking(self._report[0], False)
        loop.add_reader(self._report[0], self._told, target)
        self._history.initial = await snapshot(store)
        before = len(await store.log())
        watching = Watching(self.injection(["runner"]), self._slot, CLIENT)
        clients = Clients(scenario, node.application, node, watching, self._history, self._host)
        shared.start()
        clocks = asyncio.ensure_future(Disruptions(scenario, watching.injection, target.kill).run())
        telling = asyncio.ensure_future(self._tell())
        try:
            await clients.run()
            if clocks.done():
                clocks.result()  # a clock that broke down: faults did not strike as declared
            clocks.cancel()
            settled = await self._heal(store, clients)
        finally:
            clocks.cancel()
            telling.cancel()
            await clients.close()
        await target.drained()
        seconds = shared.now()
        self._told(target)
        loop.remove_reader(self._report[0])
        final = await _patiently(lambda: snapshot(store))
        log = (await _patiently(store.log))[before:]
        retained = await self._retain(node)
        if not self._one_clock:
            log = [(version, without_time(entry)) for version, entry in log]
        found = Recorded(log, self._strikes, clients.results, final, retained, settled, seconds)
        run = collect(scenario, self._program, self._history, shared, found)
        secret = await _patiently(lambda: kept_secret(store))
        run.protocol = node.protocol.name
        run.secret = b"" if secret is None else secret.key
        return run

    async def _heal(self, store: AsyncStore, clients: Clients) -> float | None:
        """Until the system is at rest and stays so, at most for as long as the scenario says."""
        self.shared.stop_faults()
        stopped, heal = self.shared.now(), self.scenario.heal
        settled: float | None = None
        while True:
            since = self.shared.now() - stopped
            if clients.open or self.shared.total("active") or await _has_unfinished(store):
                settled = None
            elif settled is None:
                settled = since
            if since >= heal or (settled is not None and since >= settled + _SURE):
                return settled
            await asyncio.sleep(_LOOK)

    async def _retain(self, node: Node) -> dict[bytes, bytes]:
        """Let everything expire and forget it: what the store then holds."""
        period = int(self.scenario.retention.period * 1e9)
        host = Host.of_store(node.store, node.settings)
        now = time.time_ns() + period + _MARGIN
        await _patiently(lambda: host.maintain(node.protocol.retain(now, period)))
        return await _patiently(lambda: snapshot(node.store))

    async def _tell(self) -> None:
        expected = self.scenario.duration or max(map(load_end, self.scenario.load), default=0.0)
        while self._progress is not None:
            self._progress(self.shared.now(), expected)
            await asyncio.sleep(0.1)

    def _told(self, target: Target) -> None:
        """Nodes told of strikes."""
        try:
            data = self._unread + os.read(self._report[0], 1 << 16)
        except BlockingIOError:
            return
        while len(data) >= 2 and len(data) >= (size := 2 + int.from_bytes(data[:2], "big")):
            strike = msgspec.msgpack.decode(data[2:size], type=Strike)
            data = data[size:]
            self._strikes.append(strike)
            if strike.pid:
                loop = asyncio.get_running_loop()
                loop.call_later(strike.seconds, target.woken, strike.pid)
        self._unread = data


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask a store again, some times, when it fails for a moment."""
    for left in reversed(range(_TRIES)):
        try:
            return await ask()
        except StoreError:
            if not left:
                raise
            await asyncio.sleep(_LOOK)
    raise AssertionError("unreachable")


async def _has_unfinished(store: AsyncStore) -> bool:
    try:
        version = await store.read_version()
        unfinished = tuple((*each, 1) for each in (INTENTS, ALARMS, RESTING))
        _, ranges = await store.read(version, (), unfinished)
    except StoreError:
        return True  # nobody knows
    return any(ranges)
