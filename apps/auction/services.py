"""Bidding without a transaction: one effect after the other, each decided by state and by time.

A bid holds the bidder's money, then takes the lead, then gives the money of
whoever led before back. Between these steps others bid and time goes on, so the
lot is looked at again. A crash after any step must not lose the money that is
held: the request is completed from where it stood.
"""

import time
from dataclasses import dataclass, replace

from compiler import Persistent, call, service

__all__ = ["ROUND_SECONDS", "Auction", "Lot", "Wallet"]

ROUND_SECONDS = 2.0
"""How long a lot is open after the first bid of a round."""


@dataclass(frozen=True)
class Lot:
    """One lot: the leading bid of this round, and when the round closes (Unix seconds)."""

    price: int = 0
    leader: str = ""
    closes: float = 0.0


@service
class Wallet:
    """What bidders have, in cents."""

    def __init__(self) -> None:
        self.balances: Persistent[dict[str, int]] = {}

    def hold(self, bidder: str, amount: int) -> bool:
        """Take the money of a bid; False if there is not enough."""
        balance = self.balances.get(bidder, 0)
        if balance < amount:
            return False
        self.balances[bidder] = balance - amount
        return True

    def release(self, bidder: str, amount: int) -> None:
        """Give the money of a bid back."""
        self.balances[bidder] = self.balances.get(bidder, 0) + amount

    def balance(self, bidder: str) -> int:
        """What the bidder has."""
        return self.balances.get(bidder, 0)


@service
class Auction:
    """Lots, and what was earned with each."""

    def __init__(self) -> None:
        self.lots: Persistent[dict[str, Lot]] = {}
        self.earned: Persistent[dict[str, int]] = {}

    def bid(self, item: str, bidder: str, amount: int) -> str:
        """Bid ``amount``: ``leads``, ``too low`` or ``no money``."""
        if amount <= self._current(item).price:
            return "too low"
        if not call(Wallet.hold, bidder, amount):
            return "no money"
        lot = self._current(item)
        if amount <= lot.price:
            call(Wallet.release, bidder, amount)
            return "too low"
        closes = lot.closes or time.time() + ROUND_SECONDS
        self.lots[item] = Lot(amount, bidder, closes)
        if lot.leader:
            call(Wallet.release, lot.leader, lot.price)
        return "leads"

    def price(self, item: str) -> int:
        """The leading bid."""
        return self.lots.get(item, Lot()).price

    def _current(self, item: str) -> Lot:
        """The lot as it stands now; a round that has closed is settled and the next one opened."""
        lot = self.lots.get(item, Lot())
        if lot.leader and time.time() >= lot.closes:
            self.earned[item] = self.earned.get(item, 0) + lot.price
            lot = replace(lot, price=0, leader="", closes=0.0)
            self.lots[item] = lot
        return lot
