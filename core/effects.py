"""What compiled user code asks the executor for.

A compiled method is a coroutine. Everything it does that is not plain
computation is an ``await`` of one of the functions below, which yields an
effect to whoever drives the coroutine (:mod:`core.attempt`) and returns what is
sent back. Nothing here decides anything, and nothing here waits.

The state accesses (``Get`` ... ``DeleteRange``) are issued by :mod:`core.fields`;
the compiler emits the others directly.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any

import msgspec

from core.callers import Caller
from core.chance import Chance
from core.errors import Cancelled, TransactionException

__all__ = [
    "Asker",
    "Begin",
    "Call",
    "Cancel",
    "Clock",
    "CloseTimeout",
    "CommitTransaction",
    "Delete",
    "DeleteRange",
    "Event",
    "Future",
    "Get",
    "Join",
    "OpenTimeout",
    "Outside",
    "ProgramEffect",
    "Put",
    "Random",
    "Result",
    "Rollback",
    "Scan",
    "Signal",
    "Sleep",
    "Spawn",
    "Start",
    "Timeout",
    "Transaction",
    "abort",
    "begin",
    "call",
    "caller",
    "cancel",
    "clock",
    "commit",
    "event",
    "gather",
    "join",
    "perform",
    "random",
    "result",
    "rollback",
    "signal",
    "sleep",
    "spawn",
    "start",
]


class Get(msgspec.Struct, frozen=True):
    """Read one key: ``bytes | None``."""

    key: bytes


class Scan(msgspec.Struct, frozen=True):
    """Read a range in key order: pairs; ``limit`` 0 reads all."""

    begin: bytes
    end: bytes
    limit: int = 0


class Put(msgspec.Struct, frozen=True):
    """Write one key."""

    key: bytes
    value: bytes


class Delete(msgspec.Struct, frozen=True):
    """Remove one key."""

    key: bytes


class DeleteRange(msgspec.Struct, frozen=True):
    """Remove every key of a range."""

    begin: bytes
    end: bytes


class Call(msgspec.Struct, frozen=True):
    """Call a method of another service and wait: its result, or its exception is raised.

    :ivar last: the compiler's proof that the caller commits nothing after this call.
    """

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    last: bool


class Spawn(msgspec.Struct, frozen=True):
    """Start a call and do not wait: a :class:`Future`."""

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Join(msgspec.Struct, frozen=True):
    """Wait for futures: a list of their results; the first exception, in order, is raised."""

    futures: tuple[Future, ...]


class Start(msgspec.Struct, frozen=True):
    """Begin a request of its own with the present region's commit: its root id.

    :ivar after: nanoseconds from now until it is due; ``at``: Unix nanoseconds before which not.
    """

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    after: int = 0
    at: int = 0


class Sleep(msgspec.Struct, frozen=True):
    """Go on after so many nanoseconds, and hold nothing until then."""

    nanoseconds: int


class Outside(msgspec.Struct, frozen=True):
    """Ask a function of the outside world: its answer, or a :class:`Future` if nobody waits."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    waits: bool = True


class Result(msgspec.Struct, frozen=True):
    """Wait for the answer of a request that was started, and hold nothing until then."""

    root: bytes


class Cancel(msgspec.Struct, frozen=True):
    """Let whatever waits in a request that was started not go on, with the region's commit."""

    root: bytes


class OpenTimeout(msgspec.Struct, frozen=True):
    """From now on waits are broken off after so many nanoseconds: the number of the bound."""

    nanoseconds: int


class CloseTimeout(msgspec.Struct, frozen=True):
    """Waits are not broken off any more by this bound, nor by those opened after it."""

    number: int


class Event(msgspec.Struct, frozen=True):
    """Wait until an event has happened, and hold nothing until then: its value.

    :ivar event: its name and key (:func:`core.events.named`).
    :ivar at_most: nanoseconds after which TimeoutError is raised instead; None: never.
    """

    event: bytes
    at_most: int | None = None


class Signal(msgspec.Struct, frozen=True):
    """Say that an event has happened, with a value; nothing if it has before."""

    event: bytes
    value: Any = None


INNERMOST = -1
"""The scope that ``CommitTransaction`` and ``Rollback`` mean when they name none."""


class Begin(msgspec.Struct, frozen=True):
    """Begin a transaction, or a nested one: an int that names the scope."""


class CommitTransaction(msgspec.Struct, frozen=True):
    """End a transaction and keep what it wrote; nothing if the scope has ended before."""

    scope: int = INNERMOST


class Rollback(msgspec.Struct, frozen=True):
    """End a transaction and undo what it wrote; nothing if the scope has ended before."""

    scope: int = INNERMOST


class Clock(msgspec.Struct, frozen=True):
    """Read the clock: Unix time in nanoseconds."""


class Asker(msgspec.Struct, frozen=True):
    """Who asks: the :class:`core.callers.Caller` of the request tree."""


class Random(msgspec.Struct, frozen=True):
    """The request's own :class:`core.chance.Chance`, the same on every execution."""


ProgramEffect = (
    Get | Scan | Put | Delete | DeleteRange | Call | Spawn | Join | Start | Sleep | Result | Event
    | Signal | Outside | Cancel | OpenTimeout | CloseTimeout
    | Begin | CommitTransaction | Rollback | Clock | Random | Asker
)  # fmt: skip


@types.coroutine
def perform(effect: ProgramEffect) -> Generator[ProgramEffect, Any, Any]:
    """Yield an effect to the driver and return its answer."""
    return (yield effect)


class Future:
    """A spawned call, or several gathered; ``await`` it for the result.

    A gathered future's result is the list of its parts' results, nested as it was gathered.
    """

    __slots__ = ("parts", "place")
    __unsupported__ = (
        "a future cannot be stored or sent, only its result: wait for it first (await future, or "
        "wait(future))"
    )

    def __init__(self, place: int, parts: tuple[Future, ...] | None = None) -> None:
        self.place = place
        self.parts = parts

    def leaves(self) -> list[Future]:
        """The spawned calls below, in order."""
        if self.parts is None:
            return [self]
        return [leaf for part in self.parts for leaf in part.leaves()]

    def __await__(self) -> Generator[ProgramEffect, Any, Any]:
        results = iter((yield Join(tuple(self.leaves()))))
        return self._shape(results)

    def _shape(self, results: Any) -> Any:
        if self.parts is None:
            return next(results)
        return tuple(part._shape(results) for part in self.parts)


async def call(service: str, method: str, *args: Any, last: bool = False, **kwargs: Any) -> Any:
    """Call ``service.method`` and wait for its result."""
    return await perform(Call(service, method, args, kwargs, last))


async def spawn(service: str, method: str, *args: Any, **kwargs: Any) -> Future:
    """Start ``service.method`` and return a future."""
    future: Future = await perform(Spawn(service, method, args, kwargs))
    return future


async def start(
    service: str, method: str, *args: Any, after: int = 0, at: int = 0, **kwargs: Any
) -> bytes:
    """Begin a request of its own, due ``after`` nanoseconds and not before ``at``: its root id."""
    root: bytes = await perform(Start(service, method, args, kwargs, after, at))
    return root


async def sleep(nanoseconds: int) -> None:
    """Go on after so long, and hold nothing until then."""
    await perform(Sleep(nanoseconds))


async def result(root: bytes) -> Any:
    """The answer of a request that was started, as soon as there is one."""
    return await perform(Result(root))


async def cancel(root: bytes) -> None:
    """Let whatever waits in a request that was started not go on."""
    await perform(Cancel(root))


async def event(named: bytes, at_most: int | None = None) -> Any:
    """The value of an event, as soon as it has happened."""
    return await perform(Event(named, at_most))


async def signal(named: bytes, value: Any = None) -> None:
    """Say that an event has happened."""
    await perform(Signal(named, value))


def gather(*futures: Future) -> Future:
    """One future for several: its result is the tuple of theirs.

    :raises TypeError: one of them is none.
    """
    for future in futures:
        if not isinstance(future, Future):
            raise TypeError(no_future(future))
    return Future(-1, futures)


def no_future(value: object) -> str:
    """What is said of ``value`` where a future is needed."""
    many = isinstance(value, list | tuple | set)
    return f"a future is needed, as spawn(...) returns, not a {type(value).__name__}" + (
        ": gather(*futures) takes several" if many else ""
    )


async def join(future: Future) -> Any:
    """Wait for a future: what ``wait(future)`` and ``await future`` compile to."""
    return await future


async def begin() -> None:
    """Begin a transaction."""
    await perform(Begin())


async def commit() -> None:
    """Commit the innermost transaction."""
    await perform(CommitTransaction())


async def rollback() -> None:
    """Undo the innermost transaction and go on (the paper's ``AbortTxNoExc``)."""
    await perform(Rollback())


async def abort(reason: str = "Transaction aborted") -> None:
    """Undo the innermost transaction and raise :class:`~core.errors.TransactionException`."""
    await perform(Rollback())
    raise TransactionException(reason)


class Transaction:
    """``async with Transaction():`` commits at its end, undoes when an exception leaves it."""

    __slots__ = ("scope",)

    async def __aenter__(self) -> None:
        self.scope: int = await perform(Begin())

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None:
            await perform(CommitTransaction(self.scope))
        elif issubclass(kind, Exception | Cancelled):
            await perform(Rollback(self.scope))
        return False


class Timeout:
    """``async with Timeout(ns):`` a wait inside that takes longer is broken off: TimeoutError."""

    __slots__ = ("nanoseconds", "number")

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds

    async def __aenter__(self) -> None:
        self.number: int = await perform(OpenTimeout(self.nanoseconds))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if kind is not None and not issubclass(kind, Exception | Cancelled):
            return  # the execution ends
        await perform(CloseTimeout(self.number))
        if isinstance(error, Cancelled) and error.bound == self.number:
            raise TimeoutError(told_late(self.nanoseconds)) from error


def told_late(nanoseconds: int) -> str:
    """What is said of a block that was not done in time."""
    return f"it was not done within {nanoseconds / 1e9:g} s"


async def clock() -> int:
    """Unix time in nanoseconds, remembered by the journal."""
    nanoseconds: int = await perform(Clock())
    return nanoseconds


async def caller() -> Caller:
    """Who asks."""
    found: Caller = await perform(Asker())
    return found


async def random() -> Chance:
    """The request's own random stream."""
    stream: Chance = await perform(Random())
    return stream
