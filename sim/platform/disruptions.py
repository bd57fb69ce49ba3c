"""Faults that come on their own: pods are killed, partitions cut and heal.

They strike by the clock, not by what the program does: an opportunity is each
tick of the fault's schedule or, with a probability, each second. A partition
cuts both directions, or only one of them; the strike's details decide.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sim.faults import Armed
from sim.platform.timers import later
from sim.randomness import stream

if TYPE_CHECKING:
    from sim.platform.cluster import Cluster

__all__ = ["Disruptions"]

_DURATION = 1.0
"""Seconds a partition lasts if the fault does not say."""


class Disruptions:
    """The clocks of all ``kill`` and ``partition`` faults."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._running = True
        for armed in cluster.faults.of_kind("kill", "partition"):
            fault = armed.fault
            period = fault.schedule or 1.0
            phase = period * stream(armed.seed, "phase", str(armed.index)).random()
            later(cluster.env, fault.start + phase, self._tick, armed, period)

    def stop(self) -> None:
        """No more of them."""
        self._running = False

    def _tick(self, armed: Armed, period: float) -> None:
        if not self._running:
            return
        later(self._cluster.env, period, self._tick, armed, period)
        number = armed.opportunity(self._cluster.env.now)
        if number < 0:
            return
        if armed.fault.kind == "kill":
            self._kill(armed, number)
        else:
            self._part(armed, number)

    def _kill(self, armed: Armed, number: int) -> None:
        service = armed.fault.selector.service
        routers = self._cluster.routers
        names = [service] if service else list(routers)
        pods = [pod for name in names if name in routers for pod in routers[name].pods if pod.ready]
        if not pods:
            return
        rng = armed.details(number)
        chosen = pods if armed.fault.mode == "all" else [rng.choice(pods)]
        self._cluster.faults.struck(armed, number, " ".join(pod.name for pod in chosen))
        for pod in chosen:
            pod.kill()

    def _part(self, armed: Armed, number: int) -> None:
        first, second = armed.fault.between
        rng = self._cluster.faults.struck(armed, number, f"{first}|{second}")
        for source, target in _directions(first, second, rng):
            self._cluster.network.cut(source, target)
            seconds = armed.fault.duration or _DURATION
            later(self._cluster.env, seconds, self._cluster.network.mend, source, target)


def _directions(first: str, second: str, rng: random.Random) -> list[tuple[str, str]]:
    both = [(first, second), (second, first)]
    chance = rng.random()
    if chance < 0.5:
        return both
    return both[:1] if chance < 0.75 else both[1:]
