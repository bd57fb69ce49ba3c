"""One call over the network: transmit, wait, try again with the same request.

What is retried, and for how long, :mod:`core.retries` says. An exchange is also what a
client does (:mod:`sim.client`), with every message recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.messages import Reply, Request
from core.retries import Tries, is_retried, patience
from sim.faults import MethodFaults
from sim.platform.timers import later

if TYPE_CHECKING:
    from sim.platform.cluster import Cluster

__all__ = ["Delivery", "Exchange"]


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

    __slots__ = ("_cluster", "_ended", "_tries", "_waits", "method", "reply", "request", "source")

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
        self._tries = Tries()

    @property
    def tried(self) -> int:
        """How often the request was sent."""
        return self._tries.made

    def close(self) -> None:
        """Nobody waits any more: no further tries."""
        self._ended = None

    # --- transmission

    def transmit(self) -> None:
        """Send the request, for the first time or again."""
        if self._ended is None:
            return
        cluster = self._cluster
        self._tries.made = tried = self._tries.made + 1
        self._waits = True
        now = cluster.now_ns()
        seconds = patience(self.request.deadline, now, cluster.retry.timeout)
        request = replace(self.request, deadline=now + int(seconds * 1e9))
        cluster.wheel.after(seconds, self._time_out, tried)
        cluster.transmit(self.source, Delivery(request, self, tried))

    def _time_out(self, tried: int) -> None:
        if self._waits and tried == self.tried:
            self._missed(None)

    def _missed(self, reply: Reply | None) -> None:
        """A try brought no answer, or ``reply``, which is none: try again later, or give up."""
        self._waits = False
        self._tries.missed(reply)
        if self._ended is None:
            return
        cluster = self._cluster
        if self.tried >= cluster.retry.attempts or self._out_of_time():
            self.end(Reply(self.request.id, self._tries.gave_up(self.request.id.is_root)))
            return
        later(cluster.env, cluster.backoff(self.tried), self.transmit)

    def _out_of_time(self) -> bool:
        deadline = self.request.deadline
        return 0 < deadline < self._cluster.now_ns()

    # --- answers

    def arrive(self, tried: int, reply: Reply | None) -> None:
        """A reply, or the news (None) that the connection to the callee broke."""
        if self._ended is None:
            return
        if reply is None or is_retried(reply):
            if self._waits and tried == self.tried:
                self._missed(reply)
            return
        self.end(reply)

    def end(self, reply: Reply) -> None:
        """The exchange is over."""
        ended, self._ended, self._waits = self._ended, None, False
        self.reply = reply
        if ended is not None:
            ended(self)
