"""The shop's load: orders of what soon runs out, wrapping, and customers who pay."""

import random
from collections.abc import Callable
from typing import Any

from apps.reminders.services import Customers, Shop, Stock
from compiler import instance

__all__ = ["ARGUMENTS", "ITEMS", "MIX", "STOCK", "cards_put_back", "setup", "shipped_as_ordered"]

ITEMS = [f"item-{number}" for number in range(8)]

STOCK = 4
"""Pieces of each item before the first request."""

MIX = {
    "Shop.order": 6.0,
    "Shop.wrap": 2.0,
    "Shop.wrap_two": 1.0,
    "Shop.wrap_aside": 1.0,
    "Shop.wrap_in_time": 1.0,
    "Customers.pay": 2.0,
}


def setup() -> None:
    """The shelves are full."""
    for item in ITEMS:
        instance(Stock).left[item] = STOCK


def _customer(rng: random.Random) -> str:
    return f"customer-{rng.randrange(20):02}"


def _order(rng: random.Random) -> tuple[Any, ...]:
    return (_customer(rng), rng.choice(ITEMS), f"{rng.getrandbits(64):016x}")


def _wrap(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(ITEMS),)


def _wrap_two(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(ITEMS), rng.choice(ITEMS))


def _pay(rng: random.Random) -> tuple[Any, ...]:
    return (_customer(rng),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Shop.order": _order,
    "Shop.wrap": _wrap,
    "Shop.wrap_two": _wrap_two,
    "Shop.wrap_aside": _wrap,
    "Shop.wrap_in_time": _wrap,
    "Customers.pay": _pay,
}


def shipped_as_ordered() -> None:
    """What was taken from the shelves was ordered once, and has left the house once."""
    stock = instance(Stock)
    taken = {item: STOCK - stock.left[item] for item in ITEMS}
    shipped = {item: stock.shipped.get(item, 0) for item in ITEMS}
    assert shipped == taken, f"shipped {shipped}, but taken {taken}"
    orders = len(instance(Shop).orders)
    assert orders == sum(taken.values()), f"{orders} orders, but {sum(taken.values())} taken"


def cards_put_back() -> None:
    """Whoever took a card, and was cancelled or not, has put it back, and did not forget to."""
    cards = {each: count for each, count in instance(Customers).cards.items() if count}
    assert not cards, f"cards lie about: {cards}"
    forgotten = list(instance(Customers).forgotten)
    assert not forgotten, f"cards lay about for an hour after these had paid: {forgotten}"
