"""The cluster: the services' routers, the maintenance workers and the disruptions of one scenario.

Knows what an execution is made of, and when the system has settled.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count
from typing import Any

from compiler.edges import called_services, circular_services
from core.acceptance import accept
from core.errors import Unfamiliar
from core.ids import RequestId
from core.layout import ALARMS, INTENTS, RESTING
from core.messages import Failed, Reply
from core.poison import Died, judged, settle
from core.ports import Effect
from core.program import Program
from core.protocol import Protocol
from core.store import KeyRange, Pairs
from experiment.randomness import stream
from experiment.scenario.model import (
    CLIENT,
    PLATFORM,
    POINTS,
    UPKEEP,
    Fault,
    Scenario,
    ServicePlatform,
)
from experiment.strikes import Poisoned
from sim.platform.delivery import Delivery
from sim.platform.disruptions import Disruptions
from sim.platform.execution import Execution
from sim.platform.fabric import Fabric
from sim.platform.pod import Pod
from sim.platform.router import Router
from sim.platform.timers import later
from sim.platform.workers import Workers

__all__ = ["Cluster"]

_AGAIN = 0.5
"""Seconds until a process that starts asks a store again that did not play along."""


def _reason(died: Sequence[Died]) -> str:
    return f"{died[-1].method} took its process down {len(died)} times"


class Cluster:
    """Everything that runs on a fabric.

    :ivar routers: one for each service, and the platform's own.
    :ivar workers: those of the platform's first pod, which others tell what there is to do.
    """

    def __init__(
        self, fabric: Fabric, scenario: Scenario, program: Program, protocol: Protocol
    ) -> None:
        seed = scenario.seed
        self._fabric = fabric
        self._program = program
        self._protocol = protocol
        self._names = count()
        self.routers = self._routers(seed)
        self._upkeeps = [self._upkeep(scenario, n) for n in range(self._model(PLATFORM).replicas)]
        self.workers = self._upkeeps[0]
        self._disruptions = Disruptions(fabric, self.routers)

    def _upkeep(self, scenario: Scenario, number: int) -> Workers:
        """The workers in one pod of the platform's own service, each at its own pace."""
        pace = stream(scenario.seed, "workers", *([str(number)] if number else []))
        router, kept = self.routers[PLATFORM], (scenario.recovery, scenario.retention)
        return Workers(self._fabric, router, self._protocol, *kept, pace, self._program, number)

    def _model(self, service: str) -> ServicePlatform:
        model = self._fabric.model
        usual = UPKEEP if service == PLATFORM else model.defaults
        return model.services.get(service, usual)

    def _routers(self, seed: int) -> dict[str, Router]:
        fabric, routers = self._fabric, {}
        circular = circular_services(called_services(self._program))
        for name in self._program.services:
            model = self._model(name)
            rng = stream(seed, "router", name)
            holds_back = name not in circular
            routers[name] = Router(
                fabric, name, model, rng, self._execute, self._settle, holds_back
            )
            fabric.doors[name] = partial(self._admit, routers[name])
        model = self._model(PLATFORM)
        rng = stream(seed, "router", PLATFORM)
        routers[PLATFORM] = Router(fabric, PLATFORM, model, rng, self._execute, self._settle)
        return routers

    def _admit(self, router: Router, delivery: Delivery) -> None:
        """What clients ask for passes a gateway, which sends on what there is."""
        request = delivery.request
        if delivery.source == CLIENT:
            try:
                accept(self._program, request)
            except Unfamiliar as error:
                failed = Failed("BadRequest", True, str(error))
                self._fabric.respond(delivery, Reply(request.id, failed))
                return
        router.accept(delivery)

    def _execute(self, pod: Pod, delivery: Delivery) -> None:
        """A request has come to a pod: it joins an attempt there, or begins a new one."""
        if pod.connections is not None:
            delivery.connection = pod.connections
            delivery.held_back = pod.connections.take(self._fabric.env.now)
        joined: Execution | None = pod.joins.find(delivery.request)
        if joined is not None and joined.join(delivery):
            return
        attempt, request = partial(self._attempt, delivery), delivery.request
        if self._protocol.regions and pod.suspects and request.id in pod.suspects:
            steps = judged(request, str(next(self._names)), _reason, attempt)
        else:
            steps = attempt()
        told = self.workers.completed, self.workers.sleeps
        execution = Execution(self._fabric, pod, delivery, steps, *told)
        pod.hold(execution)
        execution.start()

    def _attempt(self, delivery: Delivery) -> Generator[Effect, Any, Reply]:
        """An attempt at a request, which may be poison."""
        request = delivery.request
        steps = self._protocol.attempt(self._program, request, str(next(self._names)))
        return self._poisonable(delivery, steps) if delivery.method.poison else steps

    def _poisonable(
        self, delivery: Delivery, steps: Generator[Effect, Any, Reply]
    ) -> Generator[Effect, Any, Reply]:
        if self._fabric.faults.poisons(delivery.method, delivery.request.id):
            raise Poisoned
        return (yield from steps)

    def _settle(self, pod: Pod, then: Callable[[], None]) -> None:
        """Tell the store whom a pod's processes died of, and learn of suspects, before it begins.

        Only where there may be any: to find none takes a process no time that is worth a model.
        """
        if not self._fabric.faults.of_kind("poison"):
            then()
            return
        told = dict(pod.died)

        def settled(suspects: set[RequestId] | None) -> None:
            if suspects is None:
                later(self._fabric.env, _AGAIN, self._settle, pod, then)
                return
            pod.suspects |= suspects
            for name in told:
                del pod.died[name]
            then()

        self.workers.in_pod(pod, "poison", settle(told), settled)

    # --- settling

    def stop_faults(self, within: float) -> None:
        """No more faults: partitions heal, the frozen wake up, what is late arrives ``within``."""
        self._fabric.faults.active = False
        for upkeep in self._upkeeps:
            upkeep.keeps_schedules = False  # time never ends, but what it asked for does
        self._disruptions.stop()
        self._fabric.heal(within)

    def stop_upkeep(self) -> None:
        """No more rounds, except those that are asked for."""
        for upkeep in self._upkeeps:
            upkeep.stop()

    def is_quiet(self) -> bool:
        """Whether no request is on its way or executing and no intent is left, but of what sleeps.

        The platform's own upkeep never rests. What the dead have left at the store is
        answered long before the run takes its word for being settled.
        """
        if not self._fabric.is_still:
            return False
        if any(r.active or r.waiting for name, r in self.routers.items() if name != PLATFORM):
            return False
        return not self._first(INTENTS)

    def due(self) -> int | None:
        """When something is due that waits, in Unix nanoseconds: 0 if nobody would wake it.

        :returns: None if nothing waits.
        """
        alarms = self._first(ALARMS)
        if alarms:
            return int.from_bytes(alarms[0][0][1:9], "big")
        return 0 if self._first(RESTING) else None

    def _first(self, section: KeyRange) -> Pairs:
        memory = self._fabric.store.memory
        return memory.get_range(*section, memory.read_version(), 1)

    def strikes(self) -> list[int]:
        """How often each declared fault struck; a partition that no message met did not."""
        return [
            0 if armed.fault.between and not self._felt(armed.fault) else armed.strikes
            for armed in self._fabric.faults.armed
        ]

    def _felt(self, partition: Fault) -> bool:
        first, second = partition.between
        felt = self._fabric.network.felt
        return (first, second) in felt or (second, first) in felt

    def points(self) -> dict[str, int]:
        """How often each crash point was passed, by ``Service.method@point``."""
        return {
            method.where(point): passed
            for method in self._fabric.faults.methods()
            if method.service != PLATFORM
            for point, passed in zip(POINTS, method.passed, strict=True)
            if passed
        }
