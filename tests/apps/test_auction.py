import pytest

from apps.auction.services import Auction, Wallet
from apps.auction.workload import OPENING_BALANCE

APP = "apps/auction"
LOT = "lot-1"


def left(running, bidder):
    return running.state(Wallet).balances[bidder]


def test_the_highest_bid_leads_and_the_other_gets_the_money_back(running):
    assert running.run("Auction.bid", LOT, "bidder-01", 300) == "leads"
    assert running.run("Auction.bid", LOT, "bidder-02", 300) == "too low"
    assert running.run("Auction.bid", LOT, "bidder-02", 301) == "leads"
    assert running.run("Auction.price", LOT) == 301
    assert left(running, "bidder-01") == OPENING_BALANCE
    assert left(running, "bidder-02") == OPENING_BALANCE - 301
    running.check()


def test_nobody_bids_more_than_there_is(running):
    assert running.run("Auction.bid", LOT, "bidder-01", OPENING_BALANCE + 1) == "no money"
    assert running.run("Auction.price", LOT) == 0
    running.check()


def test_a_closed_round_is_earned_and_the_lot_sold_again(running):
    running.run("Auction.bid", LOT, "bidder-01", 300)
    auction = running.state(Auction)
    auction.lots[LOT] = type(auction.lots[LOT])(300, "bidder-01", 1.0)
    assert running.run("Auction.bid", LOT, "bidder-02", 5) == "leads"
    assert running.state(Auction).earned[LOT] == 300
    running.check()


def test_facts(running):
    assert not running.facts("Auction.bid").single_region
    assert running.facts("Auction.price").read_only


def test_lost_money_is_noticed(running):
    running.state(Wallet).balances["bidder-01"] -= 1
    with pytest.raises(AssertionError, match="bidders brought"):
        running.check()
