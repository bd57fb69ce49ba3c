"""An attempt at a request in virtual time, and everybody who waits for its answer.

A request that comes to a pod where an attempt at it is under way joins it (:mod:`core.joins`).
One that is frozen is not joined: in a process that stands still nobody could.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.joins import keeps
from core.messages import Failed, Reply, Request
from core.ports import Steps
from experiment.strikes import POINT
from sim.host import WAIT, Activity, itself
from sim.platform.delivery import Delivery
from sim.platform.fabric import Fabric
from sim.platform.pod import Pod
from sim.platform.timers import later

__all__ = ["Execution"]

_START = POINT["start"]
_BEFORE_REPLY, _AFTER_REPLY = POINT["before_reply"], POINT["after_reply"]


class Execution(Activity):
    """An attempt at the request of ``delivery``, in ``pod``.

    :param completed: told the root of a tree that was answered while its intent is still there.
    :param sleeps: told the root of a tree of which everything waits, and what it was told.
    """

    __slots__ = ("_completed", "_deliveries", "_half_cpu", "_said", "_since", "_sleeps")

    def __init__(
        self,
        fabric: Fabric,
        pod: Pod,
        delivery: Delivery,
        steps: Steps,
        completed: Callable[[bytes], object],
        sleeps: Callable[[bytes, Failed], object],
    ) -> None:
        request = delivery.request
        super().__init__(fabric, pod, steps, delivery.method, request, delivery.sent)
        self.spans.add("ingress", delivery.sent + delivery.ingress)
        self.spans.add("hops", delivery.accepted)
        self.spans.add("waiting", fabric.env.now)
        self._deliveries = [delivery]
        self._completed = completed
        self._sleeps = sleeps
        self._said: Reply | None = None
        self._since = fabric.env.now
        self._half_cpu = fabric.model.cpu / 2
        self._extend(request)

    def _extend(self, request: Request) -> None:
        """Go on for as long as ``request`` may."""
        soon = self.fabric.env.now + self.fabric.retry.timeout
        self.deadline = max(self.deadline, self.fabric.seconds(request.deadline), soon)

    def join(self, delivery: Delivery) -> bool:
        """Answer ``delivery`` as well, unless it makes no progress: a process would be frozen."""
        if self._said is not None:
            self.fabric.respond(delivery, self._said)
            return True
        if self._frozen or not self.alive:
            return False
        self._deliveries.append(delivery)
        self._extend(delivery.request)
        return True

    def start(self) -> None:
        """Begin, when a worker is free."""
        self.pod.joins.add(self._deliveries[0].request, self)
        self.pod.compute(self._half_cpu, self._begin)

    def _begin(self) -> None:
        if self.alive:
            self.spans.computed(self._half_cpu, self.fabric.env.now)
            self.spans.began_to_work()
            self._passed[_START] += 1
            if not (self._points[_START] and self._strikes(_START, itself, None)):
                self.advance(None)

    def ended(self, result: Reply) -> None:
        """The attempt returned a reply: encode it and send it off."""
        self.pod.compute(self._half_cpu, partial(self.go_on, self._reply, result))

    def _reply(self, reply: Reply) -> Any:
        self.spans.computed(self._half_cpu, self.fabric.env.now)
        self._passed[_BEFORE_REPLY] += 1
        if not (
            self._points[_BEFORE_REPLY] and self._strikes(_BEFORE_REPLY, self._reply_now, reply)
        ):
            self._reply_now(reply)
        return WAIT

    def _reply_now(self, reply: Reply) -> Any:
        self._keep(reply)
        for delivery in self._deliveries:
            delivery.spans = self.spans
            self.fabric.respond(delivery, reply)
        self._passed[_AFTER_REPLY] += 1
        if not (self._points[_AFTER_REPLY] and self._strikes(_AFTER_REPLY, self._done, reply)):
            self._done(reply)
        return WAIT

    def _done(self, reply: Reply) -> Any:
        unfinished = reply.intent_recorded and not reply.intent_cleared
        if reply.id.is_root and unfinished and not isinstance(reply.outcome, Failed):
            self._completed(reply.id.root)
        if reply.id.is_root and isinstance(reply.outcome, Failed) and reply.outcome.until:
            self._sleeps(reply.id.root, reply.outcome)
        self.finish()
        return WAIT

    def _keep(self, reply: Reply) -> None:
        """The answer of an attempt that took long can be had for a while."""
        fabric = self.fabric
        kept = keeps(reply, fabric.env.now - self._since, fabric.retry.timeout)
        if kept:
            self._said = reply
            later(fabric.env, kept, self._forget)
        else:
            self._forget()

    def _forget(self) -> None:
        self.pod.joins.remove(self._deliveries[0].request, self)

    def crash(self) -> None:
        """It stops existing; its callers see the connection break."""
        if self.alive:
            super().crash()
            self._break()

    def give_up(self) -> None:
        """Nobody waits for it any more, but its connections may still be open."""
        super().give_up()
        self._break()

    def _break(self) -> None:
        self._forget()
        for delivery in self._deliveries:
            self.fabric.broke(delivery)
