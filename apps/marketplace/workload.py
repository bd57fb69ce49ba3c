"""The marketplace's load: the benchmark's five transactions, and carts that are filled."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.marketplace.services import (
    Cart,
    Order,
    Payment,
    Product,
    Products,
    Seller,
    Shipment,
    Stock,
)
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "MIX",
    "PRODUCTS",
    "dashboards_are_consistent",
    "orders_are_paid_once",
    "products_are_referred_to",
    "setup",
    "stock_is_sold_as_ordered",
    "totals_are_those_of_the_lines",
]

SELLERS = [f"seller-{number}" for number in range(6)]
PRODUCTS = [f"product-{number:02}" for number in range(30)]
CUSTOMERS = [f"customer-{number:02}" for number in range(40)]

STOCK = 40
"""Pieces of each product before the first request."""

MIX = {
    "Cart.add": 6.0,
    "Order.checkout": 3.0,
    "Products.price": 0.5,
    "Products.withdraw": 0.05,
    "Stock.replenish": 0.3,
    "Shipment.deliver": 1.0,
    "Seller.dashboard": 1.0,
}


def setup() -> None:
    """Every product is offered and on the shelves."""
    for number, product in enumerate(PRODUCTS):
        seller = SELLERS[number % len(SELLERS)]
        instance(Products).offered[product] = Product(seller, 100 + 7 * number)
        instance(Stock).left[product] = STOCK


def _add(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(CUSTOMERS), rng.choice(PRODUCTS), rng.randrange(1, 4))


def _checkout(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(CUSTOMERS), f"{rng.getrandbits(64):016x}")


def _price(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(PRODUCTS), rng.randrange(50, 500))


def _product(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(PRODUCTS),)


def _replenish(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(PRODUCTS), rng.randrange(1, 10))


def _nothing(_: random.Random) -> tuple[Any, ...]:
    return ()


def _seller(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(SELLERS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Cart.add": _add,
    "Order.checkout": _checkout,
    "Products.price": _price,
    "Products.withdraw": _product,
    "Stock.replenish": _replenish,
    "Shipment.deliver": _nothing,
    "Seller.dashboard": _seller,
}


def stock_is_sold_as_ordered() -> None:
    """No shelf holds less than nothing, and what was sold stands in the orders."""
    stock = instance(Stock)
    for product, left in stock.left.items():
        assert left >= 0, f"{left} of {product} are left"
    ordered: Counter[str] = Counter()
    for order in instance(Order).orders.values():
        for line in order.lines:
            ordered[line.product] += line.pieces
    sold = dict(stock.sold.items())
    assert sold == dict(ordered), f"sold {sold}, but ordered {dict(ordered)}"


def orders_are_paid_once() -> None:
    """Each order was paid once, what it costs, and nothing else was."""
    payment = instance(Payment)
    costs = {number: order.total for number, order in instance(Order).orders.items()}
    paid = dict(payment.paid.items())
    assert paid == costs, f"paid {paid}, but it costs {costs}"
    for number, times in payment.times.items():
        assert times == 1, f"{number} was paid {times} times"


def totals_are_those_of_the_lines() -> None:
    """What an order costs is what its lines cost."""
    for number, order in instance(Order).orders.items():
        lines = sum(line.pieces * line.cents for line in order.lines)
        assert order.total == lines, f"{number} costs {order.total}, but its lines {lines}"


def products_are_referred_to() -> None:
    """Carts and shelves hold what is offered, and who wants a product has it in the cart."""
    offered, cart = instance(Products).offered, instance(Cart)
    for product in instance(Stock).left:
        assert product in offered, f"{product} is on the shelf, and nobody offers it"
    wanted = set()
    for customer, lines in cart.carts.items():
        for product in lines:
            assert product in offered, f"{customer} wants {product}, and nobody offers it"
            wanted.add((product, customer))
    listed = [(product, each) for product, customers in cart.wanted.items() for each in customers]
    assert sorted(listed) == sorted(wanted), f"{listed} are listed, but {wanted} are wanted"


def dashboards_are_consistent() -> None:
    """What sellers expect is in parcels on their way; with what they earned it is what was paid."""
    seller = instance(Seller)
    parcels = instance(Shipment).parcels
    for name in SELLERS:
        expected = seller.expected.get(name, {})
        total = seller.total.get(name, 0)
        assert total == sum(expected.values()), f"{name} expects {total}, but {expected}"
        under_way = parcels.get(name, [])
        assert sorted(under_way) == sorted(expected), f"{name} sent {under_way}, not {expected}"
    money = sum(seller.total.values()) + sum(seller.earned.values())
    paid = sum(instance(Payment).paid.values())
    assert money == paid, f"{money} expected and earned, but {paid} paid"
    still_open: Counter[str] = Counter(each for numbers in parcels.values() for each in numbers)
    for number, order in instance(Order).orders.items():
        assert order.open == still_open[number], f"{number}: {order.open} open parcels"
