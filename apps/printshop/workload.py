"""The print shop's load: more than its presses can do at once."""

import random
from collections.abc import Callable
from typing import Any

from apps.printshop.services import Jobs, Presses, Suppliers
from compiler import instance

__all__ = ["ARGUMENTS", "MIX", "PRESSES", "setup", "sheets_are_of_jobs"]

PRESSES = [f"press-{number}" for number in range(4)]

MIX = {
    "Jobs.brochure": 2.0,
    "Jobs.poster": 3.0,
    "Presses.print": 2.0,
    "Presses.printed": 1.0,
    "Desk.advise": 3.0,
    "Desk.wave": 2.0,
}


def setup() -> None:
    """Paper was ordered before."""
    instance(Suppliers).ordered["matt"] = 0


def _number(rng: random.Random) -> str:
    return f"{rng.getrandbits(32):08x}"


def _brochure(rng: random.Random) -> tuple[Any, ...]:
    return (_number(rng), rng.choices(PRESSES, k=2))


def _poster(rng: random.Random) -> tuple[Any, ...]:
    return (_number(rng), rng.choice(PRESSES))


def _print(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(PRESSES), "")


def _press(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(PRESSES),)


def _customer(rng: random.Random) -> tuple[Any, ...]:
    return (f"customer-{rng.randrange(20):02}",)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Jobs.brochure": _brochure,
    "Jobs.poster": _poster,
    "Presses.print": _print,
    "Presses.printed": _press,
    "Desk.advise": _customer,
    "Desk.wave": _customer,
}


def sheets_are_of_jobs() -> None:
    """The presses have printed what jobs have, and what was asked of them alone."""
    printed = sum(instance(Presses).sheets.values())
    of_jobs = sum(instance(Jobs).done.values())
    assert printed >= of_jobs, f"{printed} printed, {of_jobs} of them in jobs"
