"""Who answers when the machine is asked for something.

Python runs code in the middle of a method that nobody called there. What dies because its last
reference goes is finalized at the same place on every execution, and reads for the request, as
does whatever the method itself made be called back. Who comes from outside reads for himself:
garbage that is collected, whoever handles a signal, traces or profiles, and another thread or an
event loop that has a copy of the method's context.
"""

from __future__ import annotations

import functools
import gc
import random
import sys
import threading
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol

from core.context import holding

__all__ = ["Reader", "answer_here", "handlers", "present", "reading"]


class Reader(Protocol):
    """Stands for the machine while a method runs."""

    @property
    def is_here(self) -> bool:
        """Whether it is the method that runs here: its context may be another thread's, too."""

    def clock(self) -> int:
        """Unix time in nanoseconds."""

    def random(self) -> random.Random:
        """The random numbers of the running request."""


# A context variable, so that each greenlet has its own.
_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)

_NO_INPUTS = frozenset({"logging", "importlib._bootstrap", "threading", "queue", "warnings"})
"""Modules that read for those who watch the process, or for what is made once in each process, not
for the request: a log's time, what an imported module does while it is executed, how long a lock is
waited for."""
_OUTERMOST = frozenset(
    {"compiler.machine.execution", "compiler.api.reference", "compiler.workload"}
)


class _Collecting(threading.local):
    """Whether Python collects garbage in this thread: it may begin anywhere, also in a method, and
    what it finalizes then, of whoever's, reads for itself.
    """

    now = False


_collecting = _Collecting()


def _collection_begins(phase: str, _: object) -> None:
    """Before anybody else who wants to know of collections, and reads the clock for it."""
    if phase == "start":
        _collecting.now = True
        if gc.callbacks[-1] is not _collection_ends:
            gc.callbacks.remove(_collection_ends)
            gc.callbacks.append(_collection_ends)


def _collection_ends(phase: str, _: object) -> None:
    """After everybody else."""
    if phase == "stop":
        _collecting.now = False
        if gc.callbacks[0] is not _collection_begins:
            gc.callbacks.remove(_collection_begins)
            gc.callbacks.insert(0, _collection_begins)


gc.callbacks.insert(0, _collection_begins)
gc.callbacks.append(_collection_ends)


class _Handlers:
    """The code of those who handle signals: Python may run it anywhere, also in a method."""

    def __init__(self) -> None:
        self._codes: dict[int, object] = {}
        self._known: set[int] = set()

    def add(self, number: int, handler: object) -> None:
        """From now on ``handler`` handles a signal."""
        self._codes[int(number)] = _code(handler)
        self._known = {id(code) for code in self._codes.values() if code is not None}

    def __contains__(self, code: object) -> bool:
        return id(code) in self._known


def _code(function: Any) -> object:
    """The code that is run when ``function`` is called, if it is in Python."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if callable(function) and not hasattr(function, "__code__"):
        function = type(function).__call__
    return getattr(function, "__code__", None)


handlers = _Handlers()


def answer_here(reader: Reader) -> None:
    """From now on, in this greenlet, ``reader`` stands for the machine."""
    _reader.set(reader)


def reading(reader: Reader | None) -> AbstractContextManager[None]:
    """Inside, in this greenlet, ``reader`` stands for the machine; None: nobody does."""
    return holding(_reader, reader)


def present() -> Reader | None:
    """Who answers the code that has called a substitute; None: the machine itself."""
    reader = _reader.get()
    if reader is None or _collecting.now or not reader.is_here:
        return None
    watching = (sys.getprofile(), sys.gettrace())
    watchers = {id(_code(each)) for each in watching if each is not None}
    frame = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__")
        code = frame.f_code
        if module in _NO_INPUTS or code in handlers or id(code) in watchers:
            return None
        if module in _OUTERMOST:
            break
        frame = frame.f_back  # type: ignore[assignment]
    return reader
