"""One replica of a service: slots for requests, workers that compute, and its death.

A pod holds up to ``concurrency`` requests, but only ``workers`` of them compute at
the same moment; the others wait for the store, for callees or for a worker. A
pod that dies takes every execution in it along and comes back empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.turns import Turns
from sim.host import Activity, Execution
from sim.platform.exchange import Delivery
from sim.platform.timers import later

if TYPE_CHECKING:
    from sim.platform.cluster import Cluster
    from sim.platform.router import Router

__all__ = ["Pod"]


class Pod:
    """One replica.

    :ivar ready: whether it takes requests.
    :ivar turns: the lines of its contending attempts.
    """

    __slots__ = (
        "_cluster", "_held", "_processor", "name", "ready", "router", "turns",
    )  # fmt: skip

    def __init__(self, cluster: Cluster, router: Router, name: str, workers: int) -> None:
        self._cluster = cluster
        self._processor = cluster.processor(workers)
        self._held: dict[Activity, None] = {}
        self.name = name
        self.ready = False
        self.router = router
        self.turns = Turns()

    @property
    def active(self) -> int:
        """Requests it holds."""
        return len(self._held)

    def admit(self, delivery: Delivery) -> None:
        """Start to execute a request."""
        execution = Execution(self._cluster, self, delivery)
        self._held[execution] = None
        execution.start()

    def hold(self, activity: Activity) -> None:
        """Take in an activity that starts by itself."""
        self._held[activity] = None

    def leave(self, activity: Activity) -> None:
        """The activity is over, one way or the other: its slot and its turns are free."""
        if activity in self._held:
            del self._held[activity]
            if len(self.turns):
                self.turns.release(activity)
            if self.ready and self.router.waiting:
                self.router.room()

    # --- computing

    def compute(self, seconds: float, then: Callable[[], object]) -> None:
        """Keep a worker busy for ``seconds``, when one is free, and call ``then``."""
        self._processor.compute(seconds, then)

    # --- life and death

    def start(self) -> None:
        """From now on it takes requests."""
        self.ready = True
        self.router.room()

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
        for activity in list(self._held):
            activity.crash()
        later(self._cluster.env, self._cluster.model.restart, self.start)
