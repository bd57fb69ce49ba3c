import pytest

from apps.till.services import Ledger, Till

APP = "apps/till"


def test_what_is_sold_is_booked_when_the_books_are_closed(running):
    for shop, cents in (("north", 100), ("south", 50), ("north", 25)):
        running.run("Till.sell", shop, cents)
    assert running.run("Ledger.close") == 175
    assert running.run("Ledger.close") == 0
    running.run("Till.sell", "south", 7)
    assert running.run("Ledger.total") == running.run("Ledger.look") == 175
    assert running.state(Ledger).closed == 2
    running.check()


def test_what_comes_from_nowhere_is_noticed(running):
    running.run("Till.sell", "north", 100)
    running.state(Till).taken["north"] = 99
    with pytest.raises(AssertionError, match="sold"):
        running.check("nothing_is_lost")


def test_time_asks_for_what_no_client_needs_to(running):
    schedules = {each.name: each.catch_up for each in running.application.program.schedules}
    assert schedules == {"Ledger.close": "all", "Ledger.look": "one"}
