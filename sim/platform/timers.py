"""Waiting without SimPy processes: a callback after a delay, and a wheel of time-outs.

Most of what happens in the model is a callback some time later; a SimPy process
for each would cost several times as much. Time-outs are set for every message
and nearly never fire, so they share one event for each slot of the wheel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy import Environment
from simpy.events import Event

from sim.environment import SeededEnvironment

__all__ = ["NORMAL", "Wheel", "at", "later"]

NORMAL: Any = 1
"""SimPy's ordinary priority."""


def _fire(event: Any) -> None:
    event.function(*event.arguments)


class _Later(Event):
    """An event that calls ``function(*arguments)`` when its time comes."""

    callbacks: Any = (_fire,)
    _ok = True
    _value = None

    def __init__(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments


def later(env: Environment, delay: float, function: Callable[..., object], *arguments: Any) -> None:
    """Call ``function(*arguments)`` after ``delay`` seconds of virtual time."""
    env.schedule(_Later(function, arguments), NORMAL, delay)


def at(
    env: SeededEnvironment, time: float, function: Callable[..., object], *arguments: Any
) -> None:
    """Call ``function(*arguments)`` at ``time``, before anything else happens then."""
    env.schedule_at(_Later(function, arguments), time)


class Wheel:
    """Time-outs, rounded up to the next slot of ``grain`` seconds."""

    def __init__(self, env: Environment, grain: float = 0.01) -> None:
        self._env = env
        self._grain = grain
        self._slots: dict[int, list[tuple[Callable[..., object], Any]]] = {}

    def after(self, delay: float, function: Callable[[Any], object], argument: Any) -> None:
        """Call ``function(argument)`` in ``delay`` seconds, or up to ``grain`` later."""
        slot = int((self._env.now + delay) / self._grain) + 1
        waiting = self._slots.get(slot)
        if waiting is None:
            waiting = self._slots[slot] = []
            later(self._env, max(0.0, slot * self._grain - self._env.now), self._turn, slot)
        waiting.append((function, argument))

    def _turn(self, slot: int) -> None:
        for function, argument in self._slots.pop(slot):
            function(argument)
