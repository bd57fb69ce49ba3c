"""What stands in for the functions of Python that read the machine.

They give what :mod:`compiler.api.moments` makes of one clock reading, and draw from the request's
own chance. A request has no machine of its own, so what tells one machine from another is the same
on all: it is process 1 of ``localhost``.

``substitutes()`` pairs each original with its substitute. Those of :mod:`random` are methods of one
hidden object; other generators are seeded by the system unless they are given a seed, and then from
the request's chance.
"""

from __future__ import annotations

import datetime
import functools
import os
import random
import socket
import ssl
import time
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from compiler.api import moments
from compiler.machine.reading import Reader, present

__all__ = ["Named", "original", "seed", "substitutes", "today_and_now"]

Named = tuple[Any, str, Callable[..., Any]]
"""Whose attribute, its name, and what stands there instead."""

_ORIGINAL = "__mu2sls_original__"
_SEED_SIZE = 32


def original(value: Any) -> Any:
    """What ``value`` stands for, if it is a substitute; else itself."""
    is_function = isinstance(value, types.MethodType | types.FunctionType)
    return getattr(value, _ORIGINAL, value) if is_function else value


def substitutes() -> Iterator[Named]:
    """Every function that is replaced, but for methods of classes."""
    for module, functions in _FUNCTIONS.items():
        for name, made in functions.items():
            if hasattr(module, name):
                yield module, name, _substitute(getattr(module, name), made)
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is _STREAM and not name.startswith("_"):
            yield random, name, _substitute(value, _drawn(name))


def _substitute(function: Callable[..., Any], read: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, or while a method runs ``read(reader, function, ...)``.

    It is bound to ``function``, so that as an attribute of a class it binds nothing else: no more
    than what it stands for.
    """

    @functools.wraps(function)
    def substitute(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        reader = present()
        if reader is None:
            return function(*args, **kwargs)
        return read(reader, function, *args, **kwargs)

    setattr(substitute, _ORIGINAL, function)
    return types.MethodType(substitute, function)


_STREAM = random._inst


# --- clocks


def _of_clock(made: Callable[..., Any]) -> Callable[..., Any]:
    """What is made of a clock reading."""

    def read(reader: Reader, _: Any, *args: Any, **kwargs: Any) -> Any:
        return made(reader.clock(), *args, **kwargs)

    return read


def _by_default(count: int, default: Callable[[int], Any]) -> Callable[..., Any]:
    """The original, given ``default`` of a clock reading where its argument is missing or None."""

    def read(reader: Reader, function: Any, *args: Any) -> Any:
        if len(args) < count or (len(args) == count and args[-1] is None):
            args = (*args[: count - 1], default(reader.clock()))
        return function(*args)

    return read


def _seconds(nanoseconds: int) -> int:
    return nanoseconds // 10**9


def _clock_gettime(reader: Reader, _: Any, _clock: int) -> float:
    return moments.time(reader.clock())


def _clock_gettime_ns(reader: Reader, _: Any, _clock: int) -> int:
    return reader.clock()


# --- chance


def _drawn(name: str) -> Callable[..., Any]:
    def read(reader: Reader, _: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(reader.random(), name)(*args, **kwargs)

    return read


def _bytes(reader: Reader, _: Any, size: int, *_flags: int) -> bytes:
    if size < 0:
        raise ValueError("negative argument not allowed")
    return reader.random().randbytes(size)


def _uuid1(
    reader: Reader, _: Any, node: int | None = None, clock_seq: int | None = None
) -> uuid.UUID:
    return moments.uuid1(reader.clock(), reader.random(), node, clock_seq)


def _uuid4(reader: Reader, _: Any) -> uuid.UUID:
    return moments.uuid4(reader.random())


def seed(function: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in for ``random.Random.seed``, which is ``function``."""

    @functools.wraps(function)
    def seeded(generator: random.Random, a: Any = None, *args: Any, **kwargs: Any) -> Any:
        reader = present() if a is None else None
        if reader is not None:
            a = int.from_bytes(reader.random().randbytes(_SEED_SIZE), "big")
        return function(generator, a, *args, **kwargs)

    setattr(seeded, _ORIGINAL, function)
    return seeded


# --- machines


def _always(value: Any) -> Callable[..., Any]:
    def read(_reader: Reader, _: Any, *_args: Any) -> Any:
        return value

    return read


def _getfqdn(_reader: Reader, function: Any, name: str = "") -> Any:
    return function(name) if name.strip() not in ("", "0.0.0.0", "::") else "localhost"


_NOBODY = 1 << 22
"""The same in every process, and no process's: whoever sends a signal to it reaches nobody."""
_FUNCTIONS: dict[Any, dict[str, Callable[..., Any]]] = {
    time: {
        **{
            name: _of_clock(moments.time)
            for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
        },
        **{
            f"{name}_ns": _of_clock(moments.time_ns)
            for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
        },
        "clock_gettime": _clock_gettime,
        "clock_gettime_ns": _clock_gettime_ns,
        **{name: _by_default(1, _seconds) for name in ("gmtime", "localtime", "ctime")},
        "asctime": _by_default(1, moments.localtime),
        "strftime": _by_default(2, moments.localtime),
    },
    os: {"urandom": _bytes, "getrandom": _bytes, "getpid": _always(_NOBODY)},
    ssl: {"RAND_bytes": _bytes},
    uuid: {"uuid1": _uuid1, "uuid4": _uuid4, "getnode": _always(1 << 40)},
    socket: {"gethostname": _always("localhost"), "getfqdn": _getfqdn},
}


# --- methods of Python's own classes


def today_and_now() -> Iterator[Named]:
    """The methods of the classes of :mod:`datetime` that read the clock."""
    for cls, name, made in (
        (datetime.datetime, "now", moments.datetime_now),
        (datetime.datetime, "utcnow", moments.datetime_utcnow),
        (datetime.date, "today", None),
    ):
        yield cls, name, _of_class(vars(cls)[name], name, made)


def _of_class(
    function: Any, name: str, made: Callable[..., datetime.datetime] | None
) -> Callable[..., Any]:
    @functools.wraps(function)
    def substitute(cls: type, *args: Any, **kwargs: Any) -> Any:
        reader = present()
        if reader is None:
            return function.__get__(None, cls)(*args, **kwargs)
        if made is not None:
            return _as(cls, made(reader.clock(), *args, **kwargs))
        moment = moments.datetime_today(reader.clock())
        return _as(cls, moment if issubclass(cls, datetime.datetime) else moment.date())

    substitute.__qualname__ = substitute.__name__ = name
    return substitute


def _as(cls: Any, moment: Any) -> Any:
    """``moment`` as one of a subclass."""
    if cls in (datetime.datetime, datetime.date):
        return moment
    if isinstance(moment, datetime.datetime):
        return cls.combine(moment.date(), moment.timetz())
    return cls(moment.year, moment.month, moment.day)
