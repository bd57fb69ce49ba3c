"""Work that nobody waits for, and work that goes on later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from uuid import UUID

from compiler.api.current import current
from compiler.api.services import target
from core.durations import instant_ns, nanoseconds
from core.effects import told_late
from core.errors import Cancelled

__all__ = [
    "Answer",
    "Duration",
    "Slept",
    "Started",
    "cancel",
    "due",
    "result",
    "root_of",
    "sleep",
    "start",
    "timeout",
]

P = ParamSpec("P")
R = TypeVar("R")

Duration = str | float | dt.timedelta
"""``"90s"``, ``"1h30m"``, ``"3d"``, seconds, or a timedelta."""


@dataclass(frozen=True)
class Started(Generic[R]):
    """A request that was started: a value that can be stored, sent and returned.

    :ivar id: its root id, as logs and command lines have it.
    """

    id: str

    @classmethod
    def of(cls, root: bytes) -> Started[Any]:
        """The request with a root id."""
        return Started(str(UUID(bytes=root)))


Started.__module__ = "compiler"  # as its author's name for it: values are stored under that


class Slept:
    """``await sleep(...)`` in an async method; elsewhere ``sleep(...)`` alone has slept."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


class Answer(Generic[R]):
    """``await result(...)``."""

    __slots__ = ("_value",)

    def __init__(self, value: R) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, Any, R]:
        yield from ()
        return self._value


def root_of(started: Started[Any], taken_by: str = "result") -> bytes:
    """The root id of a request that was started.

    :param taken_by: what it was given to, for the message.

    :raises TypeError, ValueError: it is none.
    """
    if not isinstance(started, Started):
        what = f"{taken_by} takes what start(...) returned, not a {type(started).__name__}"
        raise TypeError(what)
    return UUID(started.id).bytes


def due(after: Duration | None, at: dt.datetime | None) -> tuple[int, int]:
    """What ``after`` and ``at`` of :func:`start` say, in nanoseconds from now, and Unix ones.

    :raises TypeError, ValueError: one of them says nothing that could be meant.
    """
    if after is not None and at is not None:
        raise TypeError("start takes after=... or at=..., not both")
    return (
        0 if after is None else nanoseconds(after),
        0 if at is None else max(instant_ns(at), 0),
    )


@overload
def start(
    method: Callable[..., Coroutine[Any, Any, R]], /, *args: Any, after: Duration, **kwargs: Any
) -> Started[R]: ...
@overload
def start(
    method: Callable[..., R], /, *args: Any, after: Duration, **kwargs: Any
) -> Started[R]: ...
@overload
def start(
    method: Callable[..., Coroutine[Any, Any, R]], /, *args: Any, at: dt.datetime, **kwargs: Any
) -> Started[R]: ...
@overload
def start(
    method: Callable[..., R], /, *args: Any, at: dt.datetime, **kwargs: Any
) -> Started[R]: ...
@overload
def start(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Started[R]: ...
@overload
def start(
    method: Callable[Concatenate[Any, P], R], /, *args: P.args, **kwargs: P.kwargs
) -> Started[R]: ...
def start(method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Started[Any]:
    """Begin a request of its own, which nobody waits for: now, ``after`` a while, or ``at`` a time.

    It begins once, with the state changes that surround the call, or never if these come to
    nothing: in a transaction that is aborted, nothing is started.
    """
    service, name = target(method)
    when = due(kwargs.pop("after", None), kwargs.pop("at", None))
    return Started.of(current().runner.start(service, name, args, kwargs, *when))


def sleep(duration: Duration) -> Slept:
    """Go on after ``duration``; until then the request holds no process and no connection."""
    current().runner.sleep(nanoseconds(duration))
    return Slept()


def result(started: Started[R]) -> Answer[R]:
    """Wait for what a request that was started returns, or raises.

    Until then the request that waits holds no process and no connection.

    :raises LookupError: nothing is known of it: an answer is kept for the retention period.
    """
    return Answer(current().runner.result(root_of(started)))


def cancel(started: Started[Any]) -> None:
    """Ask a request that was started to end: where it waits, or next waits, Cancelled is raised.

    It reaches everything that the request has called. One that has not begun never does; one that
    waits no more, or has ended, is completed. It is part of what surrounds it, as :func:`start` is:
    what comes to nothing has cancelled nothing.
    """
    current().runner.cancel(root_of(started, "cancel"))


class timeout:  # noqa: N801 - used like a function
    """``async with timeout("3d"):`` a wait inside that takes longer ends with TimeoutError.

    That is raised by the block; inside of it, where it waits, Cancelled is. Timeouts nest, and hold
    in what is called from the block. They break off where it waits alone: what computes goes on.
    """

    __slots__ = ("_nanoseconds", "_number")

    def __init__(self, duration: Duration) -> None:
        self._nanoseconds = nanoseconds(duration)

    async def __aenter__(self) -> None:
        self._number = current().runner.open_timeout(self._nanoseconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        current().runner.close_timeout(self._number)
        if isinstance(error, Cancelled) and error.bound == self._number:
            raise TimeoutError(told_late(self._nanoseconds)) from error
