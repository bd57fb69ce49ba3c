"""The shop's load: carts that are filled, ordered and paid; and a world to try it out in."""

import random
from collections.abc import Callable
from typing import Any

from apps.shop.services import PRICE, Carts, Orders, Stock
from apps.shop.world import Declined, charge, send_mail
from compiler import instance, outside

__all__ = [
    "ARGUMENTS",
    "CALLERS",
    "ITEMS",
    "MIX",
    "OUTSIDE",
    "STOCK",
    "confirmed_once",
    "paid_orders_have_receipts",
    "setup",
    "stock_is_ordered",
]

ITEMS = [f"item-{number}" for number in range(4)]
STOCK = 200
"""Pieces of each item before the first request."""

CALLERS: dict[str, dict[str, Any]] = {f"customer-{number}": {} for number in range(20)}

MIX = {
    "Carts.put": 3.0,
    "Orders.place": 3.0,
    "Orders.pay": 4.0,
    "Orders.hasten": 1.5,
    "Orders.state": 1.0,
}

PAYMENTS: dict[str, str] = {}
"""The receipts of the payment provider, by the keys under which it was asked."""
MAILS: list[tuple[str, str]] = []


def fake_charge(card: str, cents: int, order: str) -> str:
    """A payment provider that honours keys."""
    if card == "stolen":
        raise Declined(card)
    return PAYMENTS.setdefault(outside.key(), f"{order}: {cents}")


async def fake_send_mail(to: str, subject: str) -> None:
    """A mailbox."""
    MAILS.append((to, subject))


OUTSIDE = {charge: fake_charge, send_mail: fake_send_mail}


def setup() -> None:
    """The stock is full, and some orders are placed already."""
    for item in ITEMS:
        instance(Stock).left[item] = STOCK
    for number in range(40):
        item = ITEMS[number % len(ITEMS)]
        instance(Carts).carts[f"customer-{number % len(CALLERS)}"] = {item: 1}
        instance(Orders).lines[f"order-{number:03}"] = {item: 1}
        instance(Orders).states[f"order-{number:03}"] = "open"
        instance(Stock).left[item] -= 1


def _put(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(ITEMS), rng.randrange(1, 4))


def _place(rng: random.Random) -> tuple[Any, ...]:
    return (f"order-{rng.randrange(40, 120):03}",)


def _pay(rng: random.Random) -> tuple[Any, ...]:
    card = "stolen" if rng.random() < 0.1 else f"card-{rng.randrange(60)}"
    return (f"order-{rng.randrange(60):03}", card)


def _state(rng: random.Random) -> tuple[Any, ...]:
    return (f"order-{rng.randrange(120):03}",)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Carts.put": _put,
    "Orders.place": _place,
    "Orders.pay": _pay,
    "Orders.hasten": _pay,
    "Orders.state": _state,
}


def stock_is_ordered() -> None:
    """What is missing from the stock was ordered."""
    lines = instance(Orders).lines.values()
    for item in ITEMS:
        ordered = sum(each.get(item, 0) for each in lines)
        left = instance(Stock).left[item]
        assert ordered + left == STOCK, f"{item}: {ordered} ordered, {left} left of {STOCK}"


def paid_orders_have_receipts() -> None:
    """Every order that is paid has a receipt over what it costs, and no other has."""
    orders = instance(Orders)
    paid = {number for number, state in orders.states.items() if state == "paid"}
    assert paid == set(orders.receipts), f"paid {paid}, receipts for {set(orders.receipts)}"
    for number, receipt in orders.receipts.items():
        cents = PRICE * sum(orders.lines[number].values())
        assert receipt == f"{number}: {cents}", f"{receipt} for {number}, {cents} cents"


def confirmed_once() -> None:
    """No order was confirmed that is not paid, and none twice."""
    orders = instance(Orders)
    for number, times in orders.mailed.items():
        assert number in orders.receipts, f"{number} is confirmed and not paid"
        assert times == 1, f"{number} is confirmed {times} times"
