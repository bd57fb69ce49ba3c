"""Four services: rooms, seats, orders, and the front end that sells all three as one trip.

A booking takes two commits: one for the transaction that takes the room and the
seat, one for the order. A crash between the two is not the end of the booking:
the request is completed, so a trip that was paid for always has its order.
"""

import time
import uuid
from dataclasses import dataclass

from compiler import Persistent, abort, call, gather, service, spawn, transaction

__all__ = ["Flight", "Frontend", "Hotel", "Order", "Trip"]


@dataclass(frozen=True)
class Trip:
    """One order; ``placed`` is the Unix time in seconds."""

    customer: str
    flight: str
    hotel: str
    placed: float


@service
class Hotel:
    """Rooms that are still free, for each hotel."""

    def __init__(self) -> None:
        self.rooms: Persistent[dict[str, int]] = {}

    def reserve(self, hotel: str) -> bool:
        """Take one room; False if none is free."""
        if self.free(hotel) == 0:
            return False
        self.rooms[hotel] -= 1
        return True

    def free(self, hotel: str) -> int:
        """How many rooms are free."""
        return self.rooms.get(hotel, 0)


@service
class Flight:
    """Seats that are still free, for each flight."""

    def __init__(self) -> None:
        self.seats: Persistent[dict[str, int]] = {}

    def reserve(self, flight: str) -> bool:
        """Take one seat; False if none is free."""
        if self.free(flight) == 0:
            return False
        self.seats[flight] -= 1
        return True

    def free(self, flight: str) -> int:
        """How many seats are free."""
        return self.seats.get(flight, 0)


@service
class Order:
    """Orders by their id, and everybody who ever placed one."""

    def __init__(self) -> None:
        self.orders: Persistent[dict[str, Trip]] = {}
        self.customers: Persistent[set[str]] = set()

    def place(self, customer: str, flight: str, hotel: str) -> str:
        """Write the order down and return its id."""
        order = str(uuid.uuid4())
        self.orders[order] = Trip(customer, flight, hotel, placed=time.time())
        self.customers.add(customer)
        return order


@service
class Frontend:
    """Where customers ask."""

    async def book(self, customer: str, flight: str, hotel: str) -> str:
        """Book a trip and return the order's id.

        :raises TransactionException: the flight or the hotel is full; nothing was booked.
        """
        async with transaction():
            taken = await gather(spawn(Hotel.reserve, hotel), spawn(Flight.reserve, flight))
            if not all(taken):
                abort(f"no room in {hotel} or no seat on {flight}")
        return call(Order.place, customer, flight, hotel)

    async def show(self, flight: str, hotel: str) -> tuple[int, int]:
        """Free seats and free rooms, at one moment."""
        return await gather(spawn(Flight.free, flight), spawn(Hotel.free, hotel))
