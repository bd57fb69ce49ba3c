"""The run that the API functions speak to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from compiler.api.runner import INNERMOST, Runner
from core.errors import MuError

__all__ = ["NotRunningError", "PlainRun", "current", "running"]

_entered: list[PlainRun] = []


class NotRunningError(MuError):
    """The API was used outside any run."""


class PlainRun(ABC):
    """A run of plain classes; a context manager that makes itself the current one.

    :ivar runner: what calls, transactions and clock readings do.
    """

    runner: Runner

    def __enter__(self) -> Self:
        _entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _entered.pop()

    @abstractmethod
    def instance(self, service: str) -> Any:
        """The object of ``service``.

        :raises TypeError: there is no such service.
        """

    def transaction_failed(self) -> None:
        """Undo and end the transaction around a call that raised TransactionException."""
        self.runner.rollback(INNERMOST)


def running() -> PlainRun | None:
    """The current run, if there is one."""
    return _entered[-1] if _entered else None


def current() -> PlainRun:
    """The current run.

    :raises NotRunningError: there is none.
    """
    if not _entered:
        raise NotRunningError(
            "services run inside a reference run, a simulator or a backend, not by themselves: "
            "try `python -m compiler run APP Service.method ARGS`"
        )
    return _entered[-1]
