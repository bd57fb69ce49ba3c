"""What breaks waits off: the request is cancelled, or the time of a timeout around is over.

Each of these is a *bound*: the request itself, the outermost; the timeouts of its callers that
still count, which it was sent with; and those that it opened itself. A wait that finds one reached
raises :class:`core.errors.Cancelled`, which names it, and each is reached at most once: what is
inside of it is left then, and what that does in ``finally`` may wait. So a bound that was reached
counts no more, nor do those inside it that are open, nor for what is called from then on.

A callee has the bounds of its caller, with the numbers that they have on its way. If it was broken
off by one of them, so is its caller, with the callee's answer, which is as good as a wait.
"""

from __future__ import annotations

from typing import NamedTuple

from core.errors import Cancelled

__all__ = ["REQUEST", "UNBOUND", "Bounds", "Inherited", "cancelled", "of_another"]

REQUEST = 0
"""The number of the bound that is the request itself."""


class Inherited(NamedTuple):
    """What a callee has of its caller's bounds.

    :ivar shielded: whether that the request is cancelled counts no more.
    :ivar timeouts: when the timeouts that count are over, in Unix nanoseconds, the outermost first.
    """

    shielded: bool = False
    timeouts: tuple[int, ...] = ()


UNBOUND = Inherited()
"""What a request has that nobody called."""


class _Bound:
    """:ivar number: 0: the request; below: the n-th of those inherited; above: one of its own."""

    __slots__ = ("number", "reached", "time")

    def __init__(self, number: int, time: int, reached: bool = False) -> None:
        self.number = number
        self.time = time
        self.reached = reached


def cancelled(number: int) -> Cancelled:
    """The exception for a bound."""
    found = Cancelled("the time is over" if number else "the request was cancelled")
    found.bound = number
    return found


def of_another(raised: Exception | Cancelled) -> Exception | Cancelled:
    """What another request raised, for whoever waits for it: if that was cancelled, this is not."""
    return Cancelled(*raised.args) if isinstance(raised, Cancelled) else raised


class Bounds:
    """The bounds of one request, as one execution of its method has them, the outermost first."""

    def __init__(self, inherited: Inherited) -> None:
        self._inherited = inherited
        self.restart()

    def restart(self) -> None:
        """Begin a new execution."""
        shielded, timeouts = self._inherited
        self._open = [_Bound(REQUEST, 0, shielded)]
        self._open += [_Bound(-n, time) for n, time in enumerate(timeouts, 1)]
        self._opened = 0
        self._sent: dict[int, list[int]] = {}

    @property
    def heeds(self) -> bool:
        """Whether it counts that the request is cancelled."""
        return not self._open[0].reached

    def open(self, time: int) -> int:
        """A timeout until ``time`` begins: its number."""
        self._opened += 1
        self._open.append(_Bound(self._opened, time))
        return self._opened

    def close(self, number: int) -> None:
        """A timeout of its own ends, and what is inside it; nothing if it has ended before."""
        found = self._index(number)
        if found > 0:
            del self._open[found:]

    def next(self, until: int | None) -> tuple[int, int | None] | None:
        """The first time at which a wait ends that ends at ``until`` by itself; None: at none.

        :returns: the time, and the number of the timeout, None if it is the wait's own.
        """
        timed = [(each.time, each.number) for each in self._open[1:] if not each.reached]
        first = min(timed, key=lambda each: each[0], default=None)
        if until is not None and (first is None or until <= first[0]):
            return until, None
        return first

    def reach(self, number: int) -> Cancelled:
        """A bound is reached: the exception that says so."""
        found = self._index(number)
        if found >= 0:
            for each in self._open[found:]:
                each.reached = True
        return cancelled(number)

    def inherit(self, place: int) -> Inherited:
        """What is called at ``place`` has of these bounds."""
        counting = [each for each in self._open[1:] if not each.reached]
        self._sent[place] = [each.number for each in counting]
        return Inherited(not self.heeds, tuple(each.time for each in counting))

    def arrived(self, place: int, told: Cancelled) -> Cancelled:
        """What was called at ``place`` was broken off: so is what called it, by the same bound."""
        if told.bound is None:
            return told
        sent = self._sent.get(place, [])
        return self.reach(sent[told.bound - 1] if 0 < told.bound <= len(sent) else REQUEST)

    def left(self, raised: Cancelled) -> Cancelled:
        """What the caller is told of what left the method: the number that it has of the bound."""
        if raised.bound is None or raised.bound > REQUEST:
            return Cancelled(*raised.args)
        return cancelled(-raised.bound)

    def _index(self, number: int) -> int:
        for index, each in enumerate(self._open):
            if each.number == number:
                return index
        return -1
