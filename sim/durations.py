"""Random durations that are the same on every machine."""

from __future__ import annotations

import random
from math import exp
from statistics import NormalDist

__all__ = ["Duration"]

_STEPS = 1024


class Duration:
    """Lognormal durations from a table of quantiles, rounded to nanoseconds.

    A table is faster than computing, and rounding makes it the same on every machine
    whatever its mathematical library does to the last bit.
    """

    __slots__ = ("_bits", "_table")

    def __init__(self, median: float, spread: float, rng: random.Random) -> None:
        normal = NormalDist()
        self._table = [
            round(median * exp(spread * normal.inv_cdf((step + 0.5) / _STEPS)), 9)
            for step in range(_STEPS)
        ]
        self._bits = rng.getrandbits

    def draw(self) -> float:
        """One duration in seconds."""
        return self._table[self._bits(10)]
