"""The travel agency's load: a hundred hotels and flights, some of them so small that they fill up.

One in ten has room for a single guest and one in ten for ten guests, so that any
overselling shows; the others have room enough for the longest run.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.hotel.services import Flight, Hotel, Order
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "CUSTOMERS",
    "FLIGHTS",
    "HOTELS",
    "MIX",
    "customers_are_known",
    "no_overselling",
    "setup",
]


def _capacity(number: int) -> int:
    return {0: 1, 1: 10}.get(number % 10, 100_000)


HOTELS = {f"hotel-{number:02}": _capacity(number) for number in range(100)}
"""Rooms of each hotel before the first request."""

FLIGHTS = {f"flight-{number:02}": _capacity(number + 5) for number in range(100)}
"""Seats of each flight before the first request."""

CUSTOMERS = [f"customer-{number:03}" for number in range(500)]

MIX = {"Frontend.book": 9.0, "Frontend.show": 1.0}

_HOTEL_NAMES, _FLIGHT_NAMES = list(HOTELS), list(FLIGHTS)


def setup() -> None:
    """Every hotel and every flight is empty."""
    instance(Hotel).rooms.update(HOTELS)
    instance(Flight).seats.update(FLIGHTS)


def _trip(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(CUSTOMERS), rng.choice(_FLIGHT_NAMES), rng.choice(_HOTEL_NAMES))


def _question(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(_FLIGHT_NAMES), rng.choice(_HOTEL_NAMES))


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Frontend.book": _trip,
    "Frontend.show": _question,
}


def no_overselling() -> None:
    """Nothing is sold beyond its capacity, and everything sold has its order."""
    trips = instance(Order).orders.values()
    ordered = Counter(name for trip in trips for name in (trip.hotel, trip.flight))
    rooms, seats = instance(Hotel).rooms, instance(Flight).seats
    for names, free in ((HOTELS, rooms), (FLIGHTS, seats)):
        for name, capacity in names.items():
            left = free.get(name, 0)
            assert left >= 0, f"{name} is oversold: it has room for {left} more"
            sold = capacity - left
            assert sold == ordered[name], f"{name} sold {sold} places for {ordered[name]} orders"


def customers_are_known() -> None:
    """Whoever placed an order is a customer, and the other way round."""
    placed = {trip.customer for trip in instance(Order).orders.values()}
    known = set(instance(Order).customers)
    assert placed == known, f"orders and customers disagree on {sorted(placed ^ known)}"
