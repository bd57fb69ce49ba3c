"""A small application with every way to call, for the tests of the reference oracle."""

import random
import time

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


class OutOfStockError(Exception):
    """The depot does not take it."""


@service
class Stock:
    def __init__(self) -> None:
        self.items: Persistent[dict[str, int]] = {"nail": 3, "screw": 2}

    def take(self, item: str) -> int:
        left = self.items.get(item, 0)
        if left == 0:
            raise OutOfStockError(item)
        self.items[item] = left - 1
        return left - 1

    def put(self, item: str, count: int) -> int:
        self.items[item] = self.items.get(item, 0) + count
        return self.items[item]

    def total(self) -> int:
        return sum(self.items.values())

    def left(self, item: str) -> int:
        return self.items.get(item, 0)


@service
class Log:
    def __init__(self) -> None:
        self.lines: Persistent[list[str]] = []
        self.latest: Persistent[float] = 0.0

    def write(self, text: str, at: float) -> int:
        self.lines.append(f"{text} {random.random():.3f}")
        self.latest = max(self.latest, at)
        return len(self.lines)


@service
class Depot:
    def __init__(self) -> None:
        self.orders: Persistent[dict[str, int]] = {}

    def order(self, who: str, item: str) -> int:
        """A clock reading before a call; writes before and after it; an exception from it."""
        begun = time.time()
        self.orders[who] = self.orders.get(who, 0) + 1
        try:
            left = call(Stock.take, item)
        except OutOfStockError:
            self.orders[who] -= 1
            raise
        call(Log.write, f"{who} {item} {left}", begun)
        return self.orders[who]

    async def swap(self, who: str, given: str, taken: str) -> bool:
        """Two transactions, the second of which may be aborted."""
        async with transaction():
            self.orders[who] = self.orders.get(who, 0) + 1
            call(Stock.put, given, 1)
        try:
            async with transaction():
                left = call(Stock.left, taken)
                self.orders[who] = 100
                if left == 0:
                    abort()
                call(Stock.take, taken)
        except TransactionException:
            return False
        return True

    async def stir(self, who: str) -> tuple[int, ...]:
        """Spawned calls, one of which nobody awaits."""
        spawn(Log.write, f"{who} stirs", 0.0)
        first = spawn(Stock.put, "nail", 1)
        self.orders[who] = self.orders.get(who, 0) + 1
        return await gather(first, spawn(Stock.put, "screw", 1))

    def forward(self, who: str, item: str) -> int:
        """Has no state of its own."""
        return call(Depot.order, who, item)

    def look(self) -> tuple[int, float]:
        return call(Stock.total), time.time()

    def nothing(self) -> None:
        """Calls nobody."""
