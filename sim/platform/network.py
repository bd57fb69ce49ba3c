"""Messages between clients, services and the platform: hops, message faults, partitions.

A message takes one hop of lognormal length. On the way it may be dropped,
delayed or duplicated (the copy may arrive much later, when the world has moved
on), or meet a partition. Whoever sent it is not told.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from simpy import Environment

from experiment.scenario.model import Platform
from experiment.strikes import Armed, Faults, MethodFaults
from sim.durations import Duration
from sim.platform.timers import later

__all__ = ["DELAY", "Network"]

DELAY = {"delay": 1.0, "duplicate": 20.0}
"""The longest delay, in seconds, where a message fault gives no duration."""


class Network:
    """Delivers messages between named places: services, ``client``, ``store``, the platform.

    :ivar in_flight: messages on their way, late copies included.
    :ivar felt: the cuts, as (source, target), that some message has met.
    """

    def __init__(
        self, env: Environment, model: Platform, faults: Faults, rng: random.Random
    ) -> None:
        self._env = env
        self._hop = Duration(model.hop, model.spread, rng).draw
        self._faults = faults
        self._rng = rng
        self._cuts: dict[tuple[str, str], int] = {}
        self._late: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._late_count = 0
        self.in_flight = 0
        self.felt: set[tuple[str, str]] = set()

    @property
    def now(self) -> float:
        """The virtual time."""
        return self._env.now

    def hop(self) -> float:
        """The length of one hop, in seconds."""
        return self._hop()

    # --- partitions

    def cut(self, source: str, target: str) -> None:
        """From now on nothing gets from ``source`` to ``target``; ``*`` is every other place."""
        self._cuts[source, target] = self._cuts.get((source, target), 0) + 1

    def mend(self, source: str, target: str) -> None:
        """Undo one :meth:`cut`."""
        left = self._cuts.pop((source, target), 0) - 1
        if left > 0:
            self._cuts[source, target] = left

    def is_cut(self, source: str, target: str) -> bool:
        """Whether a partition lies between ``source`` and ``target``."""
        if not self._cuts or source == target:
            return False
        met = [cut for cut in ((source, target), (source, "*"), ("*", target)) if cut in self._cuts]
        self.felt.update(met)
        return bool(met)

    # --- messages

    def send(
        self,
        source: str,
        target: str,
        method: MethodFaults,
        response: bool,
        deliver: Callable[..., object],
        *arguments: Any,
    ) -> None:
        """Take a message to ``target`` and there call ``deliver(*arguments)``, or not.

        :param method: the method that is called, or answers.
        """
        if self._cuts and self.is_cut(source, target):
            return
        aimed = method.responses if response else method.requests
        if aimed and self._strike(aimed, method, response, deliver, arguments):
            return
        self.carry(deliver, arguments)

    def carry(self, deliver: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        """Take a message over one hop on which nothing can happen to it."""
        self.in_flight += 1
        later(self._env, self._hop(), self._deliver, deliver, arguments)

    def _deliver(self, deliver: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.in_flight -= 1
        deliver(*arguments)

    def _strike(
        self,
        aimed: tuple[Armed, ...],
        method: MethodFaults,
        response: bool,
        deliver: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> bool:
        """Let the faults try; whether the message itself is gone or already on a slower way."""
        gone = False
        for armed in aimed:
            rng = self._faults.strike(armed, method, "response" if response else "request")
            if rng is None:
                continue
            kind = armed.fault.kind
            if kind != "drop":
                longest = armed.fault.duration or DELAY[kind]
                # Half of the delays are of the order of a hop's, where races are.
                delay = rng.uniform(0.0, longest if rng.random() < 0.5 else min(longest, 0.05))
                self._send_late(delay, deliver, arguments)
            if kind != "duplicate":
                gone = True
                break
        return gone

    def _send_late(
        self, delay: float, deliver: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        number = self._late_count = self._late_count + 1
        self._late[number] = (deliver, arguments)
        self.in_flight += 1
        later(self._env, self._hop() + delay, self._deliver_late, number)

    def _deliver_late(self, number: int) -> None:
        late = self._late.pop(number, None)
        if late is not None:
            self._deliver(*late)

    def heal(self, within: float) -> None:
        """Faults stop: no more cuts, and what is late arrives ``within`` so many seconds."""
        self._cuts.clear()
        for number in self._late:
            later(self._env, self._rng.uniform(0.0, within), self._deliver_late, number)
