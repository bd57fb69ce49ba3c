"""Tills that sell, and books that time closes.

Nobody asks for the books to be closed: each second is a request of its own, of which none is lost
and none comes twice, though the machines that keep the time die. Every two seconds the owner looks
at them; looks that nobody was up for are made up for by one.
"""

from compiler import Persistent, every, gather, service, spawn

__all__ = ["Ledger", "Till"]


@service
class Till:
    """What has been sold since the books were closed."""

    def __init__(self) -> None:
        self.taken: Persistent[dict[str, int]] = {}
        self.sold: Persistent[dict[str, int]] = {}

    def sell(self, shop: str, cents: int) -> int:
        """Sell something: what the shop has taken since."""
        self.sold[shop] = self.sold.get(shop, 0) + cents
        self.taken[shop] = self.taken.get(shop, 0) + cents
        return self.taken[shop]

    def empty(self, shop: str) -> int:
        """Take what was taken."""
        return self.taken.pop(shop, 0)


@service
class Ledger:
    """What the shops have brought in."""

    def __init__(self) -> None:
        self.income: Persistent[dict[str, int]] = {}
        self.closed: Persistent[int] = 0
        self.seen: Persistent[int] = 0

    @every("1s", catch_up="all")
    async def close(self) -> int:
        """Close the books of both shops: how much they had taken."""
        north, south = await gather(spawn(Till.empty, "north"), spawn(Till.empty, "south"))
        self.income["north"] = self.income.get("north", 0) + north
        self.income["south"] = self.income.get("south", 0) + south
        self.closed += 1
        return north + south

    @every("2s")
    def look(self) -> int:
        """The owner sees what all shops have brought in."""
        self.seen = self.total()
        return self.seen

    def total(self) -> int:
        """What all shops have brought in."""
        return sum(self.income.values())
