"""The paper's vocabulary: the same operations under the names of the prototype.

Its programs use these names without importing them. There, services are named
by strings or by the client objects that ``clientFactory`` makes.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from compiler.api.calls import call_by_name, spawn_by_name
from compiler.api.current import current
from compiler.api.futures import Future, checked
from compiler.api.runner import INNERMOST
from compiler.api.services import service_name
from compiler.api.transactions import abort
from core.errors import TransactionException

__all__ = [
    "AbortTx",
    "AbortTxNoExc",
    "AsyncInvoke",
    "BeginTx",
    "Client",
    "CommitTx",
    "SyncInvoke",
    "TransactionException",
    "Wait",
    "WaitAll",
    "wants_clients",
]


class Client:
    """A service as its callers hold it; ``client.method(...)`` calls and waits.

    :ivar service: the service's name.
    """

    def __init__(self, service: str) -> None:
        self.service = service

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("__"):
            raise AttributeError(method)
        return lambda *args, **kwargs: call_by_name(self.service, method, args, kwargs)


def wants_clients(cls: type) -> bool:
    """Whether ``__init__`` takes the paper's ``clientFactory``: something without a default."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return False
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [
        each
        for each in inspect.signature(cls).parameters.values()
        if each.kind in by_position and each.default is inspect.Parameter.empty
    ]
    return len(required) == 1


def _name(service: str | Client | type) -> str:
    if isinstance(service, Client):
        return service.service
    return service if isinstance(service, str) else service_name(service)


def SyncInvoke(service: str | Client | type, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
    """Call ``method`` of ``service`` and wait for its result."""
    return call_by_name(_name(service), method, args, kwargs)


def AsyncInvoke(  # noqa: N802
    service: str | Client | type, method: str, *args: Any, **kwargs: Any
) -> Future[Any]:
    """Start a call of ``method`` of ``service`` and do not wait."""
    return spawn_by_name(_name(service), method, args, kwargs)


def _in_coroutine(depth: int = 2) -> bool:
    """Whether the function that called the caller is a coroutine, which will await."""
    return bool(sys._getframe(depth).f_code.co_flags & inspect.CO_COROUTINE)


def Wait(future: Future[Any]) -> Any:  # noqa: N802
    """Wait for a future: its result. In an async method it is written with ``await``."""
    checked((future,))
    return future if _in_coroutine() else future.result()


class _All(Future[list[Any]]):
    """Several futures whose results are a list."""

    __slots__ = ()

    def _shape(self, results: Iterator[Any]) -> list[Any]:
        return list(super()._shape(results))


def WaitAll(*futures: Future[Any]) -> Any:  # noqa: N802
    """Wait for several: the list of results. In an async method it is written with ``await``."""
    gathered = _All(None, checked(futures))
    return gathered if _in_coroutine() else gathered.result()


def BeginTx() -> None:  # noqa: N802
    """Begin a transaction; CommitTx, AbortTx or AbortTxNoExc must end it in the same method."""
    current().runner.begin()


def CommitTx() -> None:  # noqa: N802
    """Keep what the innermost transaction wrote.

    :raises TransactionException: none is open.
    """
    current().runner.commit(INNERMOST)


def AbortTx() -> NoReturn:  # noqa: N802
    """Undo the innermost transaction and raise.

    :raises TransactionException: always.
    """
    abort()


def AbortTxNoExc() -> None:  # noqa: N802
    """Undo the innermost transaction and go on."""
    current().runner.rollback(INNERMOST)
