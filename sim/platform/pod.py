"""One replica of a service: slots for requests, workers that compute, and its death.

A pod holds up to ``concurrency`` requests, but only ``workers`` of them compute at
the same moment; the others wait for the store, for callees or for a worker. A
pod that dies takes every execution in it along and comes back empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from core.ids import RequestId
from core.joins import Joins
from core.messages import Request
from core.poison import Died
from core.turns import Turns
from experiment.strikes import MethodFaults
from sim.platform.connections import Connections
from sim.platform.fabric import Fabric
from sim.platform.timers import later

__all__ = ["Activity", "Pod"]


class Activity(Protocol):
    """What goes on in a pod."""

    def crash(self) -> None:
        """Its process died."""


class Pod:
    """One replica.

    :param room: called when it may have room for another request.
    :param settle: ``settle(pod, then)`` does what a process does first, and then calls ``then``.

    :ivar ready: whether it takes requests.
    :ivar turns: the lines of its contending attempts.
    :ivar joins: the attempts in it that may be joined.
    :ivar connections: those to it that are kept, if they are modelled.
    :ivar died: whom its processes died of, as far as the store was not told yet.
    :ivar suspects: requests that processes died of, as far as it knows (:mod:`core.poison`).
    """

    __slots__ = (
        "_deaths", "_fabric", "_held", "_processor", "_room", "_settle", "connections", "died",
        "joins", "name", "ready", "suspects", "turns",
    )  # fmt: skip

    def __init__(
        self,
        fabric: Fabric,
        name: str,
        workers: int,
        room: Callable[[], object],
        settle: Callable[[Pod, Callable[[], None]], None],
    ) -> None:
        self._fabric = fabric
        self._processor = fabric.processor(workers)
        self._held: dict[Activity, None] = {}
        self.name = name
        self.ready = False
        self._room = room
        self._settle = settle
        self._deaths = 0
        self.died: dict[str, Died] = {}
        self.suspects: set[RequestId] = set()
        self.turns = Turns()
        self.joins: Joins[Any] = Joins()
        self.connections = self._connections()

    def _connections(self) -> Connections | None:
        """Those to a new process: none is kept yet."""
        model = self._fabric.model
        return Connections(model.ack_recent) if model.ack_delay else None

    @property
    def active(self) -> int:
        """Requests it holds."""
        return len(self._held)

    def hold(self, activity: Activity) -> None:
        """Take in an activity; it starts by itself."""
        self._held[activity] = None

    def leave(self, activity: Activity) -> None:
        """The activity is over, one way or the other: its slot and its turns are free."""
        if activity in self._held:
            del self._held[activity]
            if len(self.turns):
                self.turns.release(activity)
            if self.ready:
                self._room()

    # --- computing

    def compute(self, seconds: float, then: Callable[[], object]) -> None:
        """Keep a worker busy for ``seconds``, when one is free, and call ``then``."""
        self._processor.compute(seconds, then)

    # --- life and death

    def start(self) -> None:
        """A process starts: it takes requests as soon as it can."""
        self._settle(self, self._take_requests)

    def _take_requests(self) -> None:
        self.ready = True
        self._room()

    def retire(self) -> None:
        """It takes no more requests."""
        self.ready = False

    def die_of(self, method: MethodFaults, request: Request | None) -> None:
        """Its process dies while it computes for a request, which the next one knows."""
        if request is not None:
            self._deaths += 1
            name = f"{method.service}.{method.method}"
            self.died[f"{self.name}.{self._deaths}"] = Died(request.id, name)
        self.kill()

    def kill(self) -> None:
        """Its process dies, and all that was going on in it; a new one starts after a while."""
        if not self.ready:
            return
        self.ready = False
        self._processor.kill()
        self.connections = self._connections()
        self.turns.clear()
        self.joins.clear()
        for activity in list(self._held):
            activity.crash()
        later(self._fabric.env, self._fabric.model.restart, self.start)
