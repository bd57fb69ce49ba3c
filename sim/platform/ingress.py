"""The gateway, where there is one: it passes on every message between clients and services.

A message to or from a client then takes two hops, and in between processor time in one more
process. A gateway knows nothing of requests and loses nothing; faults strike the message on
its first hop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sim.platform.delivery import Delivery
from sim.platform.network import Network
from sim.platform.processors import Processor

__all__ = ["Ingress"]


class Ingress:
    """One process of one worker.

    :param seconds: processor time that each message takes.
    :ivar active: messages it holds.
    """

    def __init__(self, network: Network, processor: Processor, seconds: float) -> None:
        self._network = network
        self._processor = processor
        self._seconds = seconds
        self.active = 0

    def pass_on(self, delivery: Delivery, deliver: Callable[..., object], *arguments: Any) -> None:
        """A message arrives here, on its way to where ``deliver(*arguments)`` is to be called."""
        self.active += 1
        now = self._network.now
        go_on = partial(self._go_on, delivery, now, deliver, arguments)
        self._processor.compute(self._seconds, go_on)

    def _go_on(
        self,
        delivery: Delivery,
        came: float,
        deliver: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        self.active -= 1
        delivery.ingress = self._network.now - came
        self._network.carry(deliver, arguments)
