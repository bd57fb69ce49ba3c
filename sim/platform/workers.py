"""Maintenance: recovery, waking, retention, the clearing of completed intents, clients' keys.

All of it runs in a pod of the platform's own service, :data:`experiment.scenario.model.PLATFORM`,
which reaches the store as every other does and can be killed and cut off. A
round that fails is simply tried again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from core.alarms import is_long
from core.errors import StoreError
from core.messages import Failed, Origin
from core.ports import Steps
from core.program import Program
from core.protocol import Protocol
from experiment.scenario.model import PLATFORM, Recovery, Retention
from sim.host import Activity
from sim.platform.fabric import Fabric
from sim.platform.pod import Pod
from sim.platform.router import Router
from sim.platform.timers import later

__all__ = ["Workers"]

_BATCH_SECONDS = 0.05
"""Completed intents are cleared together this often."""
_WAKE_SECONDS = 0.25
"""Between two looks for what is due."""


class Maintenance(Activity):
    """One round of a worker; ``then(result)`` is called when it is over, with None if it failed."""

    __slots__ = ("_then",)

    def __init__(
        self, fabric: Fabric, pod: Pod, name: str, steps: Steps, then: Callable[[Any], object]
    ) -> None:
        super().__init__(fabric, pod, steps, fabric.faults.method(PLATFORM, name), None)
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
    """The workers of a cluster.

    :param router: the platform's own, in whose pod ``number`` they run.
    :param program: whose schedules they keep.
    :ivar keeps_schedules: whether time asks for anything.
    """

    def __init__(
        self,
        fabric: Fabric,
        router: Router,
        protocol: Protocol,
        recovery: Recovery,
        retention: Retention,
        rng: random.Random,
        program: Program,
        number: int = 0,
    ) -> None:
        self._fabric = fabric
        self._number = number
        self._router = router
        self._protocol = protocol
        self._recovery = recovery
        self._retention = retention
        self._running: dict[str, bool] = {}
        self._stopped = False
        self._program = program
        self.keeps_schedules = True
        self._completed: list[bytes] = []
        self._asleep: dict[bytes, Failed] = {}
        self._pages = 0
        env = fabric.env
        later(env, rng.random() * recovery.interval, self._tick, recovery.interval, self._recover)
        later(env, rng.random() * retention.interval, self._tick, retention.interval, self._retain)
        if program.defers:
            later(env, rng.random() * _WAKE_SECONDS, self._tick, _WAKE_SECONDS, self._wake)
        if program.schedules:
            later(env, rng.random() * _WAKE_SECONDS, self._tick, _WAKE_SECONDS, self._schedules)

    @property
    def _pod(self) -> Pod:
        return self._router.pods[self._number]

    def stop(self) -> None:
        """No more rounds, except those that are asked for."""
        self._stopped = True

    def _tick(self, interval: float, round_: Callable[[], None]) -> None:
        if not self._stopped:
            later(self._fabric.env, interval, self._tick, interval, round_)
            round_()

    def _run(self, name: str, steps: Steps, then: Callable[[Any], object] | None = None) -> None:
        self._running[name] = True

        def over(result: Any) -> None:
            self._running[name] = False
            if then is not None:
                then(result)

        activity = Maintenance(self._fabric, self._pod, name, steps, over)
        activity.pod.hold(activity)
        activity.advance(None)

    def _may_run(self, name: str) -> bool:
        ready = self._pod.ready
        return ready and not self._running.get(name, False)

    def in_pod(self, pod: Pod, name: str, steps: Steps, then: Callable[[Any], object]) -> None:
        """Do what a pod does first; ``then`` gets what came of it, None if it does not work out."""
        activity = Maintenance(self._fabric, pod, name, steps, then)
        pod.hold(activity)
        activity.advance(None)

    def look_up(self, name: str, steps: Steps, then: Callable[[Any], object]) -> None:
        """Find out something that the store knows, for a client; None if that does not work out."""
        if self._pod.ready:
            self.in_pod(self._pod, name, steps, then)
        else:
            then(None)

    # --- rounds

    def _recover(self) -> None:
        if self._may_run("recovery"):
            stale = int(self._recovery.stale * 1e9)
            self._run("recovery", self._protocol.recover(self._fabric.now_ns(), stale))

    def _wake(self) -> None:
        if self._may_run("wake"):
            self._run("wake", self._protocol.wake(self._fabric.now_ns()), self._woken)

    def _schedules(self) -> None:
        if self.keeps_schedules and self._may_run("schedules"):
            self._run("schedules", self._protocol.tick(self._program, self._fabric.now_ns()))

    def _woken(self, origins: dict[bytes, Origin] | None) -> None:
        """Drive what was woken, whatever else is being driven, and look for more."""
        if origins and self._pod.ready:
            self._pages += 1
            self._run(f"woken {self._pages}", self._protocol.drive(origins))
            self._wake()

    def _retain(self) -> None:
        if self._may_run("retention"):
            self.forget()

    def forget(self, then: Callable[[Any], object] | None = None) -> None:
        """One round of retention; ``then`` gets the new watermark, None if nothing was to go."""
        period = int(self._retention.period * 1e9)
        steps = self._protocol.retain(self._fabric.now_ns(), period)
        self._run("retention", steps, then)

    def completed(self, root: bytes) -> None:
        """A tree was answered whose intent is still there: clear it with the next batch."""
        self._clear_soon()
        self._completed.append(root)

    def sleeps(self, root: bytes, told: Failed) -> None:
        """A tree sleeps: lay it to rest with the next batch, unless it wakes soon."""
        if is_long(told, self._fabric.now_ns() + int(self._recovery.stale * 1e9)):
            self._clear_soon()
            self._asleep[root] = told

    def _clear_soon(self) -> None:
        if not self._completed and not self._asleep:
            later(self._fabric.env, _BATCH_SECONDS, self._clear)

    def _clear(self) -> None:
        asleep, self._asleep = self._asleep, {}
        if asleep and self._pod.ready:
            self._run("rest", self._protocol.rest(asleep))
        roots, self._completed = self._completed, []
        if roots and self._pod.ready:
            self._run("completion", self._protocol.clear_intents(roots))
