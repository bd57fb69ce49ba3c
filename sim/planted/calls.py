"""Breaking rules 2, 3 and 6: what a call is asked for, and what is kept of its answer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace as with_fields

from core.calls import Calls
from core.journal import METHOD_END
from core.messages import Outcome, Reply, Request
from core.ports import ReadVersion, Send
from core.regions import Regions
from sim.planted.bug import Steps, bug, replace


@bug("a call is known by its place, not by what it asks", "reference", "smoke", "parcels")
def equal_calls_are_one() -> AbstractContextManager[Any]:
    """Give a call that asks for the same as an earlier one the earlier one's id."""
    original = Calls._derive

    def derive(self: Calls, effect: Any, args: bytes, place: int, last: bool) -> Request:
        places = self.__dict__.setdefault("_places", {})
        first = places.setdefault((effect.service, effect.method, args), place)
        return original(self, effect, args, first, last)

    return replace(Calls, "_derive", derive)


@bug("what a read-only callee answered is journaled", "determinism", "smoke", "parcels")
def answers_of_read_only_calls_not_journaled() -> AbstractContextManager[Any]:
    """Leave the answers of calls outside of transactions out of the record."""
    original = Calls._take_in

    def take_in(self: Calls, departed: Any, reply: Reply) -> Steps:
        yield from original(self, departed, reply)
        if not self._scopes and not self._all_travel:
            self._regions.present.entries.pop()

    return replace(Calls, "_take_in", take_in)


@bug("a region that wrote nothing is journaled, too", "exactly_once", "smoke", "library")
def regions_that_only_read_not_journaled() -> AbstractContextManager[Any]:
    """Let a call leave without a commit where nothing was written before it."""
    original = Regions.end

    def end(self: Regions, end: int, outcome: Outcome | None = None) -> Steps:
        present = self.present
        if end != METHOD_END and present.record is None and not present.writes.own():
            self._begin(self._place)
            return False
        return (yield from original(self, end, outcome))

    return replace(Regions, "end", end)


@bug("a read-only callee reads at its caller's version", "strict_serializable", "smoke", "parcels")
def read_only_calls_at_a_fresh_version() -> AbstractContextManager[Any]:
    """Send calls outside of transactions with a read version of their own."""
    original = Calls._send

    def send(self: Calls, place: int, request: Request) -> Steps:
        fresh: int = yield ReadVersion()
        steps = original(self, place, request)
        effect: Any = next(steps)
        travel = effect.request.travel
        if not self._scopes and not self._all_travel:
            travel = with_fields(travel, version=fresh)
        ticket = yield Send(with_fields(effect.request, travel=travel))
        try:
            steps.send(ticket)
        except StopIteration as sent:
            return sent.value
        raise AssertionError("a call is sent once")

    return replace(Calls, "_send", send)
