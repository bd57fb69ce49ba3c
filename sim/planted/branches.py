"""Breaking rule 6: travelling calls side by side and inside one another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from msgspec.structs import replace as with_fields

from core.calls import Calls
from core.messages import Raised, Reply, Request, Travel, Travelled
from core.ports import Receive, Send
from core.region import Region
from core.scopes import Scopes
from sim.planted.bug import Steps, bug, replace


def _change_replies(
    change: Callable[[Reply], Reply], again_only: bool = False
) -> AbstractContextManager[Any]:
    """Let ``change`` edit the replies of travelling calls, or only of those that are run again."""
    original = Calls._take_in

    def take_in(self: Calls, departed: Any, reply: Reply) -> Steps:
        steps: Any = original(self, departed, reply if again_only else change(reply))
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration:
                return
            answer = yield effect
            if isinstance(effect, Receive):
                answer = [change(each) for each in answer]

    return replace(Calls, "_take_in", take_in)


def _without(field: str) -> Callable[[Reply], Reply]:
    """Empty a field of what a callee brings back."""
    nothing: dict[str, Any] = {field: []}

    def change(reply: Reply) -> Reply:
        if reply.travelled is None:
            return reply
        return with_fields(reply, travelled=with_fields(reply.travelled, **nothing))

    return change


@bug("a branch run again is in conflict with what it read", "strict_serializable", "contention",
     "warehouse")  # fmt: skip
def reads_of_a_branch_run_again_forgotten() -> AbstractContextManager[Any]:
    """Take over what it wrote only."""
    return _change_replies(_without("reads"), again_only=True)


@bug("what a branch read from the writes sent along may change, too", "reference", "smoke",
     "warehouse")  # fmt: skip
def reads_of_earlier_writes_not_compared() -> AbstractContextManager[Any]:
    """Run a branch again only if an earlier one wrote what it read from the store."""
    return _change_replies(_without("overlaid"))


@bug("so may what the branch's own callees read of them", "reference", "smoke", "warehouse")
def reads_of_earlier_writes_below_not_compared() -> AbstractContextManager[Any]:
    """Forget, in a callee, what its own callees read from the writes sent along."""
    original = Region.merge

    def merge(self: Region, travelled: Travelled) -> None:
        original(self, with_fields(travelled, overlaid=[]))

    return replace(Region, "merge", merge)


@bug("a call takes along all writes, those of its caller's caller as well", "reference", "smoke",
     "warehouse")  # fmt: skip
def writes_of_the_callers_caller_not_sent() -> AbstractContextManager[Any]:
    """Send along what the caller itself has written."""
    original = Calls._send

    def send(self: Calls, place: int, request: Request) -> Steps:
        steps = original(self, place, request)
        effect: Any = next(steps)
        region = self._regions.present
        ticket = yield Send(
            with_fields(effect.request, travel=Travel(region.version, region.writes.own()))
        )
        try:
            steps.send(ticket)
        except StopIteration as sent:
            return sent.value
        raise AssertionError("a call is sent once")

    return replace(Calls, "_send", send)


@bug("branches are taken in in the order they were spawned", "reference", "smoke", "warehouse")
def branches_taken_in_backwards() -> AbstractContextManager[Any]:
    """Begin with the last."""
    original = Calls.settle

    def settle(self: Calls) -> Steps:
        if self._regions.present.record is None:
            self.pending.reverse()
        yield from original(self)

    return replace(Calls, "settle", settle)


@bug("an exception undoes nothing by itself", "reference", "smoke", "warehouse")
def exceptions_of_callees_undo_their_writes() -> AbstractContextManager[Any]:
    """Drop what a travelling callee wrote before it raised."""
    drop = _without("writes")
    return _change_replies(lambda r: drop(r) if isinstance(r.outcome, Raised) else r)


@bug("an abort in a callee undoes the transaction around the call", "reference", "smoke",
     "warehouse")  # fmt: skip
def aborts_of_callees_undo_nothing() -> AbstractContextManager[Any]:
    """Raise the exception in the caller, and that is all."""
    original = Calls._deliver

    def deliver(self: Calls, place: int) -> Any:
        with replace(Scopes, "roll_back", lambda *_: None):
            return original(self, place)

    return replace(Calls, "_deliver", deliver)
