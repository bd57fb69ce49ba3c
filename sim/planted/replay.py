"""Breaking rules 8 and 9: replay, unknown commits, and the two kinds of failure."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from core import attempt, calls
from core.effects import Spawn
from core.errors import DefiniteFailure
from core.ids import RequestId, request_random
from core.messages import Failed
from core.ports import Send
from core.regions import Regions
from sim.planted.bug import Steps, bug, everywhere, replace


@bug("random numbers come from the request's id", "determinism", "crash", "hotel")
def random_not_derived() -> AbstractContextManager[Any]:
    """Draw anew on every execution."""
    fresh = iter(range(1 << 40))

    def request_stream(request: RequestId) -> Any:
        return request_random(RequestId(request.root, (*request.path, 10**9 + next(fresh))))

    return replace(attempt, "request_random", request_stream)


@bug("an unknown commit is looked up", "exactly_once", "unknown_commit", "counter")
def unknown_commit_assumed_lost() -> AbstractContextManager[Any]:
    """After a refused or unknown commit, go on as if the journal could not hold it."""
    original = Regions.read

    def read(self: Regions, keys: Any = (), ranges: Any = ()) -> Steps:
        if self._units > 1:
            self.present.checked = True
        return (yield from original(self, keys, ranges))

    return replace(Regions, "read", read)


@bug("nobody is told that nothing happened unless it is so", "liveness", "crash", "hotel")
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
        if isinstance(effect, Spawn) and request_random(identity).randrange(20) == 0:
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
