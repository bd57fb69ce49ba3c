"""How a command line of this project ends when somebody stops it, or stops reading.

It knows nothing of the rest, so that every package with a command line can use it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["BAD_INPUT", "INTERRUPTED", "Stopped", "ended", "stoppable"]

BAD_INPUT = 2
INTERRUPTED = 130


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
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def ended(command: Callable[[], int], say: Callable[[str], object], rest: str = "") -> int:
    """Run a command to its exit status.

    :param say: shows a line to whoever stopped it with Ctrl-C.
    :param rest: what the line adds to "interrupted".
    """
    try:
        return command()
    except KeyboardInterrupt:
        say("interrupted" + rest)
    except BrokenPipeError:  # nobody reads: what is still in the buffer goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return INTERRUPTED
