"""Faults: which of them strike, when and where.

Every place where a fault may strike is an *opportunity*. An :class:`Armed` fault
counts its opportunities from 0 and decides at each, from its own seeded stream:
by ``nth`` (exactly these), by ``schedule`` (the first opportunity after each
tick; the ticks' phase comes from the seed) or by ``probability``. What else is
random about a strike (which pod, how long) comes from a stream named after the
fault and the opportunity, so that a strike replayed by ``nth`` does the same.

Points without a declared fault must cost nearly nothing, so the faults that can
strike a method are looked up once, in :class:`MethodFaults`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from core.ids import RequestId
from experiment.randomness import stream
from experiment.record.history import FaultStruck, History
from experiment.scenario.model import POINTS, STORE_ERRORS, Fault, Selector

__all__ = [
    "POINT",
    "Armed",
    "Crash",
    "Faults",
    "MethodFaults",
    "Poisoned",
]

POINT = {name: number for number, name in enumerate(POINTS)}
"""The number of each crash point."""


class Poisoned(BaseException):
    """Raised by an attempt that takes its process down."""


class Crash(BaseException):
    """Thrown into an attempt that is to stop existing; nothing it yields afterwards is done."""


class Armed:
    """One declared fault with its count of opportunities and strikes."""

    __slots__ = (
        "_next_tick",
        "_poison",
        "_rng",
        "fault",
        "index",
        "nth",
        "seed",
        "seen",
        "strikes",
    )

    def __init__(self, fault: Fault, index: int, seed: int) -> None:
        self.fault = fault
        self.index = index
        self.seed = seed
        self.nth = frozenset(fault.nth)
        self.seen = 0
        self.strikes = 0
        self._rng = stream(seed, "fault", str(index))
        self._next_tick = fault.start + fault.schedule * self._rng.random()
        self._poison: dict[str, int] = {}

    def opportunity(self, now: float) -> int:
        """The number of this opportunity if the fault strikes at it, else -1."""
        number = self.seen
        self.seen = number + 1
        return number if self._decides(number, now) else -1

    def chance(self) -> bool:
        """Whether its probability lets it strike; without one, always."""
        probability = self.fault.probability
        return not probability or probability >= 1.0 or self._rng.random() < probability

    def poisons(self, request: str) -> int:
        """The number of a request among those seen, if it is poison, else -1: the same for ever."""
        number = self._poison.setdefault(request, len(self._poison))
        if self.nth:
            return number if number in self.nth else -1
        drawn = stream(self.seed, "poison", str(self.index), request).random()
        return number if drawn < self.fault.probability else -1

    def _decides(self, number: int, now: float) -> bool:
        fault = self.fault
        if fault.limit and self.strikes >= fault.limit:
            return False
        if self.nth:
            return number in self.nth
        if now < fault.start:
            return False
        if fault.schedule:
            if now < self._next_tick:
                return False
            self._next_tick += fault.schedule * (1 + (now - self._next_tick) // fault.schedule)
            return self.chance()
        return self._rng.random() < fault.probability

    def details(self, number: int) -> random.Random:
        """The stream for everything else that is random about the strike ``number``."""
        return stream(self.seed, "strike", str(self.index), str(number))


class MethodFaults:
    """What can strike one method, and how often each of its crash points was passed.

    :ivar points: for each of POINTS, the ``crash`` and ``pause`` faults aimed at it.
    :ivar requests: message faults on requests to the method; ``responses`` on its answers.
    :ivar store: for each kind of store call, the ``store_error`` faults.
    :ivar outside: the ``outside_error`` faults on what the method asks.
    :ivar poison: the ``poison`` faults.
    """

    __slots__ = (
        "method", "outside", "passed", "points", "poison", "requests", "responses", "service",
        "store",
    )  # fmt: skip

    def __init__(self, service: str, method: str, armed: list[Armed]) -> None:
        aimed = [each for each in armed if _aims(each.fault.selector, service, method)]
        self.service = service
        self.method = method
        self.passed = [0] * len(POINTS)
        self.points = tuple(
            tuple(a for a in aimed if _strikes_point(a.fault, point)) for point in POINTS
        )
        self.outside = tuple(a for a in aimed if a.fault.kind == "outside_error")
        self.poison = tuple(a for a in aimed if a.fault.kind == "poison")
        self.requests = tuple(a for a in aimed if _strikes_message(a.fault, "request"))
        self.responses = tuple(a for a in aimed if _strikes_message(a.fault, "response"))
        self.store = {
            call: tuple(a for a in aimed if _strikes_store(a.fault, errors))
            for call, errors in STORE_ERRORS.items()
        }

    def where(self, place: str) -> str:
        """``Service.method@place``, as it stands in the history."""
        return f"{self.service}.{self.method}@{place}"


def _aims(selector: Selector, service: str, method: str) -> bool:
    return selector.service in ("", service) and selector.method in ("", method)


def _strikes_point(fault: Fault, point: str) -> bool:
    return fault.kind in ("crash", "pause") and fault.at in ("", "any", point)


def _strikes_message(fault: Fault, direction: str) -> bool:
    return fault.kind in ("drop", "duplicate", "delay") and (
        fault.selector.target in ("", direction)
    )


def _strikes_store(fault: Fault, errors: tuple[str, ...]) -> bool:
    if fault.kind != "store_error":
        return False
    return fault.error in errors if fault.error else bool(errors)


class Faults:
    """All faults of a scenario; :attr:`active` until they stop.

    :ivar armed: one for each declared fault, in the scenario's order.
    """

    def __init__(
        self, faults: list[Fault], seed: int, history: History, now: Callable[[], float]
    ) -> None:
        self.armed = [Armed(fault, index, seed) for index, fault in enumerate(faults)]
        self.active = True
        self._history = history
        self._now = now
        self._methods: dict[tuple[str, str], MethodFaults] = {}

    def method(self, service: str, method: str) -> MethodFaults:
        """The faults of one method, always the same object."""
        key = (service, method)
        found = self._methods.get(key)
        if found is None:
            found = self._methods[key] = MethodFaults(service, method, self.armed)
        return found

    def methods(self) -> list[MethodFaults]:
        """Those of every method seen so far, in the order they were first seen."""
        return list(self._methods.values())

    def of_kind(self, *kinds: str) -> list[Armed]:
        """The declared faults of these kinds."""
        return [armed for armed in self.armed if armed.fault.kind in kinds]

    def poisons(self, method: MethodFaults, request: RequestId) -> bool:
        """Whether a request takes every process down that executes it, also when faults stopped."""
        for armed in method.poison:
            number = armed.poisons(str(request))
            if number >= 0:
                self.struck(armed, number, method.where(str(request)))
                return True
        return False

    def strike(self, armed: Armed, method: MethodFaults, place: str) -> random.Random | None:
        """One opportunity of ``armed`` at ``method``: the strike's details, or None."""
        if not self.active:
            return None
        now = self._now()
        number = armed.opportunity(now)
        if number < 0:
            return None
        return self.struck(armed, number, method.where(place))

    def struck(self, armed: Armed, number: int, where: str) -> random.Random:
        """Record that ``armed`` strikes at its opportunity ``number``: the strike's details."""
        armed.strikes += 1
        self._history.faults.append(
            FaultStruck(self._now(), armed.index, armed.fault.kind, where, number)
        )
        return armed.details(number)
