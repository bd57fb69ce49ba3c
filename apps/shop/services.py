"""A shop: carts, stock, and orders that are paid and confirmed outside.

Customers are known by their tokens, and each has a cart. What is ordered is taken from the stock in
one transaction, which also starts the reminder. Paying cannot stand in a transaction, so an order
says that it is being paid before the card is charged, and what became of that afterwards; who has
paid is not reminded any more. The payment provider is asked a few times at once, and not too often.
The mail that confirms an order is a request of its own: nobody waits for it.
"""

from apps.shop.world import Declined, charge, send_mail
from compiler import (
    Persistent,
    Started,
    abort,
    allow,
    call,
    caller,
    cancel,
    cron,
    gather,
    internal,
    queue,
    service,
    spawn,
    start,
    transaction,
)

__all__ = ["Carts", "Orders", "Payments", "Stock"]

PRICE = 500
"""What everything costs, in cents."""
EXPRESS = 900
REMINDED_AFTER = "15s"
"""When who has not paid is reminded: after days in a shop that is no example."""


@service
class Carts:
    """What customers are about to order."""

    def __init__(self) -> None:
        self.carts: Persistent[dict[str, dict[str, int]]] = {}

    @allow()
    def put(self, item: str, count: int = 1) -> int:
        """Put something into one's cart: how many things are in it."""
        customer = caller().subject
        cart = dict(self.carts.get(customer, {}))
        cart[item] = cart.get(item, 0) + count
        self.carts[customer] = cart
        return sum(cart.values())

    @internal
    def empty(self) -> dict[str, int]:
        """Take everything out of one's cart: that."""
        return self.carts.pop(caller().subject, {})


@service(internal=True)
class Stock:
    """What there is."""

    def __init__(self) -> None:
        self.left: Persistent[dict[str, int]] = {}

    def take(self, item: str, count: int) -> bool:
        """Take some from the stock, if there are as many."""
        left = self.left.get(item, 0)
        if left < count:
            return False
        self.left[item] = left - count
        return True


@service(internal=True)
class Payments:
    """The payment provider, as its contract has it: four at once, and twenty in a second."""

    @queue(limit=4, rate="20/s")
    def take(self, card: str, cents: int, number: str) -> str:
        """Charge a card: the receipt.

        :raises Declined: the card is not good for it.
        :raises OSError, TimeoutError: perhaps it was charged.
        """
        return charge(card, cents, number)


@service
class Orders:
    """Orders, and whether they are paid."""

    def __init__(self) -> None:
        self.lines: Persistent[dict[str, dict[str, int]]] = {}
        self.states: Persistent[dict[str, str]] = {}
        self.receipts: Persistent[dict[str, str]] = {}
        self.express: Persistent[dict[str, str]] = {}
        self.mailed: Persistent[dict[str, int]] = {}
        self.reminders: Persistent[dict[str, Started[bool]]] = {}
        self.reports: Persistent[list[int]] = []

    @allow()
    def place(self, number: str) -> bool:
        """Order what is in one's cart; False if it is empty, or the stock does not have it."""
        with transaction():
            lines = call(Carts.empty)
            if not lines or number in self.states:
                abort("nothing to order")
            for item, count in lines.items():
                if not call(Stock.take, item, count):
                    abort(f"not enough of {item}")
            self.lines[number] = lines
            self.states[number] = "open"
            reminder = start(Orders.remind, number, caller().subject, after=REMINDED_AFTER)
            self.reminders[number] = reminder
        return True

    @allow()
    def pay(self, number: str, card: str) -> str:
        """Pay an order: how it stands then."""
        with transaction():
            state = self.states.get(number, "unknown")
            if state == "open":
                self.states[number] = "being paid"
        if state != "open":
            return state
        try:
            cents = PRICE * sum(self.lines[number].values())
            receipt = call(Payments.take, card, cents, number)
        except Declined:
            self.states[number] = "open"
            return "declined"
        except (OSError, TimeoutError):
            self.states[number] = "in doubt"  # perhaps it is paid: a person looks into it
            return "in doubt"
        self.states[number] = "paid"
        self.receipts[number] = receipt
        reminder = self.reminders.pop(number, None)
        if reminder is not None:
            cancel(reminder)
        start(Orders.confirm, number, caller().subject)
        return "paid"

    @internal
    async def confirm(self, number: str, customer: str) -> None:
        """Tell a customer that an order is paid."""
        await send_mail(customer, f"order {number} is paid")
        self.mailed[number] = self.mailed.get(number, 0) + 1

    @allow()
    async def hasten(self, number: str, card: str) -> bool:
        """Let an order be sent by express, which costs extra: whether the card is good for it."""
        try:
            receipt = call(Payments.take, card, EXPRESS, number)
        except (Declined, OSError, TimeoutError):
            return False
        await send_mail("warehouse", f"order {number} is urgent")
        told = spawn(send_mail, caller().subject, f"order {number} comes by express: {receipt}")
        await gather(told, spawn(send_mail, "courier", f"order {number} is to be fetched"))
        self.express[number] = receipt
        return True

    @internal
    async def remind(self, number: str, customer: str) -> bool:
        """Remind a customer of an order, unless it is being paid: whether that was so."""
        if self.states.get(number) != "open":
            return False
        await send_mail(customer, f"order {number} is not paid yet")
        return True

    @internal
    @cron("0 3 * * *", timezone="Europe/Berlin")
    def report(self) -> int:
        """Every night: note how many orders are paid so far."""
        paid = len(self.receipts)
        self.reports.append(paid)
        return paid

    @allow()
    def state(self, number: str) -> str:
        """How an order stands."""
        return self.states.get(number, "unknown")
