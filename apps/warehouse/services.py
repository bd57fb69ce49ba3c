"""Orders whose lines are picked side by side, from shelves that are emptied and counted again.

Every order is one transaction: all lines or none. Its lines run in parallel and may want
the same goods, boxes above all, since the order itself is packed in one. Shelves that are
empty are taken down, so what there is shows only in a look at all of them.
"""

import uuid
from dataclasses import dataclass

from compiler import Persistent, abort, call, gather, service, spawn, transaction

__all__ = ["BOX", "RIBBON", "Couriers", "Delivery", "Dock", "OutOfStock", "Stock", "Warehouse"]

BOX = "box"
"""What every order is packed in."""

RIBBON = "ribbon"
"""What every gift is tied with."""


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
        number = max(self.waiting, default=0) + 1
        self.waiting[number] = Delivery(goods, pieces)
        self.arrived[goods] = self.arrived.get(goods, 0) + pieces
        return number

    def first(self) -> Delivery | None:
        """Take the first out of the queue; None if nothing waits."""
        if not self.waiting:
            return None
        return self.waiting.pop(min(self.waiting))


@service
class Stock:
    """The pieces of each kind of goods. No goods, no entry: zero is never kept."""

    def __init__(self) -> None:
        self.pieces: Persistent[dict[str, int]] = {}
        self.thrown_out: Persistent[dict[str, int]] = {}

    def add(self, goods: str, pieces: int) -> int:
        """Put goods on the shelf; how many there are now."""
        self.pieces[goods] = self.pieces.get(goods, 0) + pieces
        return self.pieces[goods]

    def take(self, goods: str, pieces: int) -> int:
        """Take goods off the shelf; how many are left.

        :raises OutOfStock: there are fewer.
        """
        left = self.pieces.get(goods, 0) - pieces
        if left < 0:
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
class Warehouse:
    """Where lorries unload and customers order."""

    def __init__(self) -> None:
        self.orders: Persistent[dict[str, list[tuple[str, int]]]] = {}

    async def unload(self) -> int:
        """Put the first delivery of the queue on the shelf; how many of it there are then.

        :raises TransactionException: nothing waits.
        """
        async with transaction():
            delivery = call(Dock.first)
            if delivery is None:
                abort("nothing waits")
            return call(Stock.add, delivery.goods, delivery.pieces)

    async def order(self, lines: list[tuple[str, int]]) -> list[int]:
        """Send out all lines, packed in a box; what is left of each, and of how many kinds.

        :raises OutOfStock: one of them, or the box, is not there; nothing was taken.
        """
        number = uuid.uuid4().hex
        async with transaction():
            call(Stock.take, BOX, 1)
            picked = [spawn(Stock.take, goods, pieces) for goods, pieces in lines]
            # This one sees all that the lines before it have taken, side by side or not.
            left = await gather(*picked, spawn(Stock.kinds))
            self.orders[number] = [(BOX, 1), *lines]
        spawn(Couriers.collect, number)  # nobody waits for the courier, but one will come
        return list(left)

    async def give(self, wish: str, instead: str, pieces: int) -> str:
        """Send out a gift with a ribbon, or without one something else: what it was.

        :raises OutOfStock: neither can be had; nothing was taken.
        """
        number = uuid.uuid4().hex
        async with transaction():
            call(Stock.take, BOX, 1)
            try:
                async with transaction():
                    call(Stock.take, wish, pieces)
                    call(Stock.take, RIBBON, 1)
                    self.orders[number] = [(BOX, 1), (wish, pieces), (RIBBON, 1)]
                sent = wish
            except OutOfStock:
                call(Stock.take, instead, pieces)
                self.orders[number] = [(BOX, 1), (instead, pieces)]
                sent = instead
        spawn(Couriers.collect, number)
        return sent
