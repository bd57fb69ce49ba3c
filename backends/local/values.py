"""What stands on a command line, read: each refuses what it is not, and says what would do."""

from __future__ import annotations

import argparse

from core.durations import nanoseconds

__all__ = ["duration", "limit", "numbers", "port", "seconds", "workers"]


def port(text: str) -> int:
    """A port."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: give 0 to 65535")
    return int(text)


def limit(text: str) -> int:
    """How many lines at most."""
    if not text.isdecimal() or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text}': give a number from 1 to 1000000")
    return int(text)


def workers(text: str) -> tuple[str, int]:
    """``2``, or ``Service=2``."""
    service, _, number = text.rpartition("=")
    if not number.isdecimal() or not 0 < int(number) <= 256:
        raise argparse.ArgumentTypeError(f"'{text}': give a number from 1 to 256, or Service=2")
    return service, int(number)


def numbers(text: str) -> list[int]:
    """Numbers with commas between."""
    parts = text.split(",")
    if not all(part.isdecimal() and 0 < int(part) <= 1024 for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}': give numbers from 1 to 1024, as 1,16")
    return [int(part) for part in parts]


def seconds(text: str) -> float:
    """Seconds, as a measurement takes."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.2 <= found <= 3_600.0:
        raise argparse.ArgumentTypeError(f"'{text}': give seconds, from 0.2 to 3600")
    return found


def duration(text: str) -> float:
    """``90s``, ``12h``: in seconds."""
    try:
        seconds = nanoseconds(text) / 1e9
    except ValueError:
        seconds = 0.0
    if not seconds:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a time: give 90s, 30m, 12h or 7d, up to 36600d"
        )
    return seconds
