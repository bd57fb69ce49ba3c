"""Orders whose lines are picked side by side, from shelves that are emptied and counted again.

Every order is one transaction: all lines or none. Its lines run in parallel and may want
the same goods, boxes above all, since the order itself is packed in one. Shelves that are
empty are taken down, so what there is shows only in a look at all of them.

What is missing is noted where it is missed. If the whole order comes to nothing, so does
the note; if the order does without, it stays.
"""

import uuid
from dataclasses import dataclass

from compiler import (
    Persistent,
    TransactionException,
    abort,
    call,
    gather,
    service,
    spawn,
    transaction,
)

__all__ = [
    "BOX",
    "CARD",
    "RIBBON",
    "Couriers",
    "Delivery",
    "Dock",
    "OutOfStock",
    "Pickers",
    "Stock",
    "Warehouse",
]

BOX = "box"
"""What every order is packed in."""

RIBBON = "ribbon"
"""What a gift is tied with, as long as there is any."""

CARD = "card"
"""What goes with a wish that comes true."""


class OutOfStock(Exception):
    """There is less than was asked for."""


@dataclass(frozen=True)
class Delivery:
    """Goods that a lorry brought."""

    goods: str
    pieces: int


@service
class Dock:
    """Deliveries that wait to be unloaded, by their number in the queue."""

    def __init__(self) -> None:
        self.waiting: Persistent[dict[int, Delivery]] = {}
        self.arrived: Persistent[dict[str, int]] = {}

    def arrive(self, goods: str, pieces: int) -> int:
        """Queue a delivery behind the last; its number."""
        number = max(self.waiting) + 1 if self.waiting else 1
        self.waiting[number] = Delivery(goods, pieces)
        self.arrived[goods] = self.arrived.get(goods, 0) + pieces
        return number

    def first(self) -> Delivery:
        """Take the first out of the queue.

        :raises TransactionException: nothing waits.
        """
        if not self.waiting:
            abort("nothing waits")
        return self.waiting.pop(min(self.waiting))


@service
class Stock:
    """The pieces of each kind of goods. No goods, no entry: zero is never kept."""

    def __init__(self) -> None:
        self.pieces: Persistent[dict[str, int]] = {}
        self.thrown_out: Persistent[dict[str, int]] = {}
        self.missed: Persistent[dict[str, int]] = {}

    def add(self, goods: str, pieces: int) -> int:
        """Put goods on the shelf; how many there are now."""
        self.pieces[goods] = self.pieces.get(goods, 0) + pieces
        return self.pieces[goods]

    def take(self, goods: str, pieces: int) -> int:
        """Take goods off the shelf; how many are left.

        :raises OutOfStock: there are fewer, and that is noted.
        """
        left = self.pieces.get(goods, 0) - pieces
        if left < 0:
            self.missed[goods] = self.missed.get(goods, 0) + 1
            raise OutOfStock(goods)
        if left:
            self.pieces[goods] = left
        else:
            del self.pieces[goods]
        return left

    def kinds(self) -> int:
        """How many kinds of goods there are."""
        return len(self.pieces)

    def tidy(self) -> list[str]:
        """Empty all shelves, throw out what is a single piece, and put the rest back."""
        counted = dict(self.pieces)
        self.pieces.clear()
        for goods, pieces in counted.items():
            if pieces > 1:
                self.pieces[goods] = pieces
            else:
                self.thrown_out[goods] = self.thrown_out.get(goods, 0) + 1
        return list(self.pieces)


@service
class Couriers:
    """Who carries orders to customers."""

    def __init__(self) -> None:
        self.collected: Persistent[dict[str, int]] = {}

    def collect(self, number: str) -> None:
        """Come for an order."""
        self.collected[number] = self.collected.get(number, 0) + 1


@service
class Pickers:
    """Who walks between the shelves."""

    def pick(self, goods: str, pieces: int) -> int:
        """Fetch goods, one piece at a time; how many are left.

        :raises OutOfStock: there are fewer.
        """
        left = 0
        for _ in range(pieces):
            left = call(Stock.take, goods, 1)
        return left


@service
class Warehouse:
    """Where lorries unload and customers order."""

    def __init__(self) -> None:
        self.orders: Persistent[dict[str, list[tuple[str, int]]]] = {}
        self.plain: Persistent[set[str]] = set()

    async def unload(self) -> list[int]:
        """Put the first two deliveries on the shelf; how many of each there are then.

        The fork lift carries two: a delivery that waits alone goes on waiting.
        """
        async with transaction():
            try:
                pair = [call(Dock.first), call(Dock.first)]
            except TransactionException:
                return []
            return [call(Stock.add, delivery.goods, delivery.pieces) for delivery in pair]

    async def order(self, lines: list[tuple[str, int]]) -> list[int]:
        """Send out all lines, packed in a box; what is left of each, and how many kinds are.

        :raises OutOfStock: one of them, or the box, is not there; nothing was taken.
        """
        number = uuid.uuid4().hex
        async with transaction():
            call(Stock.take, BOX, 1)
            picked = [spawn(Pickers.pick, goods, pieces) for goods, pieces in lines]
            # Whoever counts sees all that was picked, side by side or not.
            left = await gather(*picked, spawn(Stock.kinds))
            self.orders[number] = [(BOX, 1), *lines]
        spawn(Couriers.collect, number)  # nobody waits for the courier, but one will come
        return list(left)

    async def give(self, wish: str, instead: str, pieces: int) -> str:
        """Send out a gift with a card, or else another without; which of them it was.

        :raises OutOfStock: neither can be had; nothing was taken.
        """
        number = uuid.uuid4().hex
        async with transaction():
            lines = [(BOX, 1)]
            call(Stock.take, BOX, 1)
            try:
                call(Stock.take, RIBBON, 1)
                lines.append((RIBBON, 1))
            except OutOfStock:
                self.plain.add(number)
            try:
                async with transaction():
                    call(Stock.take, wish, pieces)
                    call(Stock.take, CARD, 1)
                lines += [(wish, pieces), (CARD, 1)]
                sent = wish
            except OutOfStock:
                call(Stock.take, instead, pieces)
                lines.append((instead, pieces))
                sent = instead
            self.orders[number] = lines
        spawn(Couriers.collect, number)
        return sent
