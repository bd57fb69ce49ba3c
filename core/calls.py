"""Calls of one attempt: which travel, which are effectful, and what became of them.

An *effectful* call leaves after the region before it is durable, under an id
derived from its place, and the callee remembers the answer. So answers survive
a rewind, and asking again is harmless.

A *travelling* call takes the region along and is void when the region is. Its
outcome is an input of the region and stands in the region's journal record.
Spawned ones run in parallel on the writes made before; they are taken in
("settled") in the order they were spawned, before user code does anything else,
and one that read what an earlier one wrote is run again after it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import reduce
from typing import Any

from msgspec.structs import replace

from core.asking import Asking
from core.bounds import Bounds
from core.effects import INNERMOST, Call, Future, Join, Outside, Spawn, Start
from core.errors import (
    Asleep,
    Cancelled,
    DefiniteFailure,
    Expired,
    FutureVersion,
    IdReused,
    Interrupted,
    StoreError,
    StoreUnavailable,
    TooOld,
    TransactionException,
    Unfamiliar,
    UnsupportedValue,
)
from core.journal import Called, digest
from core.messages import Failed, Outcome, Reply, Request, Returned, Travel
from core.ports import Effect, Receive, Send, Steps
from core.program import Method, Program
from core.regions import Regions
from core.scopes import Scopes
from core.writes import touches

__all__ = ["Calls", "Stuck", "UserError", "failed"]


_REWIND: dict[str, type[StoreError]] = {
    each.__name__: each for each in (TooOld, FutureVersion, StoreUnavailable)
}
"""Failures of a travelling call that a new read version mends."""

_FINAL = frozenset({"BadRequest", "SetAside", "TooLarge", "TooSlow"})
"""Failures of a call that no retry mends."""

_PASSED_ON = {"Expired": Expired, "IdReused": IdReused}
"""Failures of a call that say the same about the caller: they belong to the whole tree."""


def _is_settled(failure: Failed) -> bool:
    """Whether a failed call is known not to be under way any more."""
    return failure.kind in _FINAL or failure.kind in _PASSED_ON


def _rank(failure: Failed) -> int:
    """Of several failures the lowest is told: what is to be asked for again at once comes first.

    Then what goes on by itself. A tree that waits must not count as one that does while a part of
    it was broken off, or nobody would drive that before the others wake up.
    """
    return 1 if failure.kind == Asleep.__name__ else 2 * _is_settled(failure)


class UserError(Exception):
    """An exception to be raised in user code."""

    def __init__(self, exception: Exception | Cancelled) -> None:
        super().__init__()
        self.exception = exception


class Stuck(Exception):
    """A callee failed in a way that no retry mends."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__()
        self.failed = outcome


def told_asleep(asleep: Asleep) -> Failed:
    """What is told of a request that waits."""
    return Failed(
        Asleep.__name__,
        False,
        str(asleep),
        until=asleep.until,
        seen=asleep.seen,
        alarm=asleep.alarm,
        waiters=list(asleep.waiters),
    )


def _asleep(told: Failed) -> Asleep:
    return Asleep(told.until, told.seen, told.text, told.alarm, told.waiters)


def failed(error: Exception) -> Failed:
    """An error as the outcome of a request."""
    return Failed(type(error).__name__, isinstance(error, DefiniteFailure), str(error))


class _Departed:
    """A travelling call in flight; ``mark`` is how far the region's writes went along."""

    __slots__ = ("mark", "place", "request", "ticket")

    def __init__(self, place: int, request: Request, mark: int, ticket: int) -> None:
        self.place = place
        self.request = request
        self.mark = mark
        self.ticket = ticket


class Calls:
    """The calls of one attempt.

    :param bounds: what breaks waits off.
    :param travels: whether every call does: the request is itself part of a region elsewhere.
    :param where: names the user's statement that is being executed, for errors.
    :param end_region: makes durable what led to the place given, before a call leaves.
    :ivar pending: travelling calls not yet taken in, in order.
    :ivar deadline: that of the calls: the request's, until more time is owed.
    """

    def __init__(
        self,
        program: Program,
        request: Request,
        regions: Regions,
        scopes: Scopes,
        bounds: Bounds,
        travels: bool,
        where: Callable[[], str],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._program = program
        self._request = request
        self.deadline = request.deadline
        self._regions = regions
        self._scopes = scopes
        self._bounds = bounds
        self._all_travel = travels
        self._nobody_commits = travels and request.travel is None
        self._where = where
        self._end_region = end_region
        self.asking = Asking(program, request, regions, where, end_region)
        self._tickets: dict[int, int] = {}
        self._answers: dict[int, Outcome] = {}
        self.restart()

    def restart(self) -> None:
        """Begin a new execution: travelling calls are void, effectful ones are kept."""
        self.asking.restart()
        self.pending: list[_Departed] = []
        self._outcomes: dict[int, Outcome] = {}
        self._issued: list[int] = []

    # --- what user code asks for

    def call(self, effect: Call) -> Steps:
        """Call and wait: the result, or UserError."""
        yield from self.settle()
        place = self._regions.take_place()
        args = self.encode(effect)
        if self._travels(effect):
            yield from self._depart(effect, args, place)
            yield from self.settle()
        else:
            last = effect.last and not self._outstanding()
            yield from self._issue(effect, args, place, last)
            yield from self._receive([place])
        return self._deliver(place)

    def spawn(self, effect: Spawn) -> Steps:
        """Start a call: a Future."""
        travels = self._travels(effect)
        if not travels:
            yield from self.settle()
        place = self._regions.take_place()
        args = self.encode(effect)
        if travels:
            yield from self._depart(effect, args, place)
        else:
            yield from self._issue(effect, args, place, last=False)
        return Future(place)

    def join(self, effect: Join) -> Steps:
        """Wait for futures: the list of results, or UserError with the first exception."""
        yield from self.settle()
        places = [future.place for future in effect.futures]
        yield from self._receive([place for place in places if place not in self._outcomes])
        self._outcomes.update((yield from self.asking.hear(places)))
        return [self._deliver(place) for place in places]

    def ask(self, effect: Outside) -> Steps:
        """Ask the outside: the answer, or UserError; or a Future."""
        yield from self.settle()
        if self._all_travel or self._scopes:  # for another revision it does not ask
            raise Unfamiliar(
                f"{self._where()}: it asks {effect.function}, and was called inside a transaction"
            )
        place = self._regions.take_place()
        args = self._encode_outside(effect)
        yield from self.asking.ask(effect, args, place)
        if not effect.waits:
            return Future(place)
        self._outcomes.update((yield from self.asking.hear([place])))
        return self._deliver(place)

    def _encode_outside(self, effect: Outside) -> bytes:
        found = self._program.outside.get(effect.function)
        if found is None:
            raise Unfamiliar(f"{self._where()}: there is no outside function {effect.function}")
        try:
            found.check(*effect.args, **effect.kwargs)
            return self._program.codec.encode((effect.args, effect.kwargs))
        except (TypeError, UnsupportedValue) as error:
            raise UserError(error) from None

    def _outstanding(self) -> bool:
        """Whether a call has no answer yet, so that the tree may still commit because of it."""
        return self.asking.is_open or any(place not in self._answers for place in self._issued)

    def receive_all(self) -> Steps:
        """Wait for the effectful calls that nobody joined."""
        yield from self._receive(self._issued)

    def drain(self) -> Steps:
        """Before giving up: wait for what is under way, to know whether it left anything."""
        self.pending = []
        while True:
            try:
                yield from self.receive_all()
            except Stuck:
                continue  # that one is no longer under way
            return

    def encode(self, effect: Call | Spawn | Start) -> bytes:
        """The arguments of a call as they are sent, or UserError."""
        args, kwargs = effect.args, effect.kwargs
        try:
            self._program.fit(effect.service, effect.method, args, kwargs)
            return self._program.codec.encode((args, kwargs))
        except (TypeError, UnsupportedValue) as error:
            raise UserError(error) from None

    def _deliver(self, place: int) -> Any:
        outcome = self._outcomes.get(place) or self._answers[place]
        codec = self._program.codec
        assert not isinstance(outcome, Failed)
        try:
            if isinstance(outcome, Returned):
                return codec.decode(outcome.value)
            exception = codec.decode_exception(outcome)
        except UnsupportedValue as error:
            raise Unfamiliar(f"{self._where()}: {error}") from None
        if isinstance(exception, TransactionException):
            self._scopes.roll_back(INNERMOST)  # the transaction around it is undone
        if isinstance(exception, Cancelled):
            exception = self._bounds.arrived(place, exception)
        raise UserError(exception)

    def _travels(self, effect: Call | Spawn) -> bool:
        if self._all_travel or self._scopes:
            return True
        callee: Method | None = self._program.method(effect.service, effect.method)
        return callee is not None and callee.facts.read_only

    def _derive(self, effect: Call | Spawn, args: bytes, place: int, last: bool) -> Request:
        caller, bounds = self._request, self._bounds.inherit(place)
        return Request(
            caller.id.child(place),
            effect.service,
            effect.method,
            args,
            caller.origin,
            None,
            self._regions.intent_recorded,
            last and caller.last,
            self.deadline,
            asker=self._program.revision,
            shielded=bounds.shielded,
            timeouts=bounds.timeouts,
        )

    # --- effectful calls (rules 2 to 5)

    def _issue(self, effect: Call | Spawn, args: bytes, place: int, last: bool) -> Steps:
        """Commit the region before the call, then send it, once per attempt."""
        yield from self._end_region(place)
        self._issued.append(place)
        request = self._derive(effect, args, place, last)  # each execution, for the bounds' sake
        if place not in self._tickets:
            self._tickets[place] = yield Send(request)

    def _receive(self, places: list[int]) -> Steps:
        waiting = [p for p in places if p not in self._answers and p in self._tickets]
        if not waiting:
            return
        replies: list[Reply] = yield Receive(tuple(self._tickets[place] for place in waiting))
        failures = []
        for place, reply in zip(waiting, replies, strict=True):
            self._regions.intent_recorded |= reply.intent_recorded
            self._regions.intent_cleared |= reply.intent_cleared
            if isinstance(reply.outcome, Failed):
                del self._tickets[place]
                failures.append(reply.outcome)
            else:
                self._answers[place] = reply.outcome
        for failure in sorted(failures, key=lambda each: (_rank(each), each.until)):
            if failure.kind == Asleep.__name__:
                raise reduce(Asleep.with_, (_asleep(each) for each in failures if each.until))
            self._give_up(failure)

    def _give_up(self, failure: Failed) -> None:
        if failure.kind in _FINAL:
            raise Stuck(failure)
        raise _PASSED_ON.get(failure.kind, Interrupted)(failure.text)

    # --- travelling calls (rule 6)

    def _depart(self, effect: Call | Spawn, args: bytes, place: int) -> Steps:
        region = self._regions.present
        request = self._derive(effect, args, place, last=False)
        if region.record is None:
            yield from self._regions.open()
            departed = yield from self._send(place, request)
        else:
            departed = _Departed(place, request, 0, -1)
        self.pending.append(departed)

    def _send(self, place: int, request: Request) -> Generator[Effect, Any, _Departed]:
        """Send the region along, as it is now."""
        region = self._regions.present
        travel = Travel(region.version, region.writes.all())
        ticket = yield Send(replace(request, travel=travel))
        return _Departed(place, request, region.writes.mark(), ticket)

    def settle(self) -> Steps:
        """Take in the travelling calls in flight, in the order they were spawned."""
        if not self.pending:
            return
        pending, self.pending = self.pending, []
        region = self._regions.present
        if region.record is None and not region.checked:
            yield from self._regions.read()  # the journal, while the calls are under way
        if region.record is not None:
            for departed in pending:
                request = departed.request
                asked = Called(request.service, request.method, digest(request.args), _NOTHING)
                outcome = region.replay(asked, self._where).outcome
                self._outcomes[departed.place] = outcome
            return
        replies = yield Receive(tuple(departed.ticket for departed in pending))
        for departed, reply in zip(pending, replies, strict=True):
            yield from self._take_in(departed, reply)

    def _take_in(self, departed: _Departed, reply: Reply) -> Steps:
        """Merge what a callee did; run it again if it missed what an earlier one wrote."""
        region = self._regions.present
        while True:
            outcome, travelled = reply.outcome, reply.travelled
            if isinstance(outcome, Failed):
                if outcome.kind in _REWIND:
                    raise _REWIND[outcome.kind](outcome.text)
                self._give_up(outcome)
            assert travelled is not None
            if self._nobody_commits and travelled.writes:
                callee = f"{departed.request.service}.{departed.request.method}"
                raise Unfamiliar(f"{self._where()}: {callee} is read-only here, and has written")
            seen = travelled.reads + travelled.overlaid
            if not touches(region.writes.since(departed.mark), seen):
                break
            departed = yield from self._send(departed.place, departed.request)
            (reply,) = yield Receive((departed.ticket,))
        region.merge(travelled)
        request = departed.request
        args = digest(request.args)
        region.entries.append(Called(request.service, request.method, args, outcome))
        self._outcomes[departed.place] = outcome


_NOTHING = Returned(b"")
