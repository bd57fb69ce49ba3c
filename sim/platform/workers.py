"""Maintenance: recovery, retention, and the clearing of completed intents.

All three run in a pod of the platform's own service, :data:`sim.faults.PLATFORM`,
which reaches the store as every other does and can be killed and cut off. A
round that fails is simply tried again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from core.errors import StoreError
from core.ports import Effect
from sim.faults import PLATFORM
from sim.host import Activity
from sim.platform.timers import later
from sim.scenario import Recovery, Retention

if TYPE_CHECKING:
    from sim.platform.cluster import Cluster

__all__ = ["Workers"]

_BATCH_SECONDS = 0.05
"""Completed intents are cleared together this often."""

Steps = Generator[Effect, Any, Any]


class Maintenance(Activity):
    """One round of a worker; ``then(result)`` is called when it is over, with None if it failed."""

    __slots__ = ("_then",)

    def __init__(
        self, cluster: Cluster, name: str, steps: Steps, then: Callable[[Any], object]
    ) -> None:
        pod = cluster.routers[PLATFORM].pods[0]
        super().__init__(cluster, pod, steps, cluster.faults.method(PLATFORM, name), None)
        self._then = then

    def ended(self, result: Any) -> None:
        """The round is over."""
        self.finish()
        self._then(result)

    def failed(self, error: StoreError) -> None:  # noqa: ARG002 - any store error
        """The store did not play along; the next round will."""
        self.finish()
        self._then(None)

    def crash(self) -> None:
        """The platform's pod died."""
        if self.alive:
            super().crash()
            self._then(None)


class Workers:
    """The three workers of a cluster."""

    def __init__(
        self, cluster: Cluster, recovery: Recovery, retention: Retention, rng: random.Random
    ) -> None:
        self._cluster = cluster
        self._recovery = recovery
        self._retention = retention
        self._running: dict[str, bool] = {}
        self._stopped = False
        self._completed: list[bytes] = []
        env = cluster.env
        later(env, rng.random() * recovery.interval, self._tick, recovery.interval, self._recover)
        later(env, rng.random() * retention.interval, self._tick, retention.interval, self._retain)

    def stop(self) -> None:
        """No more rounds, except those that are asked for."""
        self._stopped = True

    def _tick(self, interval: float, round_: Callable[[], None]) -> None:
        if not self._stopped:
            later(self._cluster.env, interval, self._tick, interval, round_)
            round_()

    def _run(self, name: str, steps: Steps, then: Callable[[Any], object] | None = None) -> None:
        self._running[name] = True

        def over(result: Any) -> None:
            self._running[name] = False
            if then is not None:
                then(result)

        activity = Maintenance(self._cluster, name, steps, over)
        activity.pod.hold(activity)
        activity.advance(None)

    def _may_run(self, name: str) -> bool:
        ready = self._cluster.routers[PLATFORM].pods[0].ready
        return ready and not self._running.get(name, False)

    # --- rounds

    def _recover(self) -> None:
        if self._may_run("recovery"):
            stale = int(self._recovery.stale * 1e9)
            self._run("recovery", self._cluster.protocol.recover(self._cluster.now_ns(), stale))

    def _retain(self) -> None:
        if self._may_run("retention"):
            self.forget()

    def forget(self, then: Callable[[Any], object] | None = None) -> None:
        """One round of retention; ``then`` gets the new watermark, None if nothing was to go."""
        period = int(self._retention.period * 1e9)
        steps = self._cluster.protocol.retain(self._cluster.now_ns(), period)
        self._run("retention", steps, then)

    def completed(self, root: bytes) -> None:
        """A tree was answered whose intent is still there: clear it with the next batch."""
        if not self._completed:
            later(self._cluster.env, _BATCH_SECONDS, self._clear)
        self._completed.append(root)

    def _clear(self) -> None:
        roots, self._completed = self._completed, []
        if roots and self._cluster.routers[PLATFORM].pods[0].ready:
            self._run("completion", self._cluster.protocol.clear_intents(roots))
