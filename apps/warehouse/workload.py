"""The warehouse's load: few kinds of goods, in orders that often want one of them twice."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.warehouse.services import BOX, CARD, RIBBON, Couriers, Dock, Stock, Warehouse
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "GOODS",
    "MIX",
    "OPENING_STOCK",
    "every_order_is_collected_once",
    "missing_ribbons_are_noted",
    "no_shelf_is_empty",
    "nothing_is_lost",
    "setup",
]

GOODS = ["bottle", BOX, "candle", CARD, "drum", "easel", RIBBON]

OPENING_STOCK = {"bottle": 12, BOX: 400, "candle": 9, CARD: 4, "drum": 6, "easel": 3, RIBBON: 6}
"""Pieces of everything before the first request."""

MIX = {
    "Dock.arrive": 2.0,
    "Warehouse.unload": 1.0,
    "Warehouse.order": 1.5,
    "Warehouse.give": 1.0,
    "Stock.tidy": 0.5,
    "Stock.kinds": 4.0,
}


def setup() -> None:
    """Everything is on its shelf; nothing waits at the dock."""
    instance(Stock).pieces.update(OPENING_STOCK)


def _delivery(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(GOODS), rng.randint(1, 3))


def _order(rng: random.Random) -> tuple[Any, ...]:
    goods = rng.sample(GOODS, 2)
    return ([(rng.choice(goods), 1) for _ in range(2)],)


def _gift(rng: random.Random) -> tuple[Any, ...]:
    wish, instead = rng.sample(GOODS, 2)
    return (wish, instead, rng.randint(1, 2))


def _nothing(_rng: random.Random) -> tuple[Any, ...]:
    return ()


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Dock.arrive": _delivery,
    "Warehouse.unload": _nothing,
    "Warehouse.order": _order,
    "Warehouse.give": _gift,
    "Stock.tidy": _nothing,
    "Stock.kinds": _nothing,
}


def nothing_is_lost() -> None:
    """What was there and what arrived waits, is on a shelf, was sent out, or thrown out."""
    brought = Counter(OPENING_STOCK) + Counter(instance(Dock).arrived)
    found = Counter(instance(Stock).pieces) + Counter(instance(Stock).thrown_out)
    for delivery in instance(Dock).waiting.values():
        found[delivery.goods] += delivery.pieces
    for lines in instance(Warehouse).orders.values():
        for goods, pieces in lines:
            found[goods] += pieces
    assert found == brought, f"brought: {dict(brought)}, but found: {dict(found)}"


def no_shelf_is_empty() -> None:
    """Goods of which nothing is left have no entry."""
    for goods, pieces in instance(Stock).pieces.items():
        assert pieces > 0, f"there are {pieces} of {goods}"


def every_order_is_collected_once() -> None:
    """One courier came for each order."""
    orders, collected = instance(Warehouse).orders, instance(Couriers).collected
    for number in {**orders, **collected}:
        times = collected.get(number, 0)
        assert number in orders, f"{number} was collected, but nobody ordered it"
        assert times == 1, f"order {number} was collected {times} times"


def missing_ribbons_are_noted() -> None:
    """A ribbon was missed for each gift that was sent out without one, and for nothing else."""
    missed, plain = instance(Stock).missed.get(RIBBON, 0), len(instance(Warehouse).plain)
    assert missed == plain, f"{missed} ribbons were missed, but {plain} gifts have none"
