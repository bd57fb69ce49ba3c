"""The run that the API functions speak to."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from compiler.api.runner import INNERMOST, Runner
from compiler.machine.reading import reading
from core.errors import MuError

__all__ = ["NotRunningError", "PlainRun", "current", "nowhere", "running"]

_entered: list[PlainRun | None] = []


class NotRunningError(MuError):
    """The API was used outside any run."""


class _Machine:
    """The machine of a run's methods: what its runner says, which may be replaced."""

    def __init__(self, run: PlainRun) -> None:
        self._run = run
        self._thread = threading.get_ident()

    @property
    def is_here(self) -> bool:
        """See :class:`compiler.machine.reading.Reader`."""
        return threading.get_ident() == self._thread

    def clock(self) -> int:
        """See :class:`compiler.machine.reading.Reader`."""
        with reading(None):  # whoever says what time it is may look at the machine's clock
            return self._run.runner.clock()

    def random(self) -> random.Random:
        """See :class:`compiler.machine.reading.Reader`."""
        return self._run.runner.random()


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

    def reading(self) -> AbstractContextManager[None]:
        """Inside, in this greenlet, the run stands for the machine: for methods, and for set-up."""
        return reading(_Machine(self))

    @abstractmethod
    def instance(self, service: str) -> Any:
        """The object of ``service``.

        :raises TypeError: there is no such service.
        """

    def transaction_failed(self) -> None:
        """Undo and end the transaction around a call that raised TransactionException."""
        self.runner.rollback(INNERMOST)


@contextmanager
def nowhere() -> Iterator[None]:
    """Inside, there is no current run: what runs there is no part of an application."""
    _entered.append(None)
    try:
        yield
    finally:
        _entered.pop()


def running() -> PlainRun | None:
    """The current run, if there is one."""
    return _entered[-1] if _entered else None


def current() -> PlainRun:
    """The current run.

    :raises NotRunningError: there is none.
    """
    run = running()
    if run is None:
        raise NotRunningError(
            "services run inside a reference run, a simulator or a backend, not by themselves: "
            "try `python -m compiler run APP Service.method ARGS`"
        )
    return run
