"""The cluster: every part of the modelled platform, and what they need of each other.

Holds the clock, the network, the store, one router per service and the
maintenance workers, and knows when the system has settled.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import count
from typing import Any

from core.errors import BadRequest
from core.layout import INTENTS
from core.messages import Failed, Reply, Request
from core.ports import Effect
from core.program import Program
from sim.client import CLIENT
from sim.environment import SeededEnvironment
from sim.faults import PLATFORM, Faults
from sim.history import History
from sim.host import Activity
from sim.platform.disruptions import Disruptions
from sim.platform.exchange import Delivery
from sim.platform.ingress import Ingress
from sim.platform.link import StoreLink
from sim.platform.network import Network
from sim.platform.processors import Cores, Processor
from sim.platform.router import Router
from sim.platform.timers import Wheel, later
from sim.platform.workers import Workers
from sim.protocol import Protocol
from sim.randomness import stream
from sim.scenario import POINTS, Fault, Scenario, ServicePlatform
from sim.store import SimStore

__all__ = ["EPOCH_NS", "Cluster"]

EPOCH_NS = 1_735_689_600_000_000_000
"""Unix time at which virtual time begins: 2025-01-01."""

Steps = Generator[Effect, Any, Any]


class Cluster:
    """The modelled platform of one scenario.

    :ivar half_cpu: seconds of processor time an execution takes at its start, and again at its end.
    :ivar clients: the process that all clients run in.
    :ivar contention: the stream that back-off after conflicts is drawn from.
    """

    def __init__(
        self,
        env: SeededEnvironment,
        scenario: Scenario,
        program: Program,
        protocol: Protocol,
        history: History,
    ) -> None:
        seed, model = scenario.seed, scenario.platform
        self.env = env
        self.model = model
        self.retry = scenario.retry
        self.protocol = protocol
        self.half_cpu = model.cpu / 2
        self.contention = stream(seed, "contention")
        self.faults = Faults(scenario.faults, seed, history, lambda: env.now)
        self.network = Network(env, model, self.faults, stream(seed, "network"))
        self.wheel = Wheel(env)
        self._cores = Cores(model.cores)
        self.clients = self.processor()
        self._ingress = self._make_ingress()
        self.link = StoreLink(env, self.network, self.faults, history)
        self.store = SimStore(env, model.store, stream(seed, "store"), self.link.applied)
        self.link.store = self.store
        self._program = program
        self._names = count()
        self._retry_rng = stream(seed, "retry")
        self._break_rng = stream(seed, "break")
        self._frozen: dict[int, Activity] = {}
        self._freezes = count()
        self.routers = self._routers(seed)
        self.workers = Workers(self, scenario.recovery, scenario.retention, stream(seed, "workers"))
        self.disruptions = Disruptions(self)

    def _routers(self, seed: int) -> dict[str, Router]:
        routers = {}
        for name in self._program.services:
            model = self.model.services.get(name, self.model.defaults)
            routers[name] = Router(self, name, model, stream(seed, "router", name))
        platform = ServicePlatform(replicas=1, concurrency=64)
        routers[PLATFORM] = Router(self, PLATFORM, platform, stream(seed, "router", PLATFORM))
        return routers

    def _make_ingress(self) -> Ingress | None:
        seconds = self.model.ingress_cpu / 2
        return Ingress(self.network, self.processor(), seconds) if seconds else None

    def processor(self, workers: int = 1) -> Processor:
        """The workers of a new process."""
        return Processor(self.env, self._cores, workers, self.model.cpu_after)

    # --- time

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        return EPOCH_NS + int(self.env.now * 1e9)

    def seconds(self, time_ns: int) -> float:
        """Virtual time in seconds of a Unix time in nanoseconds."""
        return (time_ns - EPOCH_NS) / 1e9

    def backoff(self, tried: int) -> float:
        """Seconds before the next try after ``tried`` of them, with jitter."""
        retry = self.retry
        seconds = retry.initial
        if retry.backoff == "exponential":
            seconds = min(seconds * 2.0 ** min(tried - 1, 30), retry.maximum)
        return seconds * self._retry_rng.uniform(0.5, 1.0)

    # --- requests

    def attempt(self, request: Request) -> Steps:
        """A new attempt at ``request``."""
        return self.protocol.attempt(self._program, request, str(next(self._names)))

    def transmit(self, source: str, delivery: Delivery) -> None:
        """Send a request from ``source`` to its service."""
        service = delivery.request.service
        router = self.routers.get(service)
        accept = self._refuse if router is None or service == PLATFORM else router.accept
        way: tuple[Any, ...] = (accept, delivery)
        if source == CLIENT and self._ingress is not None:
            way = (self._ingress.pass_on, *way)
        self.network.send(source, service, delivery.method, False, *way)

    def _refuse(self, delivery: Delivery) -> None:
        error = BadRequest(f"there is no service {delivery.request.service}")
        failed = Failed("BadRequest", True, str(error))
        self.respond(delivery, Reply(delivery.request.id, failed))

    def respond(self, delivery: Delivery, reply: Reply) -> None:
        """Send a reply back to whoever sent the request."""
        exchange, method = delivery.exchange, delivery.method
        way: tuple[Any, ...] = (exchange.arrive, delivery.tried, reply)
        if exchange.source == CLIENT and self._ingress is not None:
            way = (self._ingress.pass_on, *way)
        self.network.send(method.service, exchange.source, method, True, *way)

    def broke(self, delivery: Delivery) -> None:
        """An execution is gone without a reply: its caller is told, or waits in vain."""
        exchange = delivery.exchange
        silent = self._break_rng.random() < 0.5
        if not silent and not self.network.is_cut(delivery.method.service, exchange.source):
            later(self.env, self.network.hop(), exchange.arrive, delivery.tried, None)

    def completed(self, root: bytes) -> None:
        """A tree whose intent is still there has been answered."""
        self.workers.completed(root)

    # --- frozen executions

    def freeze(self, activity: Activity, seconds: float) -> None:
        """Thaw ``activity`` after ``seconds``, or when the faults stop."""
        number = next(self._freezes)
        self._frozen[number] = activity
        later(self.env, seconds, self._thaw, number)

    def _thaw(self, number: int) -> None:
        activity = self._frozen.pop(number, None)
        if activity is not None:
            activity.thaw()

    # --- settling

    def stop_faults(self, within: float) -> None:
        """No more faults: partitions heal, the frozen wake up, what is late arrives ``within``."""
        self.faults.active = False
        self.disruptions.stop()
        self.network.heal(within)
        for number in list(self._frozen):
            later(self.env, 0.0, self._thaw, number)

    def is_quiet(self) -> bool:
        """Whether no request is on its way or executing and no intent is left.

        The platform's own upkeep never rests. What the dead have left at the store is
        answered long before the run takes its word for being settled.
        """
        if self.network.in_flight or (self._ingress is not None and self._ingress.active):
            return False
        if any(r.active or r.waiting for name, r in self.routers.items() if name != PLATFORM):
            return False
        return not self.intents()

    def intents(self) -> int:
        """Whether intents are in the store: 0 or 1."""
        memory = self.store.memory
        return len(memory.get_range(*INTENTS, memory.read_version(), 1))

    def strikes(self) -> list[int]:
        """How often each declared fault struck; a partition that no message met did not."""
        return [
            0 if armed.fault.between and not self._felt(armed.fault) else armed.strikes
            for armed in self.faults.armed
        ]

    def _felt(self, partition: Fault) -> bool:
        first, second = partition.between
        felt = self.network.felt
        return (first, second) in felt or (second, first) in felt

    def points(self) -> dict[str, int]:
        """How often each crash point was passed, by ``Service.method@point``."""
        return {
            method.where(point): passed
            for method in self.faults.methods()
            if method.service != PLATFORM
            for point, passed in zip(POINTS, method.passed, strict=True)
            if passed
        }
