"""Faults that come on their own: pods are killed, partitions cut and heal.

They strike by the clock, not by what the program does: at the ticks of the
fault's schedule or, with a probability, of each second. Their opportunities are
numbered by the millisecond of the run, so that ``nth`` says when they strike. A
partition cuts both directions, or only one of them; the strike's details decide. A kill
that finds no pod alive waits for one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from experiment.randomness import stream
from experiment.strikes import Armed
from sim.platform.fabric import Fabric
from sim.platform.router import Router
from sim.platform.timers import at, later

__all__ = ["Disruptions"]

_DURATION = 1.0
"""Seconds a partition lasts if the fault does not say."""
_LOOK_MS = 10
"""Milliseconds between two looks for a pod to kill, where there was none."""


class Disruptions:
    """The clocks of all ``kill`` and ``partition`` faults."""

    def __init__(self, fabric: Fabric, routers: Mapping[str, Router]) -> None:
        self._fabric = fabric
        self._routers = routers
        self._running = True
        self._waiting: set[int] = set()
        for armed in fabric.faults.of_kind("kill", "partition"):
            fault = armed.fault
            if fault.nth:
                for number in fault.nth:
                    at(fabric.env, number / 1000, self._strike, armed, number)
                continue
            period = fault.schedule or 1.0
            phase = period * stream(armed.seed, "phase", str(armed.index)).random()
            self._await(armed, fault.start + phase, period)

    def stop(self) -> None:
        """No more of them."""
        self._running = False

    def _await(self, armed: Armed, time: float, period: float) -> None:
        number = round(time * 1000)
        at(self._fabric.env, number / 1000, self._tick, armed, number, time + period, period)

    def _tick(self, armed: Armed, number: int, following: float, period: float) -> None:
        if self._running:
            self._await(armed, following, period)
            if armed.chance() and armed.index not in self._waiting:
                self._strike(armed, number)

    def _strike(self, armed: Armed, number: int) -> None:
        fault = armed.fault
        if not self._running or (fault.limit and armed.strikes >= fault.limit):
            return
        if fault.kind == "kill":
            self._kill(armed, number)
        else:
            self._part(armed, number)

    def _kill(self, armed: Armed, number: int) -> None:
        service = armed.fault.selector.service
        routers = self._routers
        names = [service] if service else list(routers)
        pods = [pod for name in names if name in routers for pod in routers[name].pods if pod.ready]
        if not pods:
            self._waiting.add(armed.index)
            following = number + _LOOK_MS
            at(self._fabric.env, following / 1000, self._strike, armed, following)
            return
        self._waiting.discard(armed.index)
        rng = armed.details(number)
        chosen = pods if armed.fault.mode == "all" else [rng.choice(pods)]
        self._fabric.faults.struck(armed, number, " ".join(pod.name for pod in chosen))
        for pod in chosen:
            pod.kill()

    def _part(self, armed: Armed, number: int) -> None:
        first, second = armed.fault.between
        rng = self._fabric.faults.struck(armed, number, f"{first}|{second}")
        for source, target in _directions(first, second, rng):
            self._fabric.network.cut(source, target)
            seconds = armed.fault.duration or _DURATION
            later(self._fabric.env, seconds, self._fabric.network.mend, source, target)


def _directions(first: str, second: str, rng: random.Random) -> list[tuple[str, str]]:
    both = [(first, second), (second, first)]
    chance = rng.random()
    if chance < 0.5:
        return both
    return both[:1] if chance < 0.75 else both[1:]
