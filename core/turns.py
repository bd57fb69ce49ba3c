"""Turns: attempts on one host that contend for the same keys go one after the other.

Optimistic attempts at a hot key waste each other's work. An attempt that lost a
conflict queues up for the keys that made it lose and goes on when it is first in
line for all of them. Turns are advice, not locks: nobody's correctness depends on
them, and whoever waited too long goes on without.

An attempt queues for all its keys in one step and only when it holds none, so the
lines of all keys agree on who came first, and nobody waits in a circle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Turns"]


class _Place:
    __slots__ = ("granted", "keys", "missing")

    def __init__(self, keys: tuple[bytes, ...], granted: Callable[[], None]) -> None:
        self.keys = keys
        self.granted: Callable[[], None] | None = granted
        self.missing = 0


class Turns:
    """The lines of waiting attempts, one for each contended key."""

    def __init__(self) -> None:
        self._lines: dict[bytes, deque[_Place]] = {}
        self._places: dict[object, _Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def holds(self, holder: object, keys: tuple[bytes, ...]) -> bool:
        """Whether it is ``holder``'s turn on all of ``keys``."""
        place = self._places.get(holder)
        return place is not None and place.missing == 0 and set(keys) <= set(place.keys)

    def take(self, holder: object, keys: tuple[bytes, ...], granted: Callable[[], None]) -> bool:
        """Queue ``holder`` up; True if it is its turn at once, else ``granted()`` is called then.

        Turns held or waited for before are given back first.
        """
        self.release(holder)
        place = self._places[holder] = _Place(keys, granted)
        for key in keys:
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = deque()
            else:
                place.missing += 1
            line.append(place)
        return place.missing == 0

    def release(self, holder: object) -> None:
        """Give back ``holder``'s turns or its places in line, if it has any."""
        place = self._places.pop(holder, None)
        if place is None:
            return
        for key in place.keys:
            line = self._lines[key]
            if line[0] is not place:
                line.remove(place)
                continue
            line.popleft()
            if line:
                self._advance(line[0])
            else:
                del self._lines[key]

    def _advance(self, place: _Place) -> None:
        place.missing -= 1
        if place.missing == 0 and place.granted is not None:
            place.granted()

    def clear(self) -> None:
        """Forget everybody, as when the host dies."""
        self._lines.clear()
        self._places.clear()
