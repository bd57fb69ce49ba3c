"""What an activity asks of the outside, and the faults that strike it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from core.ports import Ask, Hear
from experiment.strikes import POINT, MethodFaults
from sim.platform.fabric import Fabric
from sim.platform.outside import Errand
from sim.platform.spans import Spans

__all__ = ["WAIT", "Questions", "itself"]

_BEFORE, _DURING = POINT["before_outside"], POINT["during_outside"]
_AFTER = POINT["after_outside"]

WAIT: Any = object()
"""Returned by a handler that will call ``advance`` when it has the answer."""


def itself(answer: Any) -> Any:
    """The step that is nothing but its answer."""
    return answer


class Activity(Protocol):
    """Who asks; see :class:`sim.host.Activity`."""

    fabric: Fabric
    method: MethodFaults
    spans: Spans

    def passes(self, point: int, step: Callable[..., Any] | None, *arguments: Any) -> bool:
        """Pass a point: True if ``step`` is not to be done now."""

    def go_on(self, step: Callable[..., Any], *arguments: Any) -> None:
        """Do ``step`` unless dead; later if frozen. A result is an answer."""


class Questions:
    """The questions of one activity."""

    __slots__ = ("_activity", "_errands", "_hears")

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._errands: list[Errand] = []
        self._hears: tuple[int, ...] = ()

    def close(self) -> None:
        """Nobody waits for answers any more."""
        for errand in self._errands:
            errand.close()

    def ask(self, effect: Ask) -> Any:
        """Begin to ask."""
        activity = self._activity
        if activity.passes(_BEFORE, self._ask_now, effect):
            return WAIT
        return self._ask_now(effect)

    def _ask_now(self, effect: Ask) -> int:
        activity = self._activity
        world = activity.fabric.outside
        assert world is not None
        self._errands.append(world.ask(effect, activity.method, self._answered))
        return len(self._errands) - 1

    def hear(self, effect: Hear) -> Any:
        """Wait for answers."""
        self._hears = effect.tickets
        if self._is_told():
            return self._heard()
        self._activity.passes(_DURING, None)
        return WAIT

    def _is_told(self) -> bool:
        return all(self._errands[ticket].outcome is not None for ticket in self._hears)

    def _answered(self, _: Errand) -> None:
        """One of the answers is there; those that nobody waits for yet are kept."""
        if self._hears and self._is_told():
            activity = self._activity
            activity.spans.add("waiting", activity.fabric.env.now)
            activity.go_on(self._heard)

    def _heard(self) -> Any:
        tickets, self._hears = self._hears, ()
        outcomes = [self._errands[ticket].outcome for ticket in tickets]
        if self._activity.passes(_AFTER, itself, outcomes):
            return WAIT
        return outcomes
