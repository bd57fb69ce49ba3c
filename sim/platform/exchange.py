"""One call over the network: transmit, wait, try again with the same request.

What is retried, when and for how long, :mod:`core.retries` says. An exchange is also what a
client does (:mod:`experiment.record.requests`), with every message recorded.
"""

from __future__ import annotations

from collections.abc import Callable

from core.messages import Failed, Reply, Request
from core.retries import Tries, is_retried, with_deadline
from experiment.scenario.model import CLIENT
from experiment.strikes import MethodFaults
from sim.platform.delivery import Delivery
from sim.platform.fabric import Fabric
from sim.platform.spans import Spans
from sim.platform.timers import later

__all__ = ["Exchange"]


class Exchange:
    """One call from ``source``; ``ended(exchange)`` is called when :attr:`reply` is known.

    :param once: whether the request is sent once and no more.
    :ivar reply: the answer, or a ``Failed`` one when the exchange gave up.
    """

    __slots__ = ("_delivery", "_ended", "_fabric", "_tries", "method", "reply", "request", "source")

    def __init__(
        self,
        fabric: Fabric,
        source: str,
        request: Request,
        ended: Callable[[Exchange], object] | None,
        once: bool = False,
    ) -> None:
        retry = fabric.retry
        self._fabric = fabric
        self._ended = ended
        self.method: MethodFaults = fabric.faults.method(request.service, request.method)
        self.reply: Reply | None = None
        now = fabric.now_ns()
        self.request = with_deadline(request, now, retry.attempts, retry.timeout)
        self._tries = Tries(self.request, now, retry.attempts, retry.timeout, once)
        self.source = source
        self._delivery: Delivery | None = None

    @property
    def tried(self) -> int:
        """How often the request was sent."""
        return self._tries.made

    def close(self) -> None:
        """Nobody waits any more: no further tries."""
        self._ended = None

    def spent(self, spans: Spans, before: str) -> None:
        """Whoever waited for it until now writes down where the time went; ``before`` it was sent.

        As far as that is known: the last time that it was sent it may have got no answer.
        """
        now, delivery = self._fabric.env.now, self._delivery
        if delivery is not None and delivery.spans is not None:
            spans.add(before, delivery.sent)
            spans.take(delivery.spans, delivery.ingress, now)
        else:
            spans.add("waiting", now)

    # --- transmission

    def transmit(self) -> None:
        """Send the request, for the first time or again.

        The first time whatever the clock says: a process may stand still just after it looked.
        """
        if self._ended is None:
            return
        if self.tried and self._left <= 0.0:
            self._give_up()
            return
        fabric, tries = self._fabric, self._tries
        tried = tries.send()
        now = fabric.env.now
        delivery = Delivery(self.request, self.method, tried, self.source, self.arrive, now)
        self._delivery = delivery
        fabric.transmit(self.source, delivery)
        if tries.may_send:
            fabric.wheel.after(min(tries.patience, self._left), self._is_silent, tried)
        else:
            self._wait_to_the_end()

    def _is_silent(self, tried: int) -> None:
        """A try has been open for long: send another one beside it."""
        if tried == self._tries.awaited:
            self.transmit()

    def _wait_to_the_end(self) -> None:
        self._fabric.wheel.after(max(self._left, 0.0), self._is_over, None)

    def _is_over(self, _: None) -> None:
        if self._ended is not None:
            self._give_up()

    @property
    def _left(self) -> float:
        """Seconds until the deadline."""
        return (self.request.deadline - self._fabric.now_ns()) / 1e9

    def _give_up(self) -> None:
        self.end(Reply(self.request.id, self._tries.gave_up()))

    # --- answers

    def arrive(self, tried: int, reply: Reply | None) -> None:
        """A reply, or the news (None) that the connection to the callee broke."""
        if self._ended is None:
            return
        if reply is not None and not is_retried(reply):
            if not self._sleeps(tried, reply):
                self.end(reply)
            return
        fabric, tries = self._fabric, self._tries
        if tries.missed(tried, reply) and tries.may_send:
            later(fabric.env, fabric.backoff(tried), self.transmit)
        elif tries.are_over:
            self._give_up()

    def _sleeps(self, tried: int, reply: Reply) -> bool:
        """Whether the request goes on later, and is to be asked for then."""
        until = reply.outcome.until if isinstance(reply.outcome, Failed) else 0
        if self.source != CLIENT or not 0 < until < self.request.deadline:
            return False
        self._tries.sleeps(tried)
        later(self._fabric.env, max(until - self._fabric.now_ns(), 0) / 1e9, self.transmit)
        return True

    def end(self, reply: Reply) -> None:
        """The exchange is over."""
        ended, self._ended = self._ended, None
        self.reply = reply
        if ended is not None:
            ended(self)
