"""The auction house's load: few lots, many bidders, and now and then somebody who only looks."""

import random
from collections.abc import Callable
from typing import Any

from apps.auction.services import Auction, Wallet
from compiler import instance

__all__ = ["ARGUMENTS", "BIDDERS", "ITEMS", "MIX", "OPENING_BALANCE", "money_is_constant", "setup"]

ITEMS = [f"lot-{number}" for number in range(10)]

BIDDERS = [f"bidder-{number:02}" for number in range(50)]

OPENING_BALANCE = 100_000
"""Cents that every bidder has before the first request."""

MIX = {"Auction.bid": 9.0, "Auction.price": 1.0}


def setup() -> None:
    """Every bidder has money; no lot has a bid."""
    for bidder in BIDDERS:
        instance(Wallet).balances[bidder] = OPENING_BALANCE


def _bid(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(ITEMS), rng.choice(BIDDERS), rng.randint(1, 2_000))


def _item(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(ITEMS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Auction.bid": _bid,
    "Auction.price": _item,
}


def money_is_constant() -> None:
    """What was earned, what is held for leading bids and what bidders have is all there was."""
    auction = instance(Auction)
    held = sum(lot.price for lot in auction.lots.values())
    earned = sum(auction.earned.values())
    left = sum(instance(Wallet).balances.values())
    brought, found = OPENING_BALANCE * len(BIDDERS), held + earned + left
    assert found == brought, f"bidders brought {brought} cents, but {found} are there"
