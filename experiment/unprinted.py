"""What an application prints is no part of a report: it goes nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

__all__ = ["unprinted"]


@contextmanager
def unprinted() -> Iterator[None]:
    """While code of an application runs, in this process or in one that is forked meanwhile.

    A run executes a method many times, again after each fault and again for the checks, so that
    its lines would tell nothing. ``python -m compiler run`` shows what one call prints.
    """
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield
