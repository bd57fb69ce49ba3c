"""Declaring services: the decorator, persistent fields, and methods by name."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar, cast, overload

from compiler.api.current import current

__all__ = ["Persistent", "instance", "service", "service_name", "target"]

T = TypeVar("T")

Persistent = Annotated[T, "persistent"]
"""``self.rooms: Persistent[dict[str, int]] = {}`` in ``__init__`` declares a persistent field.

To a type checker it is the type it holds. Dicts, lists and sets are stored per element,
everything else as one value.
"""


@overload
def service(cls: type[T], /) -> type[T]: ...
@overload
def service(*, internal: bool = False) -> Callable[[type[T]], type[T]]: ...
def service(cls: type[T] | None = None, /, *, internal: bool = False) -> Any:
    """Declare a class a service; its public methods can be called by clients and services.

    :param internal: whether services alone call it, and nobody from outside.
    """
    if cls is None:
        return partial(_declared, internal)
    return _declared(internal, cls)


def _declared(internal: bool, cls: type[T]) -> type[T]:
    cls.__mu2sls_internal__ = internal  # type: ignore[attr-defined]
    for base in reversed(cls.__mro__[1:]):
        for name, function in vars(base).items():
            if inspect.isfunction(function) and _inherits(cls, name, base):
                setattr(cls, name, _own(function))
    for function in vars(cls).values():
        if inspect.isfunction(function):
            function.__dict__["__service__"] = cls.__name__
    cls.__service__ = cls.__name__  # type: ignore[attr-defined]
    return cls


def _inherits(cls: type, name: str, base: type) -> bool:
    """Whether ``cls`` has ``name`` from ``base``, and it may be a request."""
    return not name.startswith("__") and getattr(cls, name, None) is vars(base)[name]


def _own(function: types.FunctionType) -> types.FunctionType:
    """An inherited method as one of the service's own, so that ``Hotel.reserve`` names Hotel."""
    made = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(made, function)
    return made


def service_name(cls: type) -> str:
    """The name of a service class.

    :raises TypeError: the class is not declared a service.
    """
    name = vars(cls).get("__service__") if isinstance(cls, type) else None
    if not isinstance(name, str):
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
