import pytest

from apps.warehouse.services import BOX, CARD, RIBBON, Couriers, Dock, OutOfStock, Stock, Warehouse
from apps.warehouse.workload import OPENING_STOCK

APP = "apps/warehouse"


def left(running, goods):
    return running.state(Stock).pieces.get(goods, 0)


def test_deliveries_are_unloaded_in_pairs_in_the_order_of_their_arrival(running):
    assert running.run("Dock.arrive", "drum", 3) == 1
    assert running.run("Warehouse.unload") == []
    assert running.run("Dock.arrive", "easel", 1) == 2
    assert running.run("Dock.arrive", "drum", 1) == 3
    running.check()
    drums, easels = OPENING_STOCK["drum"], OPENING_STOCK["easel"]
    assert running.run("Warehouse.unload") == [drums + 3, easels + 1]
    assert running.run("Warehouse.unload") == []
    assert list(running.state(Dock).waiting) == [3]
    running.check()


def test_lines_of_an_order_see_what_the_lines_before_them_took(running):
    boxes = OPENING_STOCK[BOX]
    lines = [("easel", 2), (BOX, 1), ("easel", 1)]
    kinds = len(OPENING_STOCK) - 1
    assert running.run("Warehouse.order", lines) == [1, boxes - 2, 0, kinds]
    assert running.run("Stock.kinds") == kinds
    running.check()


def test_an_order_is_sent_out_whole_or_not_at_all(running):
    with pytest.raises(OutOfStock, match="easel"):
        running.run("Warehouse.order", [("drum", 1), ("easel", 4)])
    assert dict(running.state(Stock).pieces) == OPENING_STOCK
    assert not running.state(Warehouse).orders
    assert not running.state(Couriers).collected


def test_a_gift_without_a_card_becomes_another(running):
    running.run("Warehouse.order", [(CARD, 3)])
    assert running.run("Warehouse.give", "easel", "drum", 1) == "easel"
    assert left(running, CARD) == 0
    # The last two easels are taken, found to have no card, and are there again.
    assert running.run("Warehouse.give", "easel", "drum", 2) == "drum"
    assert left(running, "easel") == 2
    assert len(running.state(Couriers).collected) == 3
    running.check()


def test_what_is_missed_is_noted_where_the_order_does_without_it(running):
    running.run("Warehouse.order", [(RIBBON, OPENING_STOCK[RIBBON])])
    with pytest.raises(OutOfStock):
        running.run("Warehouse.order", [(RIBBON, 1)])
    assert running.run("Warehouse.give", "easel", "drum", 1) == "easel"
    assert dict(running.state(Stock).missed) == {RIBBON: 1}
    running.check()


def test_tidying_up_throws_single_pieces_out(running):
    running.run("Warehouse.order", [("easel", 2)])
    assert running.run("Stock.tidy") == [each for each in OPENING_STOCK if each != "easel"]
    assert dict(running.state(Stock).thrown_out) == {"easel": 1}
    running.check()


def test_facts(running):
    assert running.facts("Stock.kinds").read_only
    assert running.facts("Warehouse.unload").single_region
    assert not running.facts("Warehouse.order").single_region


@pytest.mark.parametrize(
    ("cls", "field", "key", "value", "told"),
    [
        (Stock, "pieces", "drum", 7, "brought: .*but found"),
        (Stock, "pieces", "fig", 0, "there are 0 of fig"),
        (Stock, "missed", RIBBON, 1, "1 ribbons were missed, but 0 gifts have none"),
        (Dock, "arrived", "drum", 1, "brought: .*but found"),
        (Couriers, "collected", "abc", 1, "abc was collected, but nobody ordered it"),
        (Warehouse, "orders", "abc", [], "order abc was collected 0 times"),
    ],
)
def test_what_does_not_add_up_is_noticed(running, cls, field, key, value, told):
    getattr(running.state(cls), field)[key] = value
    with pytest.raises(AssertionError, match=told):
        running.check()
