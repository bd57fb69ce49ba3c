"""Breaking rule 13: what is asked of the outside, and what becomes of its answers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from itertools import count
from typing import Any

from core import asking
from core.ids import RequestId
from core.journal import Heard
from core.outside import outside_key
from core.region import Region
from sim.planted.bug import Steps, bug, replace


@bug("an answer of the outside stands in the journal", "outside", "outside", "shop")
def answers_of_the_outside_not_recorded() -> AbstractContextManager[Any]:
    """Go on with what the outside answered and keep no record of it."""
    original = Region.take_in

    def take_in(self: Region, heard: Heard, unit: str) -> None:
        original(self, heard, unit)
        del self.entries[-1]

    return replace(Region, "take_in", take_in)


@bug("every try has the same key", "outside", "outside", "shop")
def keys_differ_by_attempt() -> AbstractContextManager[Any]:
    """Ask under a new key whenever somebody asks."""
    number = count()

    def key(secret: bytes, asker: RequestId, place: int) -> str:
        return outside_key(secret, asker, place + 1_000 * next(number))

    return replace(asking, "outside_key", key)


@bug("what led to the outside is durable before", "outside", "outside", "shop")
def outside_asked_too_early() -> AbstractContextManager[Any]:
    """Ask, and end the region afterwards."""
    original = asking.Asking.ask

    def ask(self: asking.Asking, effect: Any, args: bytes, place: int) -> Steps:
        later, end_region = [], self._end_region

        def not_yet(end: int) -> Steps:
            later.append(end)
            yield from ()

        self._end_region = not_yet
        try:
            yield from original(self, effect, args, place)
        finally:
            self._end_region = end_region
        for end in later:
            yield from end_region(end)

    return replace(asking.Asking, "ask", ask)


@bug("who does something outside has an intent", "outside", "outside", "shop")
def outside_asked_without_intent() -> AbstractContextManager[Any]:
    """Commit nothing before the outside is asked if nothing but the asking led there."""
    original = asking.Asking.ask

    def ask(self: asking.Asking, effect: Any, args: bytes, place: int) -> Steps:
        self._regions.anchored = True
        yield from original(self, effect, args, place)

    return replace(asking.Asking, "ask", ask)
