"""Breaking rules 8 and 9: replay, unknown commits, turns, and the two kinds of failure."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from compiler.machine.execution import Execution
from core import attempt, calls, effects
from core.chance import request_chance
from core.effects import Spawn
from core.errors import Conflict, DefiniteFailure, TooOld
from core.ids import RequestId
from core.journal import Ticked
from core.messages import Failed, Outcome
from core.ports import ReadVersion, Send
from core.region import Region
from core.regions import Regions
from core.sets import OrderedSet
from core.slowness import Slowness
from core.turns import Turns
from sim.planted.bug import Steps, bug, everywhere, replace


@bug("random numbers come from the request's id", "determinism", "crash", "hotel")
def random_not_derived() -> AbstractContextManager[Any]:
    """Draw anew on every execution."""
    fresh = iter(range(1 << 40))

    def request_stream(secret: bytes, request: RequestId) -> Any:
        return request_chance(secret, RequestId(request.root, (*request.path, 10**9 + next(fresh))))

    return replace(attempt, "request_chance", request_stream)


@bug("chance is keyed with the deployment's secret", "reference", "smoke", "hotel")
def chance_follows_from_the_id() -> AbstractContextManager[Any]:
    """Draw what a client can compute, who chose the id."""

    def follows(_: bytes, request: RequestId) -> Any:
        return request_chance(b"", request)

    return replace(attempt, "request_chance", follows)


@bug("what a library reads is recorded", "determinism", "crash", "tests/sim/letters.py")
def readings_of_libraries_not_journaled() -> AbstractContextManager[Any]:
    """Let libraries read a clock of their own."""
    ticks = iter(range(10**18, 1 << 62, 10**10))
    return replace(Execution, "clock", lambda _: next(ticks))


@bug("an unknown commit is looked up", "exactly_once", "unknown_commit", "counter")
def unknown_commit_assumed_lost() -> AbstractContextManager[Any]:
    """After a refused or unknown commit, go on as if the journal could not hold it."""
    original = Regions.read

    def read(self: Regions, keys: Any = (), ranges: Any = ()) -> Steps:
        if self._units > 1:
            self.present.checked = True
        return (yield from original(self, keys, ranges))

    return replace(Regions, "read", read)


@bug("only what no retry mends becomes a verdict", "liveness", "unknown_commit", "hotel")
def passing_trouble_becomes_a_verdict() -> AbstractContextManager[Any]:
    """Take the first read version that grew old for a region that always takes too long."""

    def failed(self: Slowness, error: Exception, _: Region) -> Steps:
        self._times = 5 if isinstance(error, TooOld) else 0
        yield from ()

    return replace(Slowness, "failed", failed)


@bug("nobody is told that nothing happened unless it is so", "exactly_once", "crash", "hotel")
def indefinite_told_as_definite() -> AbstractContextManager[Any]:
    """Tell a client whose request was interrupted that it failed."""
    original = calls.failed

    def failed(error: Exception) -> Failed:
        outcome = original(error)
        return Failed(DefiniteFailure.__name__, True, outcome.text)

    return everywhere(original, failed)


@bug(
    "every answer goes to the call it belongs to",
    "reference",
    "smoke",
    "tests/experiment/checks/errands.py",
)
def answers_of_gathered_calls_swapped() -> AbstractContextManager[Any]:
    """Hand out the answers of a join in the wrong order."""
    original = calls.Calls.join

    def join(self: calls.Calls, effect: Any) -> Steps:
        return (yield from original(self, effect))[::-1]

    return replace(calls.Calls, "join", join)


@bug("a call that nobody awaits is made all the same", "exactly_once", "crash",
     "tests/experiment/checks/errands.py")  # fmt: skip
def calls_that_nobody_awaits_forgotten() -> AbstractContextManager[Any]:
    """Answer without waiting for them."""

    def receive_all(_: calls.Calls) -> Steps:
        yield from ()

    return replace(calls.Calls, "receive_all", receive_all)


@bug("every call that nobody awaits is made", "reference", "smoke",
     "tests/experiment/checks/errands.py")  # fmt: skip
def one_unawaited_call_in_twenty_dropped() -> AbstractContextManager[Any]:
    """Send some of the spawned calls when somebody awaits them, and never otherwise."""
    issue, receive = calls.Calls._issue, calls.Calls._receive

    def drops(self: calls.Calls, effect: Any, args: bytes, place: int, last: bool) -> Steps:
        identity = self._request.id.child(place)
        if isinstance(effect, Spawn) and request_chance(b"", identity).randrange(20) == 0:
            yield from self._end_region(place)
            request = self._derive(effect, args, place, last)
            vars(self).setdefault("kept_back", {})[place] = request
        else:
            yield from issue(self, effect, args, place, last)

    def sends(self: calls.Calls, places: list[int]) -> Steps:
        kept_back = vars(self).get("kept_back", {})
        for place in places:
            if place in kept_back and place not in self._tickets:
                self._tickets[place] = yield Send(kept_back[place])
        yield from receive(self, places)

    return mock.patch.multiple(calls.Calls, _issue=drops, _receive=sends)


@bug("clock readings are replayed in their order", "determinism", "smoke", "parcels")
def clock_replayed_from_its_first_reading() -> AbstractContextManager[Any]:
    """Answer every reading of a region with its first."""
    original = Region.replay

    def again(self: Region, asked: Any, where: Any) -> Any:
        found = original(self, asked, where)
        if not isinstance(found, Ticked) or self.record is None:
            return found
        return next(entry for entry in self.record.entries if isinstance(entry, Ticked))

    return replace(Region, "replay", again)


@bug("random numbers begin anew with each execution", "determinism", "contention", "warehouse")
def random_goes_on_after_a_conflict() -> AbstractContextManager[Any]:
    """Keep the stream when the method is run again."""
    original = attempt.Attempt._random_stream

    def stream(self: attempt.Attempt, effect: effects.Random) -> Steps:
        kept = self.__dict__.get("_kept")
        if kept is None:
            kept = self.__dict__["_kept"] = yield from original(self, effect)
        return kept

    return mock.patch.dict(attempt._HANDLERS, {effects.Random: stream})


@bug("after a conflict the method is run again", "strict_serializable", "contention", "warehouse")
def conflicts_committed_once_more() -> AbstractContextManager[Any]:
    """Commit the same at a new version."""
    original = Regions._commit

    def commit(self: Regions, end: int, outcome: Outcome | None) -> Steps:
        try:
            yield from original(self, end, outcome)
        except Conflict:
            self.present.version = yield ReadVersion()
            yield from original(self, end, outcome)

    return replace(Regions, "_commit", commit)


@bug("attempts that contend for a key take turns", "goodput rate>2000/s", "contention", "hotspot")
def turns_not_taken() -> AbstractContextManager[Any]:
    """Let whoever lost a conflict back off, each for itself."""
    return replace(Turns, "take", lambda *_: False)


@bug("a set has one order, whoever goes through it", "determinism", "smoke", "library")
def order_of_sets_differs() -> AbstractContextManager[Any]:
    """Go through sets as Python does: by hashes, which differ between processes."""
    plain: Any = set
    return replace(OrderedSet, "__iter__", lambda elements: plain.__iter__(elements))
