import pytest

from apps.shop.services import Carts, Orders, Stock
from apps.shop.workload import PAYMENTS
from compiler import TransactionException
from core.callers import Caller
from core.errors import Forbidden

APP = "apps/shop"
ADA, BOB = Caller("ada"), Caller("bob")


@pytest.fixture(autouse=True)
def world():
    """A payment provider that does not remember other runs of this process."""
    PAYMENTS.clear()


def ordered(running, number="one", caller=ADA):
    running.run("Carts.put", "item-1", 2, caller=caller)
    assert running.run("Orders.place", number, caller=caller)


def test_a_cart_is_ordered_paid_and_confirmed(running):
    left = running.state(Stock).left["item-1"]
    ordered(running)
    assert running.state(Stock).left["item-1"] == left - 2
    assert running.run("Orders.pay", "one", "card", caller=ADA) == "paid"
    assert running.run("Orders.pay", "one", "card", caller=ADA) == "paid"
    assert running.state(Orders).receipts == {"one": "one: 1000"}
    assert running.state(Orders).mailed == {"one": 1}


def test_carts_are_their_callers_and_nobodys_else(running):
    running.run("Carts.put", "item-1", caller=ADA)
    with pytest.raises(TransactionException, match="nothing to order"):
        running.run("Orders.place", "one", caller=BOB)
    assert dict(running.state(Carts).carts)["ada"] == {"item-1": 1}


@pytest.mark.parametrize(
    ("call", "args"),
    [("Carts.put", ("item-1",)), ("Orders.pay", ("one", "card")), ("Orders.state", ("one",))],
)
def test_who_is_not_known_is_turned_away(running, call, args):
    with pytest.raises(Forbidden):
        running.run(call, *args)


def test_a_declined_card_leaves_the_order_open(running):
    ordered(running)
    assert running.run("Orders.pay", "one", "stolen", caller=ADA) == "declined"
    assert running.run("Orders.state", "one", caller=ADA) == "open"
    assert not running.state(Orders).receipts
    assert running.run("Orders.pay", "one", "card", caller=ADA) == "paid"


def test_who_has_paid_is_not_reminded(running):
    ordered(running, "one")
    assert "one" in running.state(Orders).reminders
    running.run("Orders.pay", "one", "card", caller=ADA)
    assert "one" not in running.state(Orders).reminders
