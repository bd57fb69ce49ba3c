"""Clock, random numbers and uuids for plain modules: from the reference run, not the machine.

:func:`substitute` goes through the namespace of an executed module and replaces
what it imported from ``time``, ``random``, ``uuid`` and ``datetime`` by
stand-ins, which ask the current reference run. What does not depend on clock
or chance passes through, and outside of a run everything does.
"""

from __future__ import annotations

import datetime
import functools
import random
import time
import types
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

from compiler.api import moments
from compiler.api.current import running

__all__ = ["substitute"]


def _clocked(original: Callable[..., Any], of_clock: Callable[..., Any]) -> Callable[..., Any]:
    """``original``, or during a run ``of_clock(nanoseconds, ...)``."""

    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        reference = running()
        if reference is None:
            return original(*args, **kwargs)
        return of_clock(reference.runner.clock(), *args, **kwargs)

    return stand_in


def _drawn(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function of :mod:`random`, or during a run the method of the request's own stream."""

    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        reference = running()
        if reference is None:
            return original(*args, **kwargs)
        return getattr(reference.runner.random(), name)(*args, **kwargs)

    return stand_in


def _uuid1(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
    """As uuid.uuid1, from the run's clock and random numbers."""
    reference = running()
    if reference is None:
        return uuid.uuid1(node, clock_seq)
    runner = reference.runner
    return moments.uuid1(runner.clock(), runner.random(), node, clock_seq)


def _uuid4() -> uuid.UUID:
    """As uuid.uuid4, from the run's random numbers."""
    reference = running()
    return uuid.uuid4() if reference is None else moments.uuid4(reference.runner.random())


class _StandInClass(type):
    """Makes a class that builds, and recognises, values of the class it stands in for."""

    original: type

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.original(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.original, name)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.original)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.original)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.original

    def __hash__(cls) -> int:
        return hash(cls.original)


def _stand_in_class(original: type, **functions: Callable[..., Any]) -> type:
    static = {
        name: staticmethod(_clocked(getattr(original, name), function))
        for name, function in functions.items()
    }
    return _StandInClass(original.__name__, (), {"original": original, **static})


def _stand_in_module(original: types.ModuleType, **attributes: Any) -> types.ModuleType:
    stand_in = types.ModuleType(original.__name__, original.__doc__)
    stand_in.__getattr__ = functools.partial(getattr, original)  # type: ignore[method-assign]
    vars(stand_in).update(attributes)
    return stand_in


_TIME: dict[str, Any] = {
    name: _clocked(getattr(time, name), getattr(moments, name))
    for name in (
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        *("gmtime", "localtime", "ctime"),
    )
}
_RANDOM: dict[str, Any] = {
    name: _drawn(function, name)
    for name, function in vars(random).items()
    if not name.startswith("_") and isinstance(getattr(function, "__self__", None), random.Random)
}
_UUID: dict[str, Any] = {"uuid1": _uuid1, "uuid4": _uuid4}
_DATETIME: dict[str, Any] = {
    "datetime": _stand_in_class(
        datetime.datetime,
        now=moments.datetime_now,
        utcnow=moments.datetime_utcnow,
        today=moments.datetime_today,
    ),
    "date": _stand_in_class(datetime.date, today=moments.date_today),
}
_STAND_INS: dict[int, Any] = {
    id(getattr(module, name)): stand_in
    for module, attributes in (
        *((time, _TIME), (random, _RANDOM), (uuid, _UUID), (datetime, _DATETIME)),
    )
    for name, stand_in in attributes.items()
} | {
    id(module): _stand_in_module(module, **attributes)
    for module, attributes in (
        *((time, _TIME), (random, _RANDOM), (uuid, _UUID), (datetime, _DATETIME)),
    )
}


def substitute(namespace: MutableMapping[str, Any]) -> None:
    """Replace, in the globals of an executed module, what depends on clock or chance."""
    for name, value in list(namespace.items()):
        stand_in = _STAND_INS.get(id(value))
        if stand_in is not None:
            namespace[name] = stand_in
