"""What happens when a method calls, waits, begins a transaction or reads the clock.

The API functions ask the current reference run's runner. The default does
everything at once, in program order: plain Python. Another may take its place
(``reference.runner = ...``), as the simulator's reference oracle does to pause
where a request gives way to others; it can still run each call through
:meth:`~compiler.api.reference.Reference.invoke`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.effects import INNERMOST

if TYPE_CHECKING:
    from compiler.api.reference import Reference

__all__ = ["INNERMOST", "ImmediateRunner", "Runner"]


class Runner(Protocol):
    """The strategy behind the API. Every method acts for ``reference.activation``."""

    def call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a call: a copy of its result, or its exception is raised."""

    def spawn(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Start a call; a handle for :meth:`join`. Raises nothing the callee raises."""

    def join(self, handles: Sequence[object]) -> list[Any]:
        """Wait for spawned calls: copies of their results; the first exception is raised."""

    def begin(self) -> int:
        """Begin a transaction; the scope's number."""

    def commit(self, scope: int) -> None:
        """End a scope of the activation and those inside it; nothing if it has ended before.

        :param scope: its number, or INNERMOST.
        :raises TransactionException: INNERMOST, and none is open.
        """

    def rollback(self, scope: int) -> None:
        """End and undo a scope and those inside it; nothing if it has ended before."""

    def clock(self) -> int:
        """Unix time in nanoseconds."""

    def random(self) -> random.Random:
        """The random numbers of the running request."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A spawned call that has run."""

    result: Any
    exception: Exception | None


class ImmediateRunner:
    """Plain Python: a call runs when it is made, a spawn too."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See :class:`Runner`."""
        return self.reference.invoke(service, method, args, kwargs)

    def spawn(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """See :class:`Runner`."""
        args, kwargs = self.reference.copy((args, kwargs))
        try:
            return _Ended(self.reference.invoke(service, method, args, kwargs), None)
        except Exception as exception:
            return _Ended(None, exception)

    def join(self, handles: Sequence[object]) -> list[Any]:
        """See :class:`Runner`."""
        results = []
        for ended in handles:
            assert isinstance(ended, _Ended)
            if ended.exception is not None:
                raise ended.exception
            results.append(self.reference.copy(ended.result))
        return results

    def begin(self) -> int:
        """See :class:`Runner`."""
        return self.reference.undo.begin(self.reference.activation)

    def commit(self, scope: int) -> None:
        """See :class:`Runner`."""
        self.reference.undo.commit(self.reference.activation, scope)

    def rollback(self, scope: int) -> None:
        """See :class:`Runner`."""
        self.reference.undo.rollback(self.reference.activation, scope)

    def clock(self) -> int:
        """See :class:`Runner`."""
        return self.reference.clock()

    def random(self) -> random.Random:
        """See :class:`Runner`."""
        return self.reference.rng
