"""Declaring services: the decorator, persistent fields, and methods by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

from compiler.api.current import current

__all__ = ["Persistent", "instance", "service", "service_name", "target"]

T = TypeVar("T")

Persistent = Annotated[T, "persistent"]
"""``self.rooms: Persistent[dict[str, int]] = {}`` in ``__init__`` declares a persistent field.

To a type checker it is the type it holds. Dicts, lists and sets are stored per element,
everything else as one value.
"""


def service(cls: type[T]) -> type[T]:
    """Declare a class a service; its public methods can be called by clients and services."""
    for function in vars(cls).values():
        if inspect.isfunction(function):
            function.__dict__["__service__"] = cls.__name__
    cls.__service__ = cls.__name__  # type: ignore[attr-defined]
    return cls


def service_name(cls: type) -> str:
    """The name of a service class.

    :raises TypeError: the class is not declared a service.
    """
    name = getattr(cls, "__service__", None)
    if not isinstance(cls, type) or not isinstance(name, str):
        raise TypeError(f"{cls!r} is not a service: decorate the class with @service")
    return name


def target(method: Callable[..., Any]) -> tuple[str, str]:
    """The service and name of a method given as ``Hotel.reserve``.

    :raises TypeError: it is no method of a service.
    """
    owner = getattr(method, "__service__", None)
    if not isinstance(owner, str) or isinstance(method, type):
        raise TypeError(
            f"{method!r} is not a method of a service: write call(Hotel.reserve, ...), where "
            "Hotel is a class decorated with @service"
        )
    return owner, method.__name__


def instance(cls: type[T]) -> T:
    """The service's object in the current reference run: for set-up, invariants, debugging.

    :raises NotRunningError: there is no current run.
    :raises TypeError: ``cls`` is no service of it.
    """
    return cast(T, current().instance(service_name(cls)))
