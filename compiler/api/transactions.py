"""Transactions: what is written in one is kept together or undone together."""

from __future__ import annotations

from typing import NoReturn

from compiler.api.current import current
from compiler.api.runner import INNERMOST
from core.errors import TransactionException

__all__ = ["TransactionException", "abort", "transaction"]


class transaction:  # noqa: N801 - used like a function
    """``with transaction():`` or ``async with transaction():``.

    Commits at its end and undoes everything when an exception leaves it. It ends early
    when it is aborted, or when a call in it raises :class:`TransactionException`; then
    leaving the block does nothing more. Transactions nest.
    """

    __slots__ = ("_scope",)

    def __enter__(self) -> None:
        self._scope = current().runner.begin()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        runner = current().runner
        if kind is None:
            runner.commit(self._scope)
        else:
            runner.rollback(self._scope)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.__exit__(kind)


def abort(reason: str = "Transaction aborted") -> NoReturn:
    """Undo the innermost transaction that this method began, and raise.

    :raises TransactionException: always, with ``reason`` as its text.
    """
    current().runner.rollback(INNERMOST)
    raise TransactionException(reason)
