"""Load that meets on hot keys: of a thousand keys, the first is drawn about once in seven times."""

import itertools
import random
from collections.abc import Callable
from typing import Any

from apps.counter import workload as counter
from apps.counter.workload import KEYS, setup

__all__ = ["ARGUMENTS", "EXPONENT", "MIX", "counts_are_positive", "setup"]

EXPONENT = 1.0
"""The key of rank r is drawn in proportion to r ** -EXPONENT."""

MIX = {"Counter.increment": 1.0}

_WEIGHTS = list(itertools.accumulate(rank**-EXPONENT for rank in range(1, len(KEYS) + 1)))


def _hot_key(rng: random.Random) -> tuple[Any, ...]:
    return tuple(rng.choices(KEYS, cum_weights=_WEIGHTS))


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Counter.increment": _hot_key,
}


def counts_are_positive() -> None:
    """As in the counter."""
    counter.counts_are_positive()
