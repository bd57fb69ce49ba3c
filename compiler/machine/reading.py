"""Who answers when the machine is asked for something."""

from __future__ import annotations

import gc
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

__all__ = ["Reader", "answer_here", "present", "reading"]


class Reader(Protocol):
    """Stands for the machine while a method runs."""

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


def answer_here(reader: Reader) -> None:
    """From now on, in this greenlet, ``reader`` stands for the machine."""
    _reader.set(reader)


@contextmanager
def reading(reader: Reader | None) -> Iterator[None]:
    """Inside, in this greenlet, ``reader`` stands for the machine; None: nobody does."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


def present() -> Reader | None:
    """Who answers the code that has called a substitute; None: the machine itself."""
    reader = _reader.get()
    if reader is None or _collecting.now:
        return None
    frame = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module in _NO_INPUTS:
            return None
        if module in _OUTERMOST:
            break
        frame = frame.f_back  # type: ignore[assignment]
    return reader
