"""The ingress of one service: a queue in front of its pods, and the autoscaler behind it.

Modelled on Knative's activator and pod autoscaler (Knative documentation,
"Autoscaling"): a pod is given as many requests as its concurrency allows, the
rest wait, except at a service that calls may come back to: there they would wait
for those that wait for them, so nothing is held back. Every two seconds the number
of pods follows the concurrency seen, at 70 % of each pod's limit; new pods start
cold; surplus pods go after a calm half minute, when they are idle.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from math import ceil

from core.messages import Failed, Reply
from experiment.scenario.model import ServicePlatform
from sim.platform.delivery import Delivery
from sim.platform.fabric import Fabric
from sim.platform.pod import Pod
from sim.platform.timers import later

__all__ = ["Router"]

_SCALE_EVERY = 2.0
_TARGET = 0.7
_CALM = 30.0
_ANY = 1 << 30
"""More requests than a pod is ever given."""


class Router:
    """Queue, pods and autoscaler of one service.

    :param execute: starts to execute a request in a pod.
    :param settle: what a process of a pod does first.
    :param holds_back: whether a pod takes no more requests than its concurrency.
    :ivar pods: those that exist, running, starting or down.
    """

    def __init__(
        self,
        fabric: Fabric,
        service: str,
        model: ServicePlatform,
        rng: random.Random,
        execute: Callable[[Pod, Delivery], object],
        settle: Callable[[Pod, Callable[[], None]], None],
        holds_back: bool = True,
    ) -> None:
        self._fabric = fabric
        self._model = model
        self._execute = execute
        self._settle = settle
        self._most = model.concurrency if holds_back else _ANY
        self._rng = rng
        self._queue: deque[Delivery] = deque()
        self._made = 0
        self._calm = 0.0
        self.service = service
        self.pods: list[Pod] = []
        for _ in range(model.replicas):
            self._add().ready = True
        if model.max_replicas > model.replicas:
            later(fabric.env, _SCALE_EVERY, self._scale)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def active(self) -> int:
        """Requests held by pods."""
        return sum(pod.active for pod in self.pods)

    # --- requests

    def accept(self, delivery: Delivery) -> None:
        """A request arrives."""
        delivery.accepted = self._fabric.env.now
        if not self._queue:
            pod = self._pick()
            if pod is not None:
                self._execute(pod, delivery)
                return
        if len(self._queue) >= self._fabric.model.queue:
            text = f"the queue of {self.service} is full"
            failed = Failed("Overloaded", True, text)
            self._fabric.respond(delivery, Reply(delivery.request.id, failed))
            return
        self._queue.append(delivery)

    def room(self) -> None:
        """A pod has room: let the queue advance. What expired in it is dropped."""
        queue = self._queue
        while queue:
            deadline = queue[0].request.deadline
            if deadline and deadline < self._fabric.now_ns():
                queue.popleft()
                continue
            pod = self._pick()
            if pod is None:
                return
            self._execute(pod, queue.popleft())

    def _pick(self) -> Pod | None:
        """The least loaded ready pod with room; the seed chooses among equals."""
        best: list[Pod] = []
        least = self._most
        for pod in self.pods:
            if pod.ready and pod.active <= least and pod.active < self._most:
                if pod.active < least:
                    least = pod.active
                    best = [pod]
                else:
                    best.append(pod)
        if len(best) > 1:
            return best[int(self._rng.random() * len(best))]
        return best[0] if best else None

    # --- pods

    def _add(self) -> Pod:
        name, workers = f"{self.service}-{self._made}", self._model.workers
        pod = Pod(self._fabric, name, workers, self.room, self._settle)
        self._made += 1
        self.pods.append(pod)
        return pod

    def _scale(self) -> None:
        later(self._fabric.env, _SCALE_EVERY, self._scale)
        model = self._model
        demand = self.active + len(self._queue)
        wanted = ceil(demand / (model.concurrency * _TARGET))
        wanted = min(max(wanted, model.replicas), model.max_replicas)
        if wanted >= len(self.pods):
            self._calm = 0.0
            for _ in range(wanted - len(self.pods)):
                later(self._fabric.env, self._fabric.model.cold_start, self._add().start)
            return
        self._calm += _SCALE_EVERY
        if self._calm >= _CALM:
            surplus = len(self.pods) - wanted
            idle = [pod for pod in self.pods if pod.ready and pod.active == 0]
            for pod in idle[-surplus:]:
                pod.retire()
                self.pods.remove(pod)
