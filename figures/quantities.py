"""Numbers with units, as a person reads them: three digits, and ``-`` for what is not there."""

from __future__ import annotations

import math

__all__ = ["NONE", "show_count", "show_latency", "show_number", "show_rate", "show_seconds"]

NONE = "-"
"""Stands for what was not measured."""


def show_number(value: float) -> str:
    """Three significant digits; all of them before the point."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NONE
    places = max(0, 2 - math.floor(math.log10(abs(float(f"{value:.3g}")))))
    return f"{value:,.{places}f}"


def show_count(value: int) -> str:
    """A whole number: ``1,204``."""
    return f"{value:,}"


def show_rate(per_second: float) -> str:
    """A rate: ``49.8/s``; a whole one without digits after the point."""
    whole = per_second == int(per_second)
    return f"{int(per_second):,}/s" if whole else f"{show_number(per_second)}/s"


def show_latency(seconds: float) -> str:
    """A short time: ``8.31 ms``."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 0.9995:
            return f"{show_number(seconds * factor)} {unit}"
    return f"{show_number(seconds * 1e6)} us" if seconds else "0 ms"


def show_seconds(seconds: float) -> str:
    """A duration: ``15 s``, ``2 min 30 s``."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if rest else f"{minutes:,} min"
