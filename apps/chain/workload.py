"""The chain's load: the counter's, asked of ``First``."""

import random
from collections.abc import Callable
from typing import Any

from apps.counter import workload as counter
from apps.counter.workload import setup

__all__ = ["ARGUMENTS", "MIX", "counts_are_positive", "setup"]

MIX = {"First.increment": 9.0, "First.read": 1.0}

ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "First.increment": counter.ARGUMENTS["Counter.increment"],
    "First.read": counter.ARGUMENTS["Counter.read"],
}


def counts_are_positive() -> None:
    """As in the counter."""
    counter.counts_are_positive()
