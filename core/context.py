"""Context variables that have another value for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["holding"]

V = TypeVar("V")


@contextmanager
def holding(variable: ContextVar[V], value: V) -> Iterator[None]:
    """Inside, ``variable``, which has a default, holds ``value``; afterwards what it held before.

    It is set back, never reset to have no value. Python 3.11 allocates while it removes a value,
    so it may collect garbage then, and whoever is told of collections may read the variable in
    the middle of that: the variable would remember, without keeping it alive, a value that is
    about to go, and give it to whoever reads next.
    """
    before = variable.get()
    variable.set(value)
    try:
        yield
    finally:
        variable.set(before)
