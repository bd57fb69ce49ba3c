"""Calling methods of services."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from compiler.api.current import current
from compiler.api.futures import Future
from compiler.api.outside import OutsideFunction
from compiler.api.services import target
from core.errors import TransactionException

__all__ = ["call", "call_by_name", "spawn", "spawn_by_name"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def call(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R: ...
@overload
def call(method: Callable[Concatenate[Any, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
def call(method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call ``method`` (``Hotel.reserve``) and wait: its result, or its exception is raised.

    Arguments and result are copies.
    """
    return call_by_name(*target(method), args, kwargs)


@overload
def spawn(
    function: OutsideFunction[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
) -> Future[R]: ...
@overload
def spawn(function: OutsideFunction[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
@overload
def spawn(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Future[R]: ...
@overload
def spawn(
    method: Callable[Concatenate[Any, P], R], /, *args: P.args, **kwargs: P.kwargs
) -> Future[R]: ...
def spawn(method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """Start a call of ``method`` and do not wait; its exception is raised where it is awaited.

    An outside function is asked in the same way.
    """
    if isinstance(method, OutsideFunction):
        return Future(current().runner.ask(method.declaration, args, kwargs))
    return spawn_by_name(*target(method), args, kwargs)


def call_by_name(service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """:func:`call`, of a method given by name."""
    reference = current()
    try:
        return reference.runner.call(service, method, args, kwargs)
    except TransactionException:
        reference.transaction_failed()
        raise


def spawn_by_name(
    service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Future[Any]:
    """:func:`spawn`, of a method given by name."""
    return Future(current().runner.spawn(service, method, args, kwargs))
