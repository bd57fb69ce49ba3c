"""Undoing what a transaction wrote, in the reference run.

Every write made while a transaction is open leaves an entry that undoes it. The
scopes of all activations form one stack: a callee's writes belong to the
innermost scope, its caller's if it has none of its own. A scope is ended by the
activation that began it and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.effects import INNERMOST
from core.errors import TransactionException

__all__ = ["Undo"]

Entry = tuple[Callable[..., object], tuple[Any, ...]]


@dataclass(slots=True)
class _Scope:
    """An open transaction: who began it, its number, and what undoes its writes."""

    owner: object
    number: int
    entries: list[Entry] = field(default_factory=list)


class Undo:
    """The open transactions.

    :ivar open: the stack of scopes; when it is empty, nothing needs to be recorded.
    """

    __slots__ = ("_count", "open")

    def __init__(self) -> None:
        self.open: list[_Scope] = []
        self._count = 0

    def record(self, action: Callable[..., object], *args: Any) -> None:
        """``action(*args)`` undoes the write about to be made."""
        if self.open:
            self.open[-1].entries.append((action, args))

    def begin(self, owner: object) -> int:
        """Begin a transaction of ``owner``; the scope's number."""
        self._count += 1
        self.open.append(_Scope(owner, self._count))
        return self._count

    def commit(self, owner: object, scope: int) -> None:
        """End a scope and those inside it; nothing if it has ended before.

        :raises TransactionException: ``scope`` is INNERMOST, and ``owner`` has none open.
        """
        ended = self._leave(owner, scope)
        if self.open and ended:
            self.open[-1].entries.extend(ended)
        if ended is None and scope == INNERMOST:
            raise TransactionException("there is no open transaction to commit")

    def rollback(self, owner: object, scope: int) -> None:
        """End and undo a scope and those inside it; nothing if it has ended before."""
        for action, args in reversed(self._leave(owner, scope) or ()):
            action(*args)

    def rollback_all(self, owner: object) -> bool:
        """Undo every transaction that ``owner`` left open; whether there was one."""
        mine = [scope.number for scope in self.open if scope.owner is owner]
        if mine:
            self.rollback(owner, mine[0])
        return bool(mine)

    def _leave(self, owner: object, number: int) -> list[Entry] | None:
        """Take a scope off the stack, with those inside it; None if ``owner`` has it not open."""
        for index in range(len(self.open) - 1, -1, -1):
            scope = self.open[index]
            if scope.owner is owner and number in (scope.number, INNERMOST):
                entries = [entry for ended in self.open[index:] for entry in ended.entries]
                del self.open[index:]
                return entries
        return None
