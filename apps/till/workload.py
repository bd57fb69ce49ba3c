"""The tills' load: sales, and somebody who asks for the total."""

import random
from collections.abc import Callable
from typing import Any

from apps.till.services import Ledger, Till
from compiler import instance

__all__ = ["ARGUMENTS", "MIX", "SHOPS", "nothing_is_lost", "setup"]

SHOPS = ["north", "south"]

MIX = {"Till.sell": 9.0, "Ledger.total": 1.0}


def setup() -> None:
    """Nothing has been sold."""


def _sale(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(SHOPS), rng.randrange(1, 2_000))


def _nothing(_: random.Random) -> tuple[Any, ...]:
    return ()


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Till.sell": _sale,
    "Ledger.total": _nothing,
}


def nothing_is_lost() -> None:
    """What was sold has been booked, or lies in the till."""
    till, ledger = instance(Till), instance(Ledger)
    sold = {shop: till.sold.get(shop, 0) for shop in SHOPS}
    found = {shop: ledger.income.get(shop, 0) + till.taken.get(shop, 0) for shop in SHOPS}
    assert found == sold, f"sold {sold}, but found {found}"
