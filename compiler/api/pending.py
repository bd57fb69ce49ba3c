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

__all__ = ["Ended", "Pending", "Started"]


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
    exception: Exception | None


@dataclass(slots=True)
class Pending:
    """Those that are waiting.

    :param run: runs one.
    :ivar moved: nanoseconds by which the clock was moved.
    :ivar ended: those that have run, in their order.
    """

    run: Callable[[Started], Ended]
    moved: int = 0
    ended: list[Ended] = field(default_factory=list)
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

    def run_next(self) -> None:
        """Run the one that is due first."""
        if self.next_due is not None:
            _, number = heapq.heappop(self._order)
            ended = self.run(self._waiting.pop(number))
            self._by_number[number] = ended
            self.ended.append(ended)
