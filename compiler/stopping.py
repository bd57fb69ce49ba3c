"""Ctrl-C told apart from what an application's own code raises, KeyboardInterrupt included."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Stopped", "stoppable"]


class Stopped(KeyboardInterrupt):
    """Somebody pressed Ctrl-C; a plain KeyboardInterrupt may be raised by the program that runs."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C raise :class:`Stopped` inside, where an application's own code runs."""

    def stop(*_: object) -> None:
        raise Stopped

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # somebody sees to it, or has it ignored
        yield
        return
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
