"""The tree's load: keys drawn evenly, increments and looks at both sides."""

import random
from collections.abc import Callable
from typing import Any

from apps.tree.services import Left, Right
from compiler import instance

__all__ = ["ARGUMENTS", "KEYS", "MIX", "counters_agree", "setup"]

KEYS = [f"key-{number:03}" for number in range(1000)]

MIX = {"Root.increment": 9.0, "Root.read": 1.0}


def setup() -> None:
    """Every count starts at zero, which is an absent one."""


def _key(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(KEYS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Root.increment": _key,
    "Root.read": _key,
}


def counters_agree() -> None:
    """Every key was counted as often on the left as on the right."""
    left, right = instance(Left).counts, instance(Right).counts
    for key in KEYS:
        a, b = left.get(key, 0), right.get(key, 0)
        assert a == b, f"{key} was counted {a} times on the left and {b} times on the right"
