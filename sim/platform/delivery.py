"""A request on its way to a callee."""

from __future__ import annotations

from collections.abc import Callable

from core.messages import Reply, Request
from experiment.strikes import MethodFaults
from sim.platform.connections import Connections
from sim.platform.spans import Spans

__all__ = ["Delivery"]


class Delivery:
    """A request on its way, and where its reply goes.

    :ivar method: the faults of the method that is called.
    :ivar tried: which transmission of the call this is, from 1.
    :ivar source: who sent it, as partitions know it.
    :ivar connection: the kept connections of the pod that has it, if those are modelled.
    :ivar held_back: whether its answer's acknowledgement is delayed.
    :ivar sent: when; ``accepted`` is when it arrived.
    :ivar ingress: how long the gateway held the message that is on its way.
    :ivar spans: where the time of whoever answered went.
    :ivar arrive: told ``tried`` and the reply, or None if the connection broke.
    """

    __slots__ = (
        "accepted",
        "arrive",
        "connection",
        "held_back",
        "ingress",
        "method",
        "request",
        "sent",
        "source",
        "spans",
        "tried",
    )

    def __init__(
        self,
        request: Request,
        method: MethodFaults,
        tried: int,
        source: str,
        arrive: Callable[[int, Reply | None], object],
        sent: float,
    ) -> None:
        self.request = request
        self.method = method
        self.tried = tried
        self.connection: Connections | None = None
        self.held_back = False
        self.source = source
        self.arrive = arrive
        self.sent = self.accepted = sent
        self.ingress = 0.0
        self.spans: Spans | None = None
