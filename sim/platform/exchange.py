"""One call over the network: transmit, wait, try again with the same request.

What is retried, and for how long, :mod:`core.retries` says. An exchange is also what a
client does (:mod:`experiment.record.requests`), with every message recorded.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from core.messages import Reply, Request
from core.retries import Tries, is_retried, patience
from experiment.strikes import MethodFaults
from sim.platform.delivery import Delivery
from sim.platform.fabric import Fabric
from sim.platform.timers import later

__all__ = ["Exchange"]


class Exchange:
    """One call from ``source``; ``ended(exchange)`` is called when :attr:`reply` is known.

    :ivar reply: the answer, or a ``Failed`` one when the exchange gave up.
    """

    __slots__ = ("_ended", "_fabric", "_tries", "_waits", "method", "reply", "request", "source")

    def __init__(
        self,
        fabric: Fabric,
        source: str,
        request: Request,
        ended: Callable[[Exchange], object] | None,
    ) -> None:
        self._fabric = fabric
        self._ended = ended
        self._waits = False
        self.method: MethodFaults = fabric.faults.method(request.service, request.method)
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
        fabric = self._fabric
        self._tries.made = tried = self._tries.made + 1
        self._waits = True
        now = fabric.now_ns()
        seconds = patience(self.request.deadline, now, fabric.retry.timeout)
        request = replace(self.request, deadline=now + int(seconds * 1e9))
        fabric.wheel.after(seconds, self._time_out, tried)
        fabric.transmit(
            self.source, Delivery(request, self.method, tried, self.source, self.arrive)
        )

    def _time_out(self, tried: int) -> None:
        if self._waits and tried == self.tried:
            self._missed(None)

    def _missed(self, reply: Reply | None) -> None:
        """A try brought no answer, or ``reply``, which is none: try again later, or give up."""
        self._waits = False
        self._tries.missed(reply)
        if self._ended is None:
            return
        fabric = self._fabric
        if self.tried >= fabric.retry.attempts or self._out_of_time():
            self.end(Reply(self.request.id, self._tries.gave_up(self.request.id.is_root)))
            return
        later(fabric.env, fabric.backoff(self.tried), self.transmit)

    def _out_of_time(self) -> bool:
        deadline = self.request.deadline
        return 0 < deadline < self._fabric.now_ns()

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
