"""One call over the network: transmit, wait, try again with the same request.

What is retried is what says nothing about the request: silence, a broken
connection, a callee that was interrupted or too busy. Everything else is the
answer. An exchange that runs out of tries or time ends as ``Interrupted``,
indefinite: nobody knows whether the callee did it.

An exchange is also what a client does (:mod:`sim.client`), with the client's
patience and with every message recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.messages import Failed, Reply, Request
from sim.faults import MethodFaults
from sim.platform.timers import later

if TYPE_CHECKING:
    from sim.platform.cluster import Cluster

__all__ = ["NO_TIME_LEFT", "Delivery", "Exchange"]

NO_TIME_LEFT = "no answer within the time and the tries that there were"

_RETRIED = ("Interrupted", "Overloaded")
_SHARE = 0.75


class Delivery:
    """A request on its way to a callee, and where its reply goes.

    :ivar method: the faults of the method that is called.
    :ivar tried: which transmission of the exchange this is, from 1.
    """

    __slots__ = ("exchange", "method", "request", "tried")

    def __init__(self, request: Request, exchange: Exchange, tried: int) -> None:
        self.request = request
        self.exchange = exchange
        self.method = exchange.method
        self.tried = tried


class Exchange:
    """One call from ``source``; ``ended(exchange)`` is called when :attr:`reply` is known.

    :ivar reply: the answer, or a ``Failed`` one when the exchange gave up.
    """

    __slots__ = ("_cluster", "_ended", "_waits", "method", "reply", "request", "source", "tried")

    def __init__(
        self,
        cluster: Cluster,
        source: str,
        request: Request,
        ended: Callable[[Exchange], object] | None,
    ) -> None:
        self._cluster = cluster
        self._ended = ended
        self._waits = False
        self.method: MethodFaults = cluster.faults.method(request.service, request.method)
        self.reply: Reply | None = None
        self.request = request
        self.source = source
        self.tried = 0

    def close(self) -> None:
        """Nobody waits any more: no further tries."""
        self._ended = None

    # --- transmission

    def transmit(self) -> None:
        """Send the request, for the first time or again."""
        if self._ended is None:
            return
        cluster = self._cluster
        self.tried += 1
        self._waits = True
        patience = self.patience()
        request = replace(self.request, deadline=cluster.now_ns() + int(patience * 1e9))
        cluster.wheel.after(patience, self._time_out, self.tried)
        cluster.transmit(self.source, Delivery(request, self, self.tried))

    def patience(self) -> float:
        """How long to wait for this try, in seconds.

        A part of what the caller has left, so that a lost message is noticed before the caller's
        own caller loses patience. A survivor whose time is over does not know that.
        """
        timeout = self._cluster.retry.timeout
        deadline = self.request.deadline
        if deadline:
            left = (deadline - self._cluster.now_ns()) / 1e9
            if left > 0.0:
                return min(timeout, max(_SHARE * left, 0.02))
        return timeout

    def _time_out(self, tried: int) -> None:
        if self._waits and tried == self.tried:
            self.missed(None)

    def missed(self, reply: Reply | None) -> None:  # noqa: ARG002 - clients look at it
        """A try brought no answer, or ``reply``, which is none: try again later, or give up."""
        self._waits = False
        if self._ended is None:
            return
        cluster = self._cluster
        if self.tried >= cluster.retry.attempts or self._out_of_time():
            self.end(Reply(self.request.id, self.gave_up()))
            return
        later(cluster.env, cluster.backoff(self.tried), self.transmit)

    def _out_of_time(self) -> bool:
        deadline = self.request.deadline
        return 0 < deadline < self._cluster.now_ns()

    def gave_up(self) -> Failed:
        """What is known after the last try."""
        return Failed("Interrupted", False, NO_TIME_LEFT)

    # --- answers

    def arrive(self, tried: int, reply: Reply | None) -> None:
        """A reply, or the news (None) that the connection to the callee broke."""
        if self._ended is None:
            return
        if reply is None or self.is_retried(reply):
            if self._waits and tried == self.tried:
                self.missed(reply)
            return
        self.end(reply)

    def is_retried(self, reply: Reply) -> bool:
        """Whether ``reply`` says nothing about the request, so that it is worth another try."""
        return isinstance(reply.outcome, Failed) and reply.outcome.kind in _RETRIED

    def end(self, reply: Reply) -> None:
        """The exchange is over."""
        ended, self._ended, self._waits = self._ended, None, False
        self.reply = reply
        if ended is not None:
            ended(self)
