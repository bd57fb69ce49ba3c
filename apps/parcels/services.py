"""A parcel's way is one long request of many commits, under keys that nobody else touches.

So there is nobody to run into: whoever executes a step a second time, or long after all is
over, finds its keys just as they were left. That it happens once all the same is not for
lack of luck with conflicts.

Prices change now and then. What a parcel costs is asked once and is then what is written
down in both books.
"""

import time
from dataclasses import dataclass, replace

from compiler import Persistent, call, service

__all__ = ["LEGS", "Depots", "NotHere", "Office", "Parcel", "Tariff", "Till", "Vans"]

LEGS = 3
"""How often a parcel is carried on from one van to the next."""


class NotHere(Exception):
    """The depot does not have the parcel."""


@dataclass(frozen=True)
class Parcel:
    """One parcel: ``state`` is ``accepted``, ``stored`` or ``leaving``; times in Unix seconds."""

    town: str
    price: int
    accepted: float
    written: float
    state: str = "accepted"


@service
class Tariff:
    """Cents for each weight in kilos."""

    def __init__(self) -> None:
        self.prices: Persistent[dict[int, int]] = {}

    def price(self, kilos: int) -> int:
        """What a parcel of this weight costs today."""
        return self.prices[kilos]

    def change(self, kilos: int, price: int) -> None:
        """From now on it costs ``price``."""
        self.prices[kilos] = price


@service
class Till:
    """What was paid for the parcels of each label, in cents."""

    def __init__(self) -> None:
        self.takings: Persistent[dict[str, int]] = {}

    def take(self, label: str, price: int) -> None:
        """The sender pays."""
        self.takings[label] = self.takings.get(label, 0) + price


@service
class Vans:
    """How many legs the parcels of each label were carried."""

    def __init__(self) -> None:
        self.legs: Persistent[dict[str, int]] = {}

    def carry(self, label: str) -> int:
        """Carry the parcel one leg further; how many that makes for this label."""
        legs = self.legs.get(label, 0) + 1
        self.legs[label] = legs
        return legs


@service
class Depots:
    """What lies where, and who came to the wrong depot how often."""

    def __init__(self) -> None:
        self.held: Persistent[dict[tuple[str, str], int]] = {}
        self.vain: Persistent[dict[str, int]] = {}

    def store(self, town: str, label: str) -> None:
        """The parcel arrives in its town."""
        self.held[town, label] = self.held.get((town, label), 0) + 1

    def hand_out(self, town: str, label: str) -> None:
        """The receiver takes the parcel.

        :raises NotHere: it is in another town, and the visit was in vain; that is counted.
        """
        if (town, label) not in self.held:
            self.vain[label] = self.vain.get(label, 0) + 1
            raise NotHere(town, label)
        del self.held[town, label]


@service
class Office:
    """Where parcels are handed in and asked for."""

    def __init__(self) -> None:
        self.parcels: Persistent[dict[str, Parcel]] = {}
        self.sent: Persistent[dict[str, int]] = {}
        self.owed: Persistent[dict[str, int]] = {}
        self.turned_away: Persistent[dict[str, int]] = {}

    def hand_in(self, label: str, town: str, kilos: int) -> str:
        """Send a parcel to a town: ``arrived``, or ``label in use``."""
        accepted = time.time()
        if label in self.parcels:
            return "label in use"
        price = call(Tariff.price, kilos)
        parcel = Parcel(town, price, accepted, written=time.time())
        self.parcels[label] = parcel
        self.sent[label] = self.sent.get(label, 0) + 1
        self.owed[label] = self.owed.get(label, 0) + price
        call(Till.take, label, price)
        for _ in range(LEGS):
            call(Vans.carry, label)
        call(Depots.store, town, label)
        self.parcels[label] = replace(parcel, state="stored")
        return "arrived"

    def fetch(self, label: str, town: str) -> str:
        """Ask for a parcel in a town: ``here you are``, ``not yet``, or ``wrong town``."""
        parcel = self.parcels.get(label)
        if parcel is None or parcel.state != "stored":
            return "not yet"
        self.parcels[label] = replace(parcel, state="leaving")
        try:
            call(Depots.hand_out, town, label)
        except NotHere:
            self.turned_away[label] = self.turned_away.get(label, 0) + 1
            self.parcels[label] = parcel
            return "wrong town"
        del self.parcels[label]
        return "here you are"

    def where(self, label: str) -> str:
        """The state of the parcel, ``unknown`` if there is none of this label."""
        parcel = self.parcels.get(label)
        return "unknown" if parcel is None else parcel.state
