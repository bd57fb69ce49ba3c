"""The travel agency's load as in the paper's evaluation: no hotel and no flight ever fills up.

A hundred of each, drawn evenly, so that no booking fails but by what the platform does.
"""

from collections import Counter

from apps.hotel import workload as hotel
from apps.hotel.services import Flight, Hotel, Order
from apps.hotel.workload import ARGUMENTS, FLIGHTS, HOTELS, MIX
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "CAPACITY",
    "MIX",
    "customers_are_known",
    "everything_sold_is_ordered",
    "setup",
]

CAPACITY = 100_000
"""Rooms of each hotel and seats of each flight before the first request."""


def setup() -> None:
    """Every hotel and every flight is empty."""
    instance(Hotel).rooms.update(dict.fromkeys(HOTELS, CAPACITY))
    instance(Flight).seats.update(dict.fromkeys(FLIGHTS, CAPACITY))


def everything_sold_is_ordered() -> None:
    """For each room and each seat that is gone there is one order, and the other way round."""
    trips = instance(Order).orders.values()
    ordered = Counter(name for trip in trips for name in (trip.hotel, trip.flight))
    for free in (instance(Hotel).rooms, instance(Flight).seats):
        for name, left in free.items():
            sold = CAPACITY - left
            assert sold == ordered[name], f"{name} sold {sold} places for {ordered[name]} orders"


def customers_are_known() -> None:
    """As in the hotel."""
    hotel.customers_are_known()
