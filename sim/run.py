"""One run of a scenario: load, faults, healing, the last retention, and what was seen.

The run's course in virtual time::

    0 ── load, faults ──▶ end ── heal ──▶ final ── everything expires ──▶ retained

Healing ends early when the system has settled and stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from typing import Protocol as Shape

from core.layout import SET_ASIDE
from core.program import Program
from sim.arrivals import load_end
from sim.client import Client, Result
from sim.environment import SeededEnvironment
from sim.garbage import rare_collections
from sim.history import History
from sim.mix import Mix
from sim.platform.cluster import Cluster
from sim.protocol import OURS, Protocol
from sim.randomness import stream
from sim.scenario import Scenario

__all__ = ["Application", "Progress", "Run", "points_total", "run"]

_LOOK = 0.1
"""Seconds between two looks at whether the system has settled."""
_SURE = 3.0
"""It has settled when it stays so for this long: longer than a late commit takes."""
_ROUNDS = 50
"""At most so many rounds of the closing retention."""

Progress = Callable[[float, float], object]
"""Told the virtual seconds that have passed, and those there will be (0: unknown)."""


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


@dataclass(slots=True)
class Run:
    """What one run was seen to do.

    :ivar final: the store's content after healing; ``retained``: after a closing retention
        for which everything has expired.
    :ivar settled_after: seconds from the end of the faults until nothing was in flight and no
        intent left; None if that did not come about while healing.
    :ivar points_total: the crash points that exist in the methods that the load can reach.
    :ivar fault_strikes: for each declared fault, how often it struck.
    :ivar seconds: virtual seconds from the start to the end of the healing.
    :ivar events: simulated events processed.
    :ivar set_aside: root ids of the requests that were set aside.
    :ivar protocol: the name of the protocol that decided.
    """

    scenario: Scenario
    history: History
    final: dict[bytes, bytes] = field(default_factory=dict)
    retained: dict[bytes, bytes] = field(default_factory=dict)
    settled_after: float | None = None
    results: list[Result] = field(default_factory=list)
    points_total: int = 0
    fault_strikes: list[int] = field(default_factory=list)
    seconds: float = 0.0
    events: int = 0
    set_aside: list[bytes] = field(default_factory=list)
    protocol: str = OURS


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
        program = application.program
        self.scenario = scenario
        self.program = program
        self.progress = progress
        self.history = History(initial=dict(application.initial_state()))
        self.env = SeededEnvironment(stream(scenario.seed, "ties"))
        self.cluster = Cluster(self.env, scenario, program, protocol, self.history)
        self.memory = self.cluster.store.memory
        self.memory.load(sorted(self.history.initial.items()))
        self.clients = [
            Client(
                self.cluster,
                load,
                program,
                Mix(load, application.workload),
                self.history,
                stream(scenario.seed, "load", load.name),
            )
            for load in scenario.load
        ]

    def run(self) -> Run:
        result = Run(self.scenario, self.history, protocol=self.cluster.protocol.name)
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
        kept = (key[1:17] for key in result.final if SET_ASIDE.begin <= key < SET_ASIDE.end)
        result.set_aside = sorted(set(kept))
        result.retained = self._retain()
        result.events = self.env.events
        return result

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
        """Until the system has settled and stays so, at most for ``heal`` seconds."""
        heal = self.scenario.heal
        self.cluster.stop_faults(heal / 3)
        settled: float | None = None
        while True:
            since = self.env.now - stopped
            if not self._is_settled():
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
        cluster.workers.stop()
        cluster.link.stop_recording()
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


def points_total(program: Program, points: Mapping[str, int], calls: Sequence[str]) -> int:
    """How many crash points exist in the methods that the load can reach.

    A method has the points of calls if the graph says that it calls, and those of reads and
    commits if some execution came to one.

    :param points: how often each ``Service.method@point`` was passed.
    :param calls: the methods that the load calls.
    """
    ran = [name.partition("@")[0] for name, count in points.items() if count]
    total = 0
    for name in _reached(program, [*ran, *calls]):
        service, _, method = name.partition(".")
        found = program.method(service, method)

        def passed(point: str, name: str = name) -> bool:
            return points.get(f"{name}@{point}", 0) > 0

        total += 3  # start, before_reply, after_reply
        total += 2 * passed("before_read") + 2 * passed("before_commit")
        total += 3 * bool(passed("before_call") or (found and found.facts.callees))
    return total


def _reached(program: Program, waiting: list[str]) -> list[str]:
    """The methods given, and what these may call."""
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        service, _, method = name.partition(".")
        known = program.method(service, method)
        if known is not None and name not in found:
            found[name] = None
            waiting += sorted(known.facts.callees)
    return list(found)
