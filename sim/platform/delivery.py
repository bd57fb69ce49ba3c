"""A request on its way to a callee."""

from __future__ import annotations

from collections.abc import Callable

from core.messages import Reply, Request
from experiment.strikes import MethodFaults

__all__ = ["Delivery"]


class Delivery:
    """A request on its way, and where its reply goes.

    :ivar method: the faults of the method that is called.
    :ivar tried: which transmission of the call this is, from 1.
    :ivar source: who sent it, as partitions know it.
    :ivar arrive: told ``tried`` and the reply, or None if the connection broke.
    """

    __slots__ = ("arrive", "method", "request", "source", "tried")

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
        self.source = source
        self.arrive = arrive
