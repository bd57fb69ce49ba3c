"""Orders that wait until they are paid for and packed.

A request waits for each order, and holds nothing meanwhile. Customers pay before they order or
after it, once or twice, at a bank that knows nothing of orders: it says that they have paid.
"""

from dataclasses import dataclass

from compiler import Event, Persistent, abort, event, service, signal, start, transaction

__all__ = ["Bank", "Orders", "Payment", "Warehouse"]


@dataclass(frozen=True)
class Payment:
    """What was paid, and with which transfer."""

    cents: int
    transfer: str


PAID = Event[Payment]("paid")


@service
class Bank:
    """Who has paid, and with which transfer first."""

    def __init__(self) -> None:
        self.paid: Persistent[dict[str, Payment]] = {}
        self.again: Persistent[dict[str, int]] = {}

    def pay(self, order: str, cents: int, transfer: str) -> bool:
        """Pay an order; False if it was paid before."""
        payment = Payment(cents, transfer)
        signal(PAID, order, payment)
        if order in self.paid:
            self.again[order] = self.again.get(order, 0) + cents
            return False
        self.paid[order] = payment
        return True

    def bounce(self, order: str, cents: int, transfer: str) -> None:
        """A transfer that comes to nothing."""
        with transaction():
            signal(PAID, order, Payment(cents, transfer))
            abort()


@service
class Warehouse:
    """What was packed."""

    def __init__(self) -> None:
        self.packed: Persistent[dict[str, int]] = {}

    def pack(self, order: str) -> None:
        """Pack an order: how many parcels that gives is for its number to say."""
        self.packed[order] = self.packed.get(order, 0) + 1
        signal("packed", order, self.packed[order])


@service
class Orders:
    """Orders, and what became of them."""

    def __init__(self) -> None:
        self.placed: Persistent[set[str]] = set()
        self.settled: Persistent[dict[str, Payment]] = {}
        self.parcels: Persistent[dict[str, int]] = {}
        self.dropped: Persistent[set[str]] = set()

    def place(self, order: str) -> bool:
        """Order something, which is kept until it is paid; False if that was done before."""
        if order in self.placed:
            return False
        self.placed.add(order)
        start(Orders.fulfil, order)
        return True

    async def fulfil(self, order: str) -> bool:
        """Wait until an order is paid, and have it packed; False if nobody pays it."""
        try:
            payment = await event(PAID, order, timeout="2h")
        except TimeoutError:
            self.dropped.add(order)
            return False
        self.settled[order] = payment
        start(Warehouse.pack, order)
        start(Orders.track, order)
        return True

    async def track(self, order: str) -> int:
        """Wait until an order is packed: in how many parcels."""
        parcels: int = await event("packed", order)
        self.parcels[order] = parcels
        return parcels
