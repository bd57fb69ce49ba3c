"""A request on its way to a callee."""

from __future__ import annotations

from collections.abc import Callable

from core.messages import Reply, Request
from experiment.strikes import MethodFaults
from sim.platform.connections import Connections

__all__ = ["Delivery"]


class Delivery:
    """A request on its way, and where its reply goes.

    :ivar method: the faults of the method that is called.
    :ivar tried: which transmission of the call this is, from 1.
    :ivar source: who sent it, as partitions know it.
    :ivar connection: the kept connections of the pod that has it, if those are modelled.
    :ivar held_back: whether its answer's acknowledgement is delayed.
    :ivar arrive: told ``tried`` and the reply, or None if the connection broke.
    """

    __slots__ = ("arrive", "connection", "held_back", "method", "request", "source", "tried")

    def __init__(
        self,
        request: Request,
        method: MethodFaults,
        tried: int,
        source: str,
        arrive: Callable[[int, Reply | None], object],
    ) -> None:
        self.request = request
        self.method = method
        self.tried = tried
        self.connection: Connections | None = None
        self.held_back = False
        self.source = source
        self.arrive = arrive
