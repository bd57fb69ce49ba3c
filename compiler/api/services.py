"""Declaring services: the decorator, persistent fields, and methods by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar, cast, overload

from compiler.api.current import current
from compiler.api.misdeclared import Misdeclared
from compiler.api.outside import OutsideFunction
from compiler.api.queues import Queue

__all__ = ["Inherited", "Persistent", "found_in", "instance", "service", "service_name", "target"]

T = TypeVar("T")

Persistent = Annotated[T, "persistent"]
"""``self.rooms: Persistent[dict[str, int]] = {}`` in ``__init__`` declares a persistent field.

To a type checker it is the type it holds. Dicts, lists and sets are stored per element,
everything else as one value.
"""


@overload
def service(cls: type[T], /) -> type[T]: ...
@overload
def service(
    *, internal: bool = False, queue: Queue | None = None
) -> Callable[[type[T]], type[T]]: ...
def service(
    cls: type[T] | None = None, /, *, internal: bool = False, queue: Queue | None = None
) -> Any:
    """Declare a class a service; its public methods can be called by clients and services.

    :param internal: whether services alone call it, and nobody from outside.
    :param queue: how many requests of it are under way at a time, of all methods together.
    :raises Misdeclared: that is no queue.
    """
    if queue is not None and not isinstance(queue, Queue):
        raise Misdeclared(f"queue={queue!r} is no queue", "queue=Queue(limit=10)")
    if cls is None:
        return partial(_declared, internal, queue)
    return _declared(internal, queue, cls)


def _declared(internal: bool, queue: Queue | None, cls: type[T]) -> type[T]:
    cls.__mu2sls_internal__ = internal  # type: ignore[attr-defined]
    cls.__mu2sls_queue__ = queue  # type: ignore[attr-defined]
    for name, value in found_in(cls).items():
        if not inspect.isfunction(value) or (name.startswith("__") and name.endswith("__")):
            continue
        if name in vars(cls):
            value.__dict__["__service__"] = cls.__name__
        else:
            setattr(cls, name, Inherited(cls, name))
    cls.__service__ = cls.__name__  # type: ignore[attr-defined]
    return cls


def found_in(cls: type) -> dict[str, Any]:
    """What a class defines or inherits, as it stands in the class that defines it."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if not isinstance(value, Inherited)
    }


class Inherited:
    """An inherited method in the service's class, so that ``Hotel.reserve`` names Hotel.

    Whoever looks for the name and comes here is sent on, to what Python finds behind the class in
    the order of whoever looks. So it changes nothing for classes that inherit from the service.
    """

    def __init__(self, cls: type, name: str) -> None:
        self._cls = cls
        self._name = name
        self._named: Callable[..., Any] | None = None

    @property
    def named(self) -> Callable[..., Any]:
        """The method as one of the service: always the same object."""
        if self._named is None:
            function = getattr(super(self._cls, self._cls), self._name)

            @functools.wraps(function)
            def method(*args: Any, **kwargs: Any) -> Any:
                return function(*args, **kwargs)

            method.__dict__["__service__"] = self._cls.__name__
            self._named = method
        return self._named

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None and owner is self._cls:
            return self.named
        return getattr(super(self._cls, owner if instance is None else instance), self._name)


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
    if isinstance(method, OutsideFunction):
        name = method.__name__
        raise TypeError(f"{name} is an outside function, not a method: write {name}(...)")
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
