"""The open transactions of one execution of a method: a stack of savepoints (rule 6).

Transactions nest. A scope is known by its place in the program; ending one ends those inside
it, and ending one that has ended before does nothing.
"""

from __future__ import annotations

from core.effects import INNERMOST
from core.errors import TransactionException
from core.program import Method
from core.regions import Regions

__all__ = ["Scopes", "left_open"]


def left_open(method: Method) -> TransactionException:
    """What a caller is told of a method that returned in the middle of a transaction."""
    name = f"{method.service}.{method.name}"
    return TransactionException(
        f"{name} returned with a transaction open: commit or abort it before"
    )


class Scopes:
    """The stack; true while there is an open one."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._open: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def restart(self) -> None:
        """Begin a new execution."""
        self._open = []

    def begin(self, place: int) -> None:
        """Open the scope of ``place`` at what the region has written so far."""
        self._open.append((place, self._regions.present.writes.mark()))

    def leave(self, scope: int) -> int | None:
        """End a scope, or INNERMOST; its savepoint, or None if it had ended before."""
        for index in range(len(self._open) - 1, -1, -1):
            place, mark = self._open[index]
            if scope in (place, INNERMOST):
                del self._open[index:]
                return mark
        return None

    def roll_back(self, scope: int) -> None:
        """End a scope and undo what was written in it."""
        mark = self.leave(scope)
        if mark is not None:
            self._regions.present.writes.rollback(mark)

    def undo_all(self) -> bool:
        """Undo every open transaction; whether there was one."""
        if not self._open:
            return False
        self._regions.present.writes.rollback(self._open[0][1])
        self._open = []
        return True
