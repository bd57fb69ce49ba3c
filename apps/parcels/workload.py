"""The parcel service's load: so many labels that two requests seldom mean the same one."""

import random
from collections.abc import Callable
from typing import Any

from apps.parcels.services import LEGS, Depots, Office, Tariff, Till, Vans
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "LABELS",
    "MIX",
    "PRICES",
    "TOWNS",
    "every_leg_was_carried_once",
    "parcels_are_where_they_should_be",
    "setup",
    "the_books_agree",
    "vain_visits_are_counted",
]

LABELS = [f"label-{number:03}" for number in range(500)]

TOWNS = ["ashford", "bexley"]

PRICES = {kilos: 390 + 40 * kilos for kilos in range(1, 21)}
"""Cents for each weight in kilos before the first request."""

MIX = {"Office.hand_in": 5.0, "Office.fetch": 3.0, "Office.where": 1.0, "Tariff.change": 0.3}

_WEIGHTS = list(PRICES)


def setup() -> None:
    """Prices are set; no parcel is on its way."""
    instance(Tariff).prices.update(PRICES)


def _parcel(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(LABELS), rng.choice(TOWNS), rng.choice(_WEIGHTS))


def _visit(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(LABELS), rng.choice(TOWNS))


def _label(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(LABELS),)


def _price(rng: random.Random) -> tuple[Any, ...]:
    kilos = rng.choice(_WEIGHTS)
    return (kilos, PRICES[kilos] + 10 * rng.randint(-9, 9))


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Office.hand_in": _parcel,
    "Office.fetch": _visit,
    "Office.where": _label,
    "Tariff.change": _price,
}


def parcels_are_where_they_should_be() -> None:
    """Every parcel that the office knows lies in the depot of its town, and no other does."""
    parcels, held = instance(Office).parcels, instance(Depots).held
    for label, parcel in parcels.items():
        assert parcel.state == "stored", f"{label} was left {parcel.state}"
        assert (parcel.town, label) in held, f"{label} is not in {parcel.town}"
    for (town, label), times in held.items():
        known = label in parcels and parcels[label].town == town
        assert known, f"{label} is in {town}, but the office does not know it"
        assert times == 1, f"{label} was stored {times} times in {town}"


def the_books_agree() -> None:
    """The till took what the office wrote down as the price."""
    takings, owed = instance(Till).takings, instance(Office).owed
    for label in {**takings, **owed}:
        paid, price = takings.get(label, 0), owed.get(label, 0)
        assert paid == price, f"{paid} cents were paid for {label}, which cost {price}"


def every_leg_was_carried_once() -> None:
    """Each parcel was carried as many legs as there are."""
    legs = instance(Vans).legs
    for label, sent in instance(Office).sent.items():
        carried = legs.get(label, 0)
        assert carried == LEGS * sent, f"{label} was sent {sent} times and carried {carried} legs"


def vain_visits_are_counted() -> None:
    """The office turned as many away as the depots did."""
    vain, turned_away = instance(Depots).vain, instance(Office).turned_away
    for label in {**vain, **turned_away}:
        visits, told = vain.get(label, 0), turned_away.get(label, 0)
        assert visits == told, f"{visits} visits for {label} were in vain, {told} turned away"
