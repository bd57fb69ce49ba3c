"""One run of a scenario: load, faults, healing, the last retention, and what was seen.

The run's course in virtual time::

    0 ── load, faults ──▶ end ── heal ──▶ final ── everything expires ──▶ retained

Healing ends early when the system has settled and stays so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import Protocol as Shape

from msgspec.structs import replace

from core.chance import SECRET_SIZE
from core.program import Program
from core.protocol import Protocol
from experiment.garbage import rare_collections
from experiment.load.arrivals import load_end
from experiment.load.mix import Mix
from experiment.progress import Progress
from experiment.randomness import stream
from experiment.record.history import History
from experiment.record.run import Run, points_total, set_aside
from experiment.scenario.model import Load, Scenario
from sim.client import Client
from sim.environment import SeededEnvironment
from sim.habits import Habits
from sim.platform.cluster import Cluster
from sim.platform.fabric import Fabric
from sim.platform.outside import OutsideWorld

__all__ = ["Application", "run"]

_LOOK = 0.1
"""Seconds between two looks at whether the system has settled."""
_SURE = 3.0
"""It has settled when it stays so for this long: longer than a late commit takes."""
_MOST_LEAPS = 1_000
"""What starts itself again and again never ends: the clocks leap so often at most."""
_ROUNDS = 50
"""At most so many rounds of the closing retention."""


class Application(Shape):
    """What a run needs of :class:`compiler.application.Application`.

    :ivar workload: with ``mix`` and ``arguments`` (:mod:`compiler.workload`), or None.
    """

    @property
    def program(self) -> Program:
        """The compiled program."""

    @property
    def workload(self) -> Any:
        """The workload, or None."""

    def initial_state(self) -> Mapping[bytes, bytes]:
        """The store's content before the first request."""


def run(
    scenario: Scenario,
    application: Application,
    *,
    progress: Progress | None = None,
    protocol: Protocol | None = None,
) -> Run:
    """Run ``scenario`` on ``application``.

    :param progress: told now and then how far the run is.
    :param protocol: the functions that decide, if not :mod:`core`'s.
    """
    with rare_collections():
        return _Runner(scenario, application, progress, protocol or Protocol.ours()).run()


class _Runner:
    def __init__(
        self,
        scenario: Scenario,
        application: Application,
        progress: Progress | None,
        protocol: Protocol,
    ) -> None:
        secret = stream(scenario.seed, "secret").randbytes(SECRET_SIZE)
        program = application.program.keyed(secret)
        self.scenario = scenario
        self.program = program
        self.secret = secret
        self.progress = progress
        self.protocol = protocol
        initial = protocol.arranged(program, application.initial_state())
        self.history = History(initial=initial)
        self.env = SeededEnvironment(stream(scenario.seed, "ties"))
        self.fabric = Fabric(self.env, scenario, self.history)
        if program.outside:
            rng = stream(scenario.seed, "outside")
            stand_ins = application.workload.outside_anew()
            world = OutsideWorld(self.fabric, program, stand_ins, rng, self.history)
            self.fabric.outside = world
        self.cluster = Cluster(self.fabric, scenario, program, protocol)
        self.memory = self.fabric.store.memory
        self.memory.load(sorted(self.history.initial.items()))
        self.clients = [self._client(load, application.workload) for load in scenario.load]

    def run(self) -> Run:
        result = Run(self.scenario, self.history, protocol=self.protocol.name, modelled=True)
        result.secret = self.secret
        self._load()
        stopped = self.env.now
        result.settled_after = self._heal(stopped)
        for client in self.clients:
            client.give_up()
        result.seconds = self.env.now
        result.final = self.memory.snapshot()
        self.history.points = self.cluster.points()
        result.results = [each for client in self.clients for each in client.results]
        calls = [call for client in self.clients for call in client.calls]
        result.points_total = points_total(self.program, self.history.points, calls)
        result.fault_strikes = self.cluster.strikes()
        result.set_aside = set_aside(result.final)
        result.retained = self._retain()
        result.events = self.env.events
        return result

    def _client(self, load: Load, workload: Any) -> Client:
        """The clients of one load; without a protocol there are no ids to be used again."""
        if not self.protocol.regions:
            load = replace(load, keys=0.0, reuse=0.0)
        mix, seed = Mix(load, workload, self.program), self.scenario.seed
        known = (self.fabric, load, self.program, mix, self.history)
        rng = stream(seed, "ids", load.name)
        habits = Habits(*known, rng, self.cluster.workers.look_up)
        once = not self.protocol.retries
        return Client(*known, stream(seed, "load", load.name), habits, once)

    # --- the course of the run

    def _advance(self, seconds: float) -> None:
        self.env.run(until=self.env.now + seconds)

    def _load(self) -> None:
        """Until the load is over, or for as long as the scenario says."""
        ends = [load_end(load) for load in self.scenario.load]
        expected = self.scenario.duration or (0.0 if 0.0 in ends else max(ends, default=0.0))
        while True:
            if self.scenario.duration:
                left = self.scenario.duration - self.env.now
                if left <= 1e-9:
                    break
            elif all(client.is_over for client in self.clients):
                break
            else:
                left = _LOOK
            self._advance(min(left, 1.0))
            self._report(expected)
        for client in self.clients:
            client.stop()

    def _heal(self, stopped: float) -> float | None:
        """Until the system has settled and stays so, at most for ``heal`` seconds.

        What is due later is done, too: the clocks leap there, and there is as much time again.
        """
        heal = self.scenario.heal
        self.cluster.stop_faults(heal / 3)
        settled: float | None = None
        leaps = 0
        while True:
            quiet = self._is_settled()
            due = self.cluster.due() if quiet else None
            if due is not None and due > self.fabric.now_ns() and leaps < _MOST_LEAPS:
                self.fabric.leap(due)
                leaps, stopped = leaps + 1, self.env.now
            since = self.env.now - stopped
            if not quiet or due is not None:
                settled = None
            elif settled is None:
                settled = since
            if since >= heal - 1e-9 or (settled is not None and since >= settled + _SURE):
                return settled
            self._advance(_LOOK)

    def _is_settled(self) -> bool:
        return not any(client.open for client in self.clients) and self.cluster.is_quiet()

    def _retain(self) -> dict[bytes, bytes]:
        """Let everything expire and forget it: what the store then holds."""
        cluster = self.cluster
        cluster.stop_upkeep()
        self.fabric.link.stop_recording()
        self._advance(self.scenario.retention.period + self.scenario.retention.interval + 1.0)
        for _ in range(_ROUNDS):
            over: list[bytes | None] = []
            cluster.workers.forget(over.append)
            while not over:
                self._advance(_LOOK)
            if over[0] is None:
                break
        return self.memory.snapshot()

    def _report(self, expected: float) -> None:
        if self.progress is not None:
            self.progress(self.env.now, expected)
