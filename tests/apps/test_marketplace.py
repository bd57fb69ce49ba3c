import pytest

from apps.marketplace.services import Cart, Line, Order, Payment, Products, Seller, Shipment, Stock
from compiler import TransactionException

APP = "apps/marketplace"


def fill(running, customer="ada", **wanted):
    for name, pieces in wanted.items():
        running.run("Cart.add", customer, name.replace("product_", "product-"), pieces)


def test_a_cart_becomes_an_order_that_is_paid_and_shipped(running):
    fill(running, product_00=2, product_01=1, product_06=3)
    total = running.run("Order.checkout", "ada", "one")
    assert total == 2 * 100 + 107 + 3 * 142
    assert running.state(Payment).paid == {"one": total}
    assert running.run("Seller.dashboard", "seller-0") == (626, {"one": 626})
    assert running.state(Shipment).parcels == {"seller-0": ["one"], "seller-1": ["one"]}
    assert running.state(Stock).left["product-06"] == 37
    assert running.state(Order).orders["one"].open == 2
    assert not running.state(Cart).carts
    running.check()
    assert running.run("Shipment.deliver") == 2
    assert running.run("Seller.dashboard", "seller-0") == (0, {})
    assert running.state(Seller).earned == {"seller-0": 626, "seller-1": 107}
    assert running.run("Shipment.deliver") == 0
    running.check()


def test_prices_are_those_of_the_day_of_the_order(running):
    fill(running, product_00=2)
    assert running.run("Products.price", "product-00", 5)
    assert running.run("Order.checkout", "ada", "one") == 10
    running.check()


def test_of_a_cart_that_cannot_be_had_whole_nothing_is_ordered(running):
    fill(running, product_00=2, product_01=41)
    with pytest.raises(TransactionException):
        running.run("Order.checkout", "ada", "one")
    assert running.state(Stock).left["product-00"] == 40
    assert len(running.state(Cart).carts["ada"]) == 2
    assert not running.state(Order).orders
    running.check()
    assert running.run("Stock.replenish", "product-01", 1)
    assert running.run("Order.checkout", "ada", "one") > 0
    running.check()


def test_what_is_withdrawn_leaves_shelves_and_carts(running):
    fill(running, product_00=2, product_01=1)
    fill(running, "bob", product_00=1)
    assert running.run("Products.withdraw", "product-00")
    assert not running.run("Products.withdraw", "product-00")
    assert list(running.state(Cart).carts) == ["ada"]
    assert not running.run("Cart.add", "bob", "product-00", 1)
    assert not running.run("Products.price", "product-00", 1)
    assert not running.run("Stock.replenish", "product-00", 1)
    running.check()


def test_an_empty_cart_is_no_order(running):
    assert running.run("Order.checkout", "ada", "one") == 0
    running.check()


def oversold(running):
    running.state(Stock).left["product-00"] = -1


def paid_twice(running):
    running.state(Payment).times["one"] = 2


def paid_wrongly(running):
    running.state(Payment).paid["one"] += 1


def order_unpaid(running):
    del running.state(Payment).paid["one"]


def dearer(running):
    placed = running.state(Order).orders["one"]
    lines = (*placed.lines, Line("product-02", 1, 1))
    running.state(Order).orders["one"] = type(placed)(placed.customer, lines, placed.total, 1)


def withdrawn_alone(running):
    del running.state(Products).offered["product-00"]


def unlisted(running):
    del running.state(Cart).wanted["product-03"]


def lost_parcel(running):
    del running.state(Shipment).parcels["seller-0"]


def unbalanced(running):
    running.state(Seller).total["seller-0"] += 1


@pytest.mark.parametrize(
    ("doctor", "invariant", "told"),
    [
        (oversold, "stock_is_sold_as_ordered", "-1 of product-00"),
        (dearer, "stock_is_sold_as_ordered", "but ordered"),
        (paid_twice, "orders_are_paid_once", "paid 2 times"),
        (paid_wrongly, "orders_are_paid_once", "but it costs"),
        (order_unpaid, "orders_are_paid_once", "but it costs"),
        (dearer, "totals_are_those_of_the_lines", "but its lines"),
        (withdrawn_alone, "products_are_referred_to", "nobody offers it"),
        (unlisted, "products_are_referred_to", "are wanted"),
        (lost_parcel, "dashboards_are_consistent", "sent"),
        (unbalanced, "dashboards_are_consistent", "expects"),
    ],
)
def test_each_rule_is_noticed_when_it_is_broken(running, doctor, invariant, told):
    fill(running, product_00=2)
    running.run("Order.checkout", "ada", "one")
    fill(running, product_03=1)
    running.check()
    doctor(running)
    with pytest.raises(AssertionError, match=told):
        running.check(invariant)
