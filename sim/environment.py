"""A SimPy environment whose seed decides what happens first at the same instant.

SimPy processes simultaneous events in the order in which they were scheduled,
which hides races between them: only one order is ever tried. Here every event
draws a random number, and the queue is ordered by (time, priority, that number).
Other seed, other order; same seed, same order.

SimPy's own promise that a process begins before it can be interrupted holds: of
simultaneous urgent events, interruptions come after the beginnings of processes.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import Any

from simpy import Environment
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import NORMAL, URGENT, Event, EventPriority, Interruption

__all__ = ["SeededEnvironment"]

_FIRST = EventPriority(-1)


class SeededEnvironment(Environment):
    """A SimPy environment in which chance orders simultaneous events of one priority.

    An exception that nobody handles ends the run as itself; SimPy raises a copy made from the
    exception's arguments, which fails for exceptions that take others.

    :param rng: the stream that is drawn from, once for every event.
    :param initial_time: the virtual time at the start, in seconds.
    """

    def __init__(self, rng: random.Random, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._draw = rng.random
        self._ties: list[tuple[float, EventPriority, float, int, Event]] = []
        self._count = 0

    @property
    def events(self) -> int:
        """How many events were scheduled so far."""
        return self._count

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        """Schedule ``event`` after ``delay`` seconds, at a random place in its instant."""
        tie = self._draw()
        if priority == URGENT and isinstance(event, Interruption):
            tie += 1.0
        self._count = count = self._count + 1
        heappush(self._ties, (self._now + delay, priority, tie, count, event))

    def schedule_at(self, event: Event, time: float) -> None:
        """Schedule ``event`` at the very beginning of the instant ``time``, without a draw.

        Whether it is scheduled has no influence on the order of other events.
        """
        self._count = count = self._count + 1
        heappush(self._ties, (time, _FIRST, 0.0, count, event))

    def peek(self) -> float:
        """The time of the next event, infinity if there is none."""
        return self._ties[0][0] if self._ties else float("inf")

    def step(self) -> None:
        """Process the next event.

        :raises EmptySchedule: there is none.
        """
        if not self._ties:
            raise EmptySchedule
        self._now, _, _, _, event = heappop(self._ties)
        callbacks: list[Any] = event.callbacks
        event.callbacks = None  # type: ignore[assignment]
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, _FIRST)  # what else waits for it happens when the run goes on
            raise
        if not event._ok and not hasattr(event, "_defused"):
            failure: BaseException = event._value
            raise failure
