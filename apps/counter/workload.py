"""The counter's load: keys drawn evenly, so that requests rarely meet."""

import random
from collections.abc import Callable
from typing import Any

from apps.counter.services import Counter
from compiler import instance

__all__ = ["ARGUMENTS", "KEYS", "MIX", "counts_are_positive", "setup"]

KEYS = [f"key-{number:03}" for number in range(1000)]

MIX = {"Counter.increment": 9.0, "Counter.read": 1.0}


def setup() -> None:
    """Every count starts at zero, which is an absent one."""


def _key(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(KEYS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Counter.increment": _key,
    "Counter.read": _key,
}


def counts_are_positive() -> None:
    """A stored count is at least one: it is there because something was counted."""
    for key, count in instance(Counter).counts.items():
        assert count > 0, f"{key} was counted {count} times"
