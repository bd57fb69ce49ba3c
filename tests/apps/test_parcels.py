import pytest

from apps.parcels.services import LEGS, Depots, Office, Till, Vans
from apps.parcels.workload import PRICES, TOWNS

APP = "apps/parcels"
LABEL = "label-007"
HERE, THERE = TOWNS


def test_a_parcel_is_carried_to_its_town_and_fetched_there(running):
    assert running.run("Office.where", LABEL) == "unknown"
    assert running.run("Office.hand_in", LABEL, HERE, 5) == "arrived"
    assert running.run("Office.where", LABEL) == "stored"
    assert running.run("Office.hand_in", LABEL, THERE, 2) == "label in use"
    assert running.state(Vans).legs[LABEL] == LEGS
    running.check()
    assert running.run("Office.fetch", LABEL, HERE) == "here you are"
    assert running.run("Office.fetch", LABEL, HERE) == "not yet"
    assert running.run("Office.hand_in", LABEL, THERE, 2) == "arrived"
    running.check()


def test_in_the_wrong_town_it_stays_where_it_is(running):
    running.run("Office.hand_in", LABEL, HERE, 5)
    assert running.run("Office.fetch", LABEL, THERE) == "wrong town"
    assert running.state(Depots).vain == {LABEL: 1}
    running.check()
    assert running.run("Office.fetch", LABEL, HERE) == "here you are"


def test_both_books_have_the_price_of_the_day(running):
    running.run("Office.hand_in", LABEL, HERE, 5)
    running.run("Tariff.change", 5, 1)
    assert running.state(Office).parcels[LABEL].price == PRICES[5]
    assert running.state(Till).takings[LABEL] == PRICES[5]
    running.check()


def test_facts(running):
    assert running.facts("Tariff.price").read_only
    assert running.facts("Office.where").read_only
    assert not running.facts("Office.hand_in").single_region


@pytest.mark.parametrize(
    ("cls", "field", "key", "told"),
    [
        (Depots, "held", (HERE, LABEL), f"{LABEL} was stored 2 times in {HERE}"),
        (Depots, "held", (THERE, LABEL), f"{LABEL} is in {THERE}, but"),
        (Depots, "vain", LABEL, f"1 visits for {LABEL} were in vain, 0 turned away"),
        (Till, "takings", LABEL, f"591 cents were paid for {LABEL}, which cost 590"),
        (Vans, "legs", LABEL, f"{LABEL} was sent 1 times and carried {LEGS + 1} legs"),
    ],
)
def test_what_does_not_add_up_is_noticed(running, cls, field, key, told):
    running.run("Office.hand_in", LABEL, HERE, 5)
    content = getattr(running.state(cls), field)
    content[key] = content.get(key, 0) + 1
    with pytest.raises(AssertionError, match=told):
        running.check()
