"""A shop that ships what was ordered days later, and reminds whoever has not paid.

An order takes from the stock and starts the shipping in one transaction: either all of it or
nothing. A reminder sleeps, looks whether it is still needed, and sleeps again; whoever pays cancels
it.
"""

import time

from compiler import (
    Cancelled,
    Persistent,
    Started,
    abort,
    call,
    cancel,
    internal,
    result,
    service,
    sleep,
    start,
    timeout,
    transaction,
)

__all__ = ["Customers", "Shop", "Stock"]


@service
class Stock:
    """What there is, and what has left the house."""

    def __init__(self) -> None:
        self.left: Persistent[dict[str, int]] = {}
        self.shipped: Persistent[dict[str, int]] = {}

    @internal
    def take(self, item: str) -> bool:
        """Take one, if there is one."""
        left = self.left.get(item, 0)
        if left == 0:
            return False
        self.left[item] = left - 1
        return True

    @internal
    def ship(self, item: str) -> None:
        """One leaves the house."""
        self.shipped[item] = self.shipped.get(item, 0) + 1


@service
class Customers:
    """Who owes how much, and how often they were reminded."""

    def __init__(self) -> None:
        self.owes: Persistent[dict[str, int]] = {}
        self.reminders: Persistent[dict[str, int]] = {}
        self.reminding: Persistent[dict[str, Started[int]]] = {}
        self.cards: Persistent[dict[str, int]] = {}
        self.paid: Persistent[dict[str, float]] = {}
        self.forgotten: Persistent[dict[str, bool]] = {}

    def pay(self, customer: str) -> int:
        """Pay everything: how much that was. They are not reminded any more."""
        reminding = self.reminding.pop(customer, None)
        if reminding is not None:
            cancel(reminding)
            self.paid[customer] = time.time()
        return self.owes.pop(customer, 0)

    @internal
    async def remind(self, customer: str) -> int:
        """Twice, a day apart, as long as something is owed: how often it took.

        The card index on the desk is put back whatever happens.
        """
        reminded = 0
        call(Customers.take_card, customer)
        try:
            for _ in range(2):
                await sleep("1d")
                if self.owes.get(customer, 0) == 0:
                    break
                self.reminders[customer] = self.reminders.get(customer, 0) + 1
                reminded += 1
        except Cancelled:
            now = time.time()
            if now - self.paid.get(customer, now) > 3600:
                self.forgotten[customer] = True
            raise
        finally:
            await sleep(0.2)
            call(Customers.return_card, customer)
        return reminded

    @internal
    def take_card(self, customer: str) -> None:
        """One more lies on the desk."""
        self.cards[customer] = self.cards.get(customer, 0) + 1

    @internal
    async def return_card(self, customer: str) -> None:
        """It is put back, which takes a moment."""
        await sleep(0.2)
        self.cards[customer] -= 1

    async def remind_me(self, customer: str) -> int:
        """They want to be reminded, as long as they owe something: how often it took."""
        return call(Customers.remind, customer)

    @internal
    def charge(self, customer: str, cents: int) -> None:
        """They owe more, and are reminded of it, of all of it at once."""
        self.owes[customer] = self.owes.get(customer, 0) + cents
        if customer not in self.reminding:
            self.reminding[customer] = start(Customers.remind, customer)


@service
class Shop:
    """Orders, and what became of them."""

    def __init__(self) -> None:
        self.orders: Persistent[dict[str, Started[None]]] = {}
        self.wrapped: Persistent[dict[str, int]] = {}
        self.late: Persistent[dict[str, int]] = {}

    def order(self, customer: str, item: str, number: str) -> bool:
        """Order one: it is shipped in three days, and charged; False if there is none."""
        with transaction():
            self.orders[number] = start(Stock.ship, item, after="3d")
            if call(Stock.take, item):
                call(Customers.charge, customer, 500)
            else:
                abort()
        return True

    async def wrap(self, item: str) -> int:
        """Wrap one, which takes a moment: how many were wrapped."""
        before = self.wrapped.get(item, 0)
        await sleep(0.5)
        self.wrapped[item] = self.wrapped.get(item, 0) + 1
        return self.wrapped[item] - before

    async def wrap_aside(self, item: str) -> int:
        """Let one be wrapped as a request of its own, and wait for that: how many were wrapped."""
        return await result(start(Shop.wrap, item, after=1))

    async def wrap_in_time(self, item: str) -> int:
        """Wrap one, if that does not take too long, and then another: how many were wrapped."""
        wrapped = 0
        for seconds in (0.3, 5):
            try:
                async with timeout(seconds):
                    wrapped += call(Shop.wrap, item)
            except TimeoutError:
                self.late[item] = self.late.get(item, 0) + 1
        return wrapped

    async def wrap_two(self, first: str, second: str) -> int:
        """Wrap one after the other."""
        return call(Shop.wrap, first) + call(Shop.wrap, second)
