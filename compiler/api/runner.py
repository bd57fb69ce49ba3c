"""What happens when a method calls, waits, begins a transaction or reads the clock.

The API functions ask the current reference run's runner. The default does
everything at once, in program order: plain Python. Another may take its place
(``reference.runner = ...``), as the simulator's reference oracle does to pause
where a request gives way to others; it can still run each call through
:meth:`compiler.api.reference.Reference.invoke`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

from core.callers import Caller
from core.effects import INNERMOST
from core.outside import Outside

__all__ = ["INNERMOST", "Runner"]


class Runner(Protocol):
    """The strategy behind the API. Every method acts for the method that is running."""

    def call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a call: a copy of its result, or its exception is raised."""

    def spawn(
        self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Start a call; a handle for :meth:`join`. Raises nothing the callee raises."""

    def join(self, handles: Sequence[object]) -> list[Any]:
        """Wait for what was spawned or asked: copies of results; the first exception is raised."""

    def ask(self, function: Outside, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Ask a function of the outside world; a handle for :meth:`join`. Raises nothing of it."""

    def start(
        self,
        service: str,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        after: int,
        at: int,
    ) -> bytes:
        """Begin a request of its own, so many nanoseconds from now or at a time: its root id."""

    def sleep(self, nanoseconds: int) -> None:
        """Go on later."""

    def result(self, root: bytes) -> Any:
        """The answer of a request that was started: a copy, or its exception is raised."""

    def cancel(self, root: bytes) -> None:
        """Let whatever waits in a request that was started not go on."""

    def open_timeout(self, nanoseconds: int) -> int:
        """From now on waits of the activation are broken off after so long: the bound's number."""

    def close_timeout(self, number: int) -> None:
        """They are not any more."""

    def event(self, event: bytes, at_most: int | None) -> Any:
        """The value of an event, when it has happened: a copy.

        :raises TimeoutError: it has not after so many nanoseconds.
        """

    def signal(self, event: bytes, value: Any) -> None:
        """Say that an event has happened, if it has not before."""

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

    def caller(self) -> Caller:
        """Who asks."""

    def random(self) -> random.Random:
        """The random numbers of the running request."""
