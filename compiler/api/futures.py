"""Spawned calls and waiting for them."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import Any, Generic, TypeVar, overload

from compiler.api.current import current
from core import effects
from core.errors import MuError, TransactionException

__all__ = ["Future", "checked", "driven", "gather", "wait"]

R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


class Future(Generic[R]):
    """A spawned call, or several gathered; ``await`` it (or :func:`wait` for it) for the result.

    :ivar handle: what the runner knows the call by; None if it is several.
    """

    __slots__ = ("_parts", "handle")
    __unsupported__ = effects.Future.__unsupported__

    def __init__(self, handle: object, parts: tuple[Future[Any], ...] | None = None) -> None:
        self.handle = handle
        self._parts = parts

    def result(self) -> R:
        """Wait; the result, or the first exception in the order of the futures is raised."""
        reference = current()
        try:
            results = reference.runner.join(list(self._handles()))
        except TransactionException:
            reference.transaction_failed()
            raise
        shaped: R = self._shape(iter(results))
        return shaped

    def __await__(self) -> Generator[Any, Any, R]:
        yield from ()
        return self.result()

    def _handles(self) -> Iterator[object]:
        if self._parts is None:
            yield self.handle
        else:
            for part in self._parts:
                yield from part._handles()

    def _shape(self, results: Iterator[Any]) -> Any:
        if self._parts is None:
            return next(results)
        return tuple(part._shape(results) for part in self._parts)


@overload
def gather(a: Future[A], /) -> Future[tuple[A]]: ...
@overload
def gather(a: Future[A], b: Future[B], /) -> Future[tuple[A, B]]: ...
@overload
def gather(a: Future[A], b: Future[B], c: Future[C], /) -> Future[tuple[A, B, C]]: ...
@overload
def gather(
    a: Future[A], b: Future[B], c: Future[C], d: Future[D], /
) -> Future[tuple[A, B, C, D]]: ...
@overload
def gather(
    a: Future[A], b: Future[B], c: Future[C], d: Future[D], e: Future[E], /
) -> Future[tuple[A, B, C, D, E]]: ...
@overload
def gather(
    a: Future[A], b: Future[B], c: Future[C], d: Future[D], e: Future[E], f: Future[F], /
) -> Future[tuple[A, B, C, D, E, F]]: ...
@overload
def gather(*futures: Future[R]) -> Future[tuple[R, ...]]: ...
def gather(*futures: Future[Any]) -> Future[Any]:
    """One future for several; its result is the tuple of theirs.

    :raises TypeError: one of them is none.
    """
    return Future(None, checked(futures))


def checked(futures: tuple[Future[Any], ...]) -> tuple[Future[Any], ...]:
    """``futures``, which are all futures.

    :raises TypeError: one of them is none.
    """
    for future in futures:
        if not isinstance(future, Future):
            raise TypeError(effects.no_future(future))
    return futures


def wait(future: Future[R]) -> R:
    """Wait for a future in a method that is not async.

    :raises TypeError: it is none.
    """
    checked((future,))
    return future.result()


def driven(result: Any, name: str) -> Any:
    """What a function gave, or if that is a coroutine, what it gives when it is run.

    :param name: the function's, for the message.
    :raises MuError: the coroutine waits for something else than the API's futures.
    """
    if not inspect.iscoroutine(result):
        return result
    coroutine = result
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise MuError(
        f"{name} awaited something else than a spawned call: only futures of spawn() and gather(), "
        "and the service's own async methods, can be awaited"
    )
