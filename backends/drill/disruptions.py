"""Faults that come by the clock: processes are killed, partitions cut and heal.

When they strike is as in the simulator (:mod:`sim.platform.disruptions`): at the ticks of the
schedule or, with a probability, of each second; ``nth`` names milliseconds of the run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from backends.drill.injection import Injection, Strike
from experiment.randomness import stream
from experiment.scenario.model import Fault, Scenario

__all__ = ["BY_CLOCK", "Disruptions", "Kill"]

BY_CLOCK = ("kill", "partition")
"""The kinds of fault that come by the clock."""

Kill = Callable[[str, str, random.Random], Awaitable[list[str]]]
"""Kills processes of a service (empty: of any), ``one`` or ``all``; the names of those killed."""

_DURATION = 1.0
_LOOK = 0.02
"""Seconds between two looks for a process to kill, where there was none."""


class Disruptions:
    """The clocks of a scenario's faults of these kinds.

    :param kill: does it.
    """

    def __init__(self, scenario: Scenario, injection: Injection, kill: Kill) -> None:
        self._scenario = scenario
        self._injection = injection
        self._kill = kill
        self._strikes: dict[int, int] = {}
        self._mending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Let them strike until cancelled."""
        clocks = [
            self._clock(fault, index)
            for index, fault in enumerate(self._scenario.faults)
            if fault.kind in BY_CLOCK
        ]
        await asyncio.gather(*clocks)

    async def _clock(self, fault: Fault, index: int) -> None:
        rng = stream(self._scenario.seed, "clock", str(index))
        if fault.nth:
            for number in fault.nth:
                await self._until(number / 1000)
                await self._strike(fault, index, rng)
            return
        period = fault.schedule or 1.0
        due = fault.start + period * stream(self._scenario.seed, "phase", str(index)).random()
        while True:
            await self._until(due)
            due += period
            if rng.random() < (fault.probability or 1.0):
                await self._strike(fault, index, rng)

    async def _until(self, due: float) -> None:
        await asyncio.sleep(max(0.0, due - self._injection.now()))

    async def _strike(self, fault: Fault, index: int, rng: random.Random) -> None:
        struck = self._strikes.get(index, 0)
        if (fault.limit and struck >= fault.limit) or not self._injection.shared.is_active:
            return
        if fault.kind == "kill":
            where = " ".join(await self._kill(fault.selector.service, fault.mode, rng))
            while not where and self._injection.shared.is_active:  # nobody is alive: soon
                await asyncio.sleep(_LOOK)
                where = " ".join(await self._kill(fault.selector.service, fault.mode, rng))
        else:
            where = self._part(fault, rng)
        now = self._injection.now()
        if where:
            self._strikes[index] = struck + 1
            self._injection.tell(Strike(now, index, where, round(now * 1000)))

    def _part(self, fault: Fault, rng: random.Random) -> str:
        first, second = fault.between
        ways = [(first, second), (second, first)]
        chance = rng.random()
        if chance >= 0.5:
            ways = ways[:1] if chance < 0.75 else ways[1:]
        for source, target in ways:
            self._injection.shared.cut(source, target)
            seconds = fault.duration or _DURATION
            task = asyncio.ensure_future(self._mend(source, target, seconds))
            self._mending.add(task)
            task.add_done_callback(self._mending.discard)
        return f"{first}|{second}"

    async def _mend(self, source: str, target: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._injection.shared.cut(source, target, -1)
