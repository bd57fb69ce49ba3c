"""What every part of the modelled platform stands on: clock, network, store, faults, processors.

The fabric carries messages and knows nobody who sends or answers them: a service's router
opens a *door*, through which the fabric delivers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

from core.messages import Reply
from core.ports import Ask
from core.revisions import told
from experiment.randomness import stream
from experiment.record.history import History
from experiment.scenario.model import CLIENT, Scenario
from experiment.strikes import Faults, MethodFaults
from sim.environment import SeededEnvironment
from sim.platform.connections import Connections
from sim.platform.delivery import Delivery
from sim.platform.ingress import Ingress
from sim.platform.link import StoreLink
from sim.platform.network import Network
from sim.platform.processors import Cores, Processor
from sim.platform.timers import Wheel, later
from sim.store import SimStore

__all__ = ["EPOCH_NS", "Fabric"]

EPOCH_NS = 1_735_689_600_000_000_000
"""Unix time at which virtual time begins: 2025-01-01."""


class Outside(Protocol):
    """What is not ours (:mod:`sim.platform.outside`)."""

    def ask(self, ask: Ask, method: MethodFaults, ended: Callable[[Any], object]) -> Any:
        """Begin to ask; ``ended`` is called with what this returns when the answer is known."""


class Fabric:
    """The ground of one scenario's platform.

    :ivar clients: the process that all clients run in.
    :ivar contention: the stream that back-off after conflicts is drawn from.
    :ivar outside: what is not ours, if it is asked for anything.
    :ivar doors: for each service that can be called, what takes its requests.
    """

    def __init__(self, env: SeededEnvironment, scenario: Scenario, history: History) -> None:
        seed, model = scenario.seed, scenario.platform
        self.env = env
        self.model = model
        self.retry = scenario.retry
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
        self.doors: dict[str, Callable[[Delivery], object]] = {}
        self.outside: Outside | None = None
        self._retry_rng = stream(seed, "retry")
        self._frozen: dict[int, Callable[[], object]] = {}
        self._freezes = count()
        self._leapt = 0

    def _make_ingress(self) -> Ingress | None:
        model = self.model
        seconds = model.ingress_cpu / 2
        processor = self.processor(model.ingress_workers)
        return Ingress(self.network, processor, seconds) if seconds else None

    def processor(self, workers: int = 1) -> Processor:
        """The workers of a new process."""
        return Processor(self.env, self._cores, workers, self.model.cpu_after)

    # --- time

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        return EPOCH_NS + self._leapt + int(self.env.now * 1e9)

    def leap(self, to_ns: int) -> None:
        """Nothing is under way until then: every clock moves on at once."""
        self._leapt += max(to_ns - self.now_ns(), 0)

    def seconds(self, time_ns: int) -> float:
        """Virtual time in seconds of a Unix time in nanoseconds."""
        return (time_ns - EPOCH_NS - self._leapt) / 1e9

    def backoff(self, tried: int) -> float:
        """Seconds before the next try after ``tried`` of them, with jitter."""
        retry = self.retry
        seconds = retry.initial
        if retry.backoff == "exponential":
            seconds = min(seconds * 2.0 ** min(tried - 1, 30), retry.maximum)
        return seconds * self._retry_rng.uniform(0.5, 1.0)

    # --- messages

    def transmit(self, source: str, delivery: Delivery) -> None:
        """Send a request from ``source`` to its service."""
        service = delivery.request.service
        accept = self.doors.get(service, self._refuse)
        way: tuple[Any, ...] = (accept, delivery)
        if self._ingress is not None and self._passes(source):
            way = (self._ingress.pass_on, delivery, *way)
        self.network.send(source, service, delivery.method, False, *way)

    def _passes(self, caller: str) -> bool:
        """Whether what ``caller`` sends and gets passes the gateway."""
        return caller == CLIENT or self.model.ingress == "all"

    def _refuse(self, delivery: Delivery) -> None:
        request = delivery.request
        failed = told(request.id, f"there is no service {request.service}", self.now_ns())
        self.respond(delivery, Reply(request.id, failed))

    def respond(self, delivery: Delivery, reply: Reply) -> None:
        """Send a reply back to whoever sent the request."""
        connection, delivery.connection = delivery.connection, None
        if connection is not None:
            held = self.model.ack_delay if delivery.held_back else 0.0
            later(self.env, held, self._respond_over, connection, delivery, reply)
        else:
            self._respond(delivery, reply)

    def _respond_over(self, connection: Connections, delivery: Delivery, reply: Reply) -> None:
        connection.give(self.env.now)
        self._respond(delivery, reply)

    def _respond(self, delivery: Delivery, reply: Reply) -> None:
        method, caller = delivery.method, delivery.source
        delivery.ingress = 0.0
        way: tuple[Any, ...] = (delivery.arrive, delivery.tried, reply)
        if self._ingress is not None and self._passes(caller):
            way = (self._ingress.pass_on, delivery, *way)
        self.network.send(method.service, caller, method, True, *way)

    def broke(self, delivery: Delivery) -> None:
        """An execution is gone without a reply: its caller sees the connection break.

        As for real, where the machine that a process died on closes its connections. Over a
        partition the caller waits in vain.
        """
        if not self.network.is_cut(delivery.method.service, delivery.source):
            self.network.carry(delivery.arrive, (delivery.tried, None))

    @property
    def is_still(self) -> bool:
        """Whether no message is on its way."""
        return not self.network.in_flight and (self._ingress is None or not self._ingress.active)

    # --- frozen executions

    def freeze(self, thaw: Callable[[], object], seconds: float) -> None:
        """Call ``thaw`` after ``seconds``, or when the faults stop."""
        number = next(self._freezes)
        self._frozen[number] = thaw
        later(self.env, seconds, self._thaw, number)

    def _thaw(self, number: int) -> None:
        thaw = self._frozen.pop(number, None)
        if thaw is not None:
            thaw()

    def heal(self, within: float) -> None:
        """Partitions heal, the frozen wake up, what is late arrives ``within`` so many seconds."""
        self.network.heal(within)
        for number in list(self._frozen):
            later(self.env, 0.0, self._thaw, number)
