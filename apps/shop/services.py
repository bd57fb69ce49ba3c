"""A shop: carts, stock, and orders that are paid and confirmed outside.

What is ordered is taken from the stock in one transaction, which also starts the reminder. Paying
cannot stand in a transaction, so an order says that it is being paid before the card is charged,
and what became of that afterwards. The mail that confirms it is a request of its own: nobody waits
for it.
"""

from apps.shop.world import Declined, charge, send_mail
from compiler import Persistent, abort, call, gather, internal, service, spawn, start, transaction

__all__ = ["Carts", "Orders", "Stock"]

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

    def put(self, customer: str, item: str, count: int = 1) -> int:
        """Put something into a cart: how many things are in it."""
        cart = dict(self.carts.get(customer, {}))
        cart[item] = cart.get(item, 0) + count
        self.carts[customer] = cart
        return sum(cart.values())

    def empty(self, customer: str) -> dict[str, int]:
        """Take everything out of a cart: that."""
        return self.carts.pop(customer, {})


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


@service
class Orders:
    """Orders, and whether they are paid."""

    def __init__(self) -> None:
        self.lines: Persistent[dict[str, dict[str, int]]] = {}
        self.states: Persistent[dict[str, str]] = {}
        self.receipts: Persistent[dict[str, str]] = {}
        self.express: Persistent[dict[str, str]] = {}
        self.mailed: Persistent[dict[str, int]] = {}

    def place(self, customer: str, number: str) -> bool:
        """Order what is in the cart; False if it is empty, or the stock does not have it."""
        with transaction():
            lines = call(Carts.empty, customer)
            if not lines or number in self.states:
                abort("nothing to order")
            for item, count in lines.items():
                if not call(Stock.take, item, count):
                    abort(f"not enough of {item}")
            self.lines[number] = lines
            self.states[number] = "open"
            start(Orders.remind, number, customer, after=REMINDED_AFTER)
        return True

    def pay(self, number: str, card: str, customer: str) -> str:
        """Pay an order: how it stands then."""
        with transaction():
            state = self.states.get(number, "unknown")
            if state == "open":
                self.states[number] = "being paid"
        if state != "open":
            return state
        try:
            receipt = charge(card, PRICE * sum(self.lines[number].values()), number)
        except Declined:
            self.states[number] = "open"
            return "declined"
        except (OSError, TimeoutError):
            self.states[number] = "in doubt"  # perhaps it is paid: a person looks into it
            return "in doubt"
        self.states[number] = "paid"
        self.receipts[number] = receipt
        start(Orders.confirm, number, customer)
        return "paid"

    @internal
    async def confirm(self, number: str, customer: str) -> None:
        """Tell a customer that an order is paid."""
        await send_mail(customer, f"order {number} is paid")
        self.mailed[number] = self.mailed.get(number, 0) + 1

    async def hasten(self, number: str, card: str, customer: str) -> bool:
        """Let an order be sent by express, which costs extra: whether the card is good for it."""
        try:
            receipt = charge(card, EXPRESS, number)
        except (Declined, OSError, TimeoutError):
            return False
        told = spawn(send_mail, customer, f"order {number} comes by express: {receipt}")
        await gather(told, spawn(send_mail, "warehouse", f"order {number} is urgent"))
        self.express[number] = receipt
        return True

    @internal
    async def remind(self, number: str, customer: str) -> bool:
        """Remind a customer of an order, unless it is paid: whether that was so."""
        if self.states.get(number) != "open":
            return False
        await send_mail(customer, f"order {number} is not paid yet")
        return True

    def state(self, number: str) -> str:
        """How an order stands."""
        return self.states.get(number, "unknown")
