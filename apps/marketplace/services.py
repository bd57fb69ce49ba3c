"""A marketplace: sellers offer products, customers fill carts, check out, pay, and get parcels.

What must hold is what the Online Marketplace benchmark asks of such a system (R. Laigner and
others, "Online Marketplace: A Benchmark for Data Management in Microservices"): stock is never
negative, an order is paid exactly once, its total is that of its lines, carts and stock refer to
products that there are, and a seller's dashboard is consistent, though each of these spans
services that know nothing of one another's data.
"""

from dataclasses import dataclass, replace

from compiler import Persistent, abort, call, internal, service, transaction

__all__ = [
    "Cart",
    "Line",
    "Order",
    "Payment",
    "Placed",
    "Product",
    "Products",
    "Seller",
    "Shipment",
    "Stock",
]

SELLERS_AT_ONCE = 3
"""From how many sellers the oldest parcel is delivered at once."""


@dataclass(frozen=True)
class Product:
    """What a seller offers, and for how many cents."""

    seller: str
    cents: int


@dataclass(frozen=True)
class Line:
    """So many pieces of a product, at what one cost when it was put down."""

    product: str
    pieces: int
    cents: int


@dataclass(frozen=True)
class Placed:
    """An order: its lines, what it costs altogether, and of how many sellers parcels are due."""

    customer: str
    lines: tuple[Line, ...]
    total: int
    open: int


@service
class Products:
    """What is offered."""

    def __init__(self) -> None:
        self.offered: Persistent[dict[str, Product]] = {}

    def price(self, product: str, cents: int) -> bool:
        """Change a price; False if the product is not offered any more."""
        offered = self.offered.get(product)
        if offered is None:
            return False
        self.offered[product] = replace(offered, cents=cents)
        return True

    def find(self, product: str) -> Product | None:
        """A product, if it is offered."""
        return self.offered.get(product)

    def withdraw(self, product: str) -> bool:
        """Offer it no more: it leaves the stock and every cart, or stays in all of them."""
        with transaction():
            if self.offered.pop(product, None) is None:
                return False
            call(Stock.clear, product)
            call(Cart.drop, product)
        return True


@service
class Stock:
    """How many pieces of each product there are, and how many were sold."""

    def __init__(self) -> None:
        self.left: Persistent[dict[str, int]] = {}
        self.sold: Persistent[dict[str, int]] = {}

    @internal
    def take(self, line: Line) -> bool:
        """Take what a line wants, if there is enough."""
        left = self.left.get(line.product, 0)
        if left < line.pieces:
            return False
        self.left[line.product] = left - line.pieces
        self.sold[line.product] = self.sold.get(line.product, 0) + line.pieces
        return True

    def replenish(self, product: str, pieces: int) -> bool:
        """More pieces come in; False if nobody offers the product."""
        with transaction():
            if call(Products.find, product) is None:
                return False
            self.left[product] = self.left.get(product, 0) + pieces
        return True

    @internal
    def clear(self, product: str) -> None:
        """There is none any more."""
        self.left.pop(product, None)


@service
class Cart:
    """What customers have put down, and who has put a product down."""

    def __init__(self) -> None:
        self.carts: Persistent[dict[str, dict[str, Line]]] = {}
        self.wanted: Persistent[dict[str, list[str]]] = {}

    def add(self, customer: str, product: str, pieces: int) -> int:
        """Put so many more pieces into a cart: how many are in it then; 0 if it is not offered."""
        with transaction():
            offered = call(Products.find, product)
            if offered is None:
                return 0
            cart = self.carts.get(customer, {})
            before = cart[product].pieces if product in cart else 0
            cart[product] = Line(product, before + pieces, offered.cents)
            self.carts[customer] = cart
            if not before:
                self.wanted[product] = [*self.wanted.get(product, []), customer]
        return before + pieces

    @internal
    def empty(self, customer: str) -> list[Line]:
        """Take everything out of a cart."""
        cart = self.carts.pop(customer, {})
        for product in cart:
            self._forget(product, customer)
        return list(cart.values())

    @internal
    def drop(self, product: str) -> None:
        """Take a product out of every cart."""
        for customer in self.wanted.pop(product, []):
            cart = self.carts[customer]
            del cart[product]
            if cart:
                self.carts[customer] = cart
            else:
                del self.carts[customer]

    def _forget(self, product: str, customer: str) -> None:
        others = [each for each in self.wanted[product] if each != customer]
        if others:
            self.wanted[product] = others
        else:
            del self.wanted[product]


@service
class Order:
    """What was ordered."""

    def __init__(self) -> None:
        self.orders: Persistent[dict[str, Placed]] = {}

    def checkout(self, customer: str, number: str) -> int:
        """Order and pay what is in a cart, at today's prices: what it costs; 0 for an empty one.

        All of it, or nothing: a cart of which something is not there any more stays as it is.

        :raises TransactionException: something is not there any more.
        """
        with transaction():
            lines = []
            sellers: dict[str, int] = {}
            for wanted in call(Cart.empty, customer):
                offered = call(Products.find, wanted.product)
                if offered is None or not call(Stock.take, wanted):
                    abort()
                line = replace(wanted, cents=offered.cents)
                lines.append(line)
                cents = line.pieces * line.cents
                sellers[offered.seller] = sellers.get(offered.seller, 0) + cents
            if not lines:
                return 0
            total = sum(sellers.values())
            self.orders[number] = Placed(customer, tuple(lines), total, len(sellers))
            call(Payment.pay, number, total)
            for seller, cents in sellers.items():
                call(Seller.expect, seller, number, cents)
                call(Shipment.pack, seller, number)
        return total

    @internal
    def delivered(self, number: str) -> bool:
        """One seller's parcel has come: whether it was the last of the order."""
        order = self.orders[number]
        self.orders[number] = replace(order, open=order.open - 1)
        return order.open == 1


@service
class Payment:
    """What was paid for which order."""

    def __init__(self) -> None:
        self.paid: Persistent[dict[str, int]] = {}
        self.times: Persistent[dict[str, int]] = {}

    @internal
    def pay(self, number: str, cents: int) -> None:
        """An order is paid."""
        self.paid[number] = self.paid.get(number, 0) + cents
        self.times[number] = self.times.get(number, 0) + 1


@service
class Shipment:
    """Parcels on their way, the oldest of each seller first."""

    def __init__(self) -> None:
        self.parcels: Persistent[dict[str, list[str]]] = {}

    @internal
    def pack(self, seller: str, number: str) -> None:
        """A seller's part of an order goes out."""
        self.parcels[seller] = [*self.parcels.get(seller, []), number]

    def deliver(self) -> int:
        """The oldest parcels of some sellers arrive: how many did."""
        with transaction():
            due = list(self.parcels.items())[:SELLERS_AT_ONCE]
            for seller, (first, *others) in due:
                if others:
                    self.parcels[seller] = others
                else:
                    del self.parcels[seller]
                call(Order.delivered, first)
                call(Seller.settle, seller, first)
        return len(due)


@service
class Seller:
    """What sellers are still to earn, order by order and altogether."""

    def __init__(self) -> None:
        self.expected: Persistent[dict[str, dict[str, int]]] = {}
        self.total: Persistent[dict[str, int]] = {}
        self.earned: Persistent[dict[str, int]] = {}

    @internal
    def expect(self, seller: str, number: str, cents: int) -> None:
        """A part of an order is under way."""
        self.expected[seller] = {**self.expected.get(seller, {}), number: cents}
        self.total[seller] = self.total.get(seller, 0) + cents

    @internal
    def settle(self, seller: str, number: str) -> None:
        """It has arrived."""
        expected = self.expected[seller]
        cents = expected.pop(number)
        self.expected[seller] = expected
        self.total[seller] -= cents
        self.earned[seller] = self.earned.get(seller, 0) + cents

    def dashboard(self, seller: str) -> tuple[int, dict[str, int]]:
        """What is under way, altogether and order by order: the one is the sum of the other.

        :raises AssertionError: it is not.
        """
        total, orders = self.total.get(seller, 0), self.expected.get(seller, {})
        assert total == sum(orders.values()), f"{total} expected, but {orders}"
        return total, orders
