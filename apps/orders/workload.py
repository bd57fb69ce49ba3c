"""The load: orders that are placed and paid, in either order, by customers who pay twice."""

import random
from collections.abc import Callable
from typing import Any

from apps.orders.services import Bank, Orders, Warehouse
from compiler import instance

__all__ = ["ARGUMENTS", "MIX", "paid_as_signalled", "setup"]

MIX = {"Orders.place": 3.0, "Bank.pay": 3.0, "Bank.bounce": 1.0}


def setup() -> None:
    """Nothing is ordered, and nothing paid."""


def _order(rng: random.Random) -> str:
    return f"order-{rng.randrange(60):02}"


def _pay(rng: random.Random) -> tuple[Any, ...]:
    return (_order(rng), rng.randrange(1, 1_000), f"{rng.getrandbits(64):016x}")


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Orders.place": lambda rng: (_order(rng),),
    "Bank.pay": _pay,
    "Bank.bounce": _pay,
}


def paid_as_signalled() -> None:
    """What was settled, was settled with the first transfer; and each order has come to an end."""
    orders, paid = instance(Orders), instance(Bank).paid
    settled, dropped = dict(orders.settled), set(orders.dropped)
    for order, payment in settled.items():
        assert paid.get(order) == payment, f"{order}: {payment}, but paid {paid.get(order)}"
    assert settled.keys() | dropped == set(orders.placed), "an order has come to no end"
    assert not settled.keys() & dropped, "an order was settled and dropped"
    assert orders.parcels.keys() == settled.keys() == instance(Warehouse).packed.keys()
    assert set(orders.parcels.values()) <= {1}
