"""One replica of a service: slots for requests, workers that compute, and its death.

A pod holds up to ``concurrency`` requests, but only ``workers`` of them compute at
the same moment; the others wait for the store, for callees or for a worker. A
pod that dies takes every execution in it along and comes back empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from core.joins import Joins
from core.turns import Turns
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

    :ivar ready: whether it takes requests.
    :ivar turns: the lines of its contending attempts.
    :ivar joins: the attempts in it that may be joined.
    :ivar connections: those to it that are kept, if they are modelled.
    """

    __slots__ = (
        "_fabric", "_held", "_processor", "_room", "connections", "joins", "name", "ready",
        "turns",
    )  # fmt: skip

    def __init__(self, fabric: Fabric, name: str, workers: int, room: Callable[[], object]) -> None:
        self._fabric = fabric
        self._processor = fabric.processor(workers)
        self._held: dict[Activity, None] = {}
        self.name = name
        self.ready = False
        self._room = room
        self.turns = Turns()
        self.joins: Joins[Any] = Joins()
        model = fabric.model
        self.connections = Connections(model.ack_recent) if model.ack_delay else None

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
        """From now on it takes requests."""
        self.ready = True
        self._room()

    def retire(self) -> None:
        """It takes no more requests."""
        self.ready = False

    def kill(self) -> None:
        """Its process dies, and all that was going on in it; a new one starts after a while."""
        if not self.ready:
            return
        self.ready = False
        self._processor.kill()
        self.turns.clear()
        self.joins.clear()
        for activity in list(self._held):
            activity.crash()
        later(self._fabric.env, self._fabric.model.restart, self.start)
