"""Requests that were started in a reference run and have not run yet, and the time that it slept.

One request runs at a time. What was started runs when the request that started it has ended, or
while that one sleeps, in the order in which it is due; for sleeping takes no time, the clock is
moved.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.bounds import REQUEST, cancelled
from core.errors import Cancelled

__all__ = ["Ended", "Pending", "Started"]


_MOST = 1_000
"""What starts itself again and again never ends: so many run at once at most."""


@dataclass(frozen=True, slots=True)
class Started:
    """A request that was started.

    :ivar due: Unix time in nanoseconds.
    """

    due: int
    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a request that was started: its result, or its exception."""

    started: Started
    result: Any
    exception: Exception | Cancelled | None


@dataclass(slots=True)
class Pending:
    """Those that are waiting.

    :param run: runs one.
    :param clock: Unix time in nanoseconds, as far as it has not been moved.
    :ivar moved: nanoseconds by which the clock was moved.
    :ivar ended: those that have run, in their order.
    :ivar running: the number of the one that runs; 0: it is a client's.
    """

    run: Callable[[Started], Ended]
    clock: Callable[[], int]
    moved: int = 0
    ended: list[Ended] = field(default_factory=list)
    running: int = 0
    _cancelled: set[int] = field(default_factory=set)
    _waiting: dict[int, Started] = field(default_factory=dict)
    _order: list[tuple[int, int]] = field(default_factory=list)
    _count: int = 0
    _by_number: dict[int, Ended | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, started: Started) -> int:
        """Another one; its number."""
        self._count += 1
        self._waiting[self._count] = started
        self._by_number[self._count] = None
        heapq.heappush(self._order, (started.due, self._count))
        return self._count

    def remove(self, number: int) -> None:
        """It was not started after all."""
        self._waiting.pop(number, None)
        self._by_number.pop(number, None)

    def cancel(self, number: int) -> bool:
        """One is cancelled; whether it was not before. If it has not begun, it is due at once."""
        before = number in self._cancelled
        self._cancelled.add(number)
        if number in self._waiting:
            heapq.heappush(self._order, (0, number))
        return not before

    def revive(self, number: int) -> None:
        """It was not cancelled after all."""
        self._cancelled.discard(number)
        if number in self._waiting:
            self._order = [each for each in self._order if each != (0, number)]
            heapq.heapify(self._order)

    @property
    def is_cancelled(self) -> bool:
        """Whether the one that runs is."""
        return self.running in self._cancelled

    def answer(self, number: int) -> Ended | None:
        """What became of one; None if it has not ended.

        :raises KeyError: there is none of that number.
        """
        return self._by_number[number]

    @property
    def next_due(self) -> int | None:
        """When the next one is due."""
        while self._order and self._order[0][1] not in self._waiting:
            heapq.heappop(self._order)
        return self._order[0][0] if self._order else None

    def now(self) -> int:
        """The clock, as far as sleeping has moved it."""
        return self.clock() + self.moved

    def pass_time(self, until: int, stop: Callable[[], bool]) -> bool:
        """Let what is due until then run, and move the clock; whether it was stopped before."""
        if self.run_due(until, stop):
            return True
        self.moved += max(until - self.now(), 0)
        return False

    def run_due(self, until: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Run what is due until then, and what that starts; whether it was stopped."""
        for _ in range(_MOST):
            due = self.next_due
            if stop() or due is None or due > until:
                break
            self.run_next()
        return stop()

    def run_next(self) -> None:
        """Run the one that is due first, when its time has come."""
        self.moved += max((self.next_due or 0) - self.now(), 0)
        if self.next_due is not None:
            _, number = heapq.heappop(self._order)
            started = self._waiting.pop(number)
            before, self.running = self.running, number
            try:
                never = Ended(started, None, cancelled(REQUEST))
                ended = never if self.is_cancelled else self.run(started)
            finally:
                self.running = before
            self._by_number[number] = ended
            self.ended.append(ended)
