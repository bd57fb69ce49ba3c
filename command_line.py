"""How a command line of this project ends when somebody stops it, or stops reading.

It knows nothing of the rest, so that every package with a command line can use it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["BAD_INPUT", "INTERRUPTED", "confirmed", "ended"]

BAD_INPUT = 2
INTERRUPTED = 130


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


def confirmed(what: str, word: str) -> bool:
    """Whether somebody at a terminal is sure that ``what`` is to be gone, and types ``word``."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{what} will be gone. Type '{word}' to go on: ").strip() == word
    except EOFError:
        return False
