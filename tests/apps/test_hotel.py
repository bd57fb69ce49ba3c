import time
import uuid

import pytest

from apps.hotel.services import Flight, Hotel, Order, Trip
from apps.hotel.workload import FLIGHTS, HOTELS
from compiler import TransactionException

APP = "apps/hotel"

SMALL_HOTEL = next(name for name, rooms in HOTELS.items() if rooms == 1)
SMALL_FLIGHT = next(name for name, seats in FLIGHTS.items() if seats == 1)
FLIGHT = next(name for name, seats in FLIGHTS.items() if seats > 1000)
HOTEL = next(name for name, rooms in HOTELS.items() if rooms > 1000)


def test_a_booking_takes_a_room_and_a_seat_and_places_an_order(running):
    before = time.time()
    order = running.run("Frontend.book", "ada", FLIGHT, HOTEL)
    trip = running.state(Order).orders[order]
    assert uuid.UUID(order).version == 4
    assert trip == Trip("ada", FLIGHT, HOTEL, trip.placed)
    assert before <= trip.placed <= time.time()
    assert set(running.state(Order).customers) == {"ada"}
    assert running.run("Frontend.show", FLIGHT, HOTEL) == (FLIGHTS[FLIGHT] - 1, HOTELS[HOTEL] - 1)
    running.check()


@pytest.mark.parametrize(("flight", "hotel"), [(FLIGHT, SMALL_HOTEL), (SMALL_FLIGHT, HOTEL)])
def test_what_is_full_is_not_sold_and_nothing_else_is_taken(running, flight, hotel):
    running.run("Frontend.book", "ada", flight, hotel)
    left = running.run("Frontend.show", flight, hotel)
    with pytest.raises(TransactionException, match=f"no room in {hotel} or no seat on {flight}"):
        running.run("Frontend.book", "bob", flight, hotel)
    assert running.run("Frontend.show", flight, hotel) == left
    assert len(running.state(Order).orders) == 1
    running.check()


def test_facts(running):
    assert running.facts("Frontend.show").read_only
    assert running.facts("Hotel.reserve").single_region
    assert running.facts("Order.place").single_region
    book = running.facts("Frontend.book")
    assert not book.read_only
    assert not book.single_region
    assert book.callees == {"Hotel.reserve", "Flight.reserve", "Order.place"}
    assert book.footprint == {"Hotel.rooms", "Flight.seats", "Order.orders", "Order.customers"}


def test_capacity_runs_out_in_places_only():
    for capacities in (HOTELS, FLIGHTS):
        assert len(capacities) == 100
        assert 5 <= sum(capacity == 1 for capacity in capacities.values()) <= 20
        assert sum(capacity > 1000 for capacity in capacities.values()) >= 50


@pytest.mark.parametrize(
    ("doctor", "message"),
    [
        (lambda state: state(Hotel).rooms.update({SMALL_HOTEL: -1}), "oversold"),
        (lambda state: state(Flight).seats.update({SMALL_FLIGHT: -1}), "oversold"),
        (lambda state: state(Hotel).rooms.update({HOTEL: 5}), "places for 1 orders"),
        (lambda state: state(Order).orders.clear(), "sold 1 places for 0 orders"),
        (
            lambda state: state(Order).orders.update({"x": Trip("ada", FLIGHT, HOTEL, 0.0)}),
            "sold 1 places for 2 orders",
        ),
    ],
)
def test_overselling_and_lost_orders_are_noticed(running, doctor, message):
    running.run("Frontend.book", "ada", FLIGHT, HOTEL)
    running.check("no_overselling")
    doctor(running.state)
    with pytest.raises(AssertionError, match=message):
        running.check("no_overselling")


def test_a_customer_without_an_order_is_noticed(running):
    running.state(Order).customers.add("mallory")
    with pytest.raises(AssertionError, match="mallory"):
        running.check("customers_are_known")
