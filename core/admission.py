"""Going in and out of a line: what a request with a queue does before it begins and when it ends.

It happens before the method's first statement, and costs no commit where there is room: who goes in
writes so with the first region, and who goes out with the answer. Where these are one region, it
was in for no time, and all that is left of it is that there was room. Who finds none takes a turn,
in a commit that has the tree's intent, and ends (:class:`core.errors.Asleep`); called, or asked for
again, it looks again.

Whether there is room is no input: nothing of it stands in the journal, and the program goes on in
the same way, sooner or later. What every execution looks at is the request's place in the store. So
a request that was set aside, and has lost its place, stands in line again once it is resumed.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any

from msgspec.structs import replace

from core.bounds import REQUEST, Bounds
from core.calls import UserError
from core.errors import Asleep, Interrupted
from core.journal import METHOD_END
from core.layout import (
    alarm_key,
    cancelled_key,
    intent_key,
    journal_key,
    journal_range,
    line_key,
    place_key,
    resting_key,
    turn_key,
    turns_before,
)
from core.lines import (
    IN,
    Line,
    Place,
    Waiter,
    calls,
    decode_line,
    decode_place,
    encode,
    named,
    put,
    waiters,
)
from core.messages import Request
from core.ports import Commit, Due, Effect, Now, Steps
from core.program import Method, Program, Queue
from core.region import Region
from core.regions import Regions
from core.store import Clear, KeyRange, Mutation, Set, point

__all__ = ["IN_TRANSACTION", "Admission", "admission"]

IN_TRANSACTION = "its method has a queue, and it was called inside a transaction"
"""What is told of a request that would have to wait where nobody waits."""
_LOOK_AGAIN_NS = 600 * 10**9
"""When who waits looks again if nobody calls: if another revision has done away with the queue."""


def admission(
    program: Program,
    method: Method,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    request: Request,
    regions: Regions,
    bounds: Bounds,
) -> Admission | None:
    """What lets a request in; None: its method has no queue."""
    queue = method.queue
    if queue is None:
        return None
    bound = method.check(*args, **kwargs)
    assert isinstance(bound, inspect.BoundArguments)
    bound.apply_defaults()
    value = program.codec.encode(bound.arguments[queue.per]) if queue.per else b""
    key = line_key(queue.name, value)
    return Admission(queue, key, named(queue, bound), request, regions, bounds)


class Admission:
    """One request's way in and out.

    :param line: the key of the line; ``name`` as people read it.
    """

    def __init__(
        self,
        queue: Queue,
        line: bytes,
        name: str,
        request: Request,
        regions: Regions,
        bounds: Bounds,
    ) -> None:
        self._queue = queue
        self._line = line
        self._name = name
        self._request = request.id
        self._asker = request.asker
        self._place = place_key(request.id)
        self._regions = regions
        self._bounds = bounds
        self._found: Line | None = None
        self._after: Line | None = None
        self._turn: tuple[bytes, Waiter] | None = None
        self._gives_up = False

    def enter(self) -> Steps:
        """Go in, with the present region, unless the request is in already.

        :raises Asleep: there is no room; it has a turn.
        :raises UserError: it is broken off before it begins.
        """
        self._after = self._turn = None
        self._gives_up = False
        regions, root = self._regions, self._request.root
        intents = (intent_key(root), resting_key(root))
        asked = (self._line, self._place, *intents, cancelled_key(root))
        (*values, mark), _ = yield from regions.read(asked)
        self._found, place = decode_line(values[0]), decode_place(values[1])
        if place is not None:
            regions.compare(place.fingerprint, place.asker)
            if place.line != self._line:  # a revision that knows another queue gave it
                self._line = place.line
                (found, *_), _ = yield from regions.read((self._line,))
                self._found = decode_line(found)
        regions.intent_recorded = any(value is not None for value in values[2:])
        if place is not None and place.turn == IN:
            return
        now = yield from self._now()
        line = self._found or Line(self._name)
        before = yield from self._ahead(line, place)
        reads = [point(self._line), point(self._place), *map(point, intents)]
        if regions.present.record is None and self._bounds.heeds:
            reads.append(point(cancelled_key(root)))
            if mark is not None:
                self._give_up(reads, REQUEST)
        if before < line.room(self._queue, now):
            yield from self._go_in(line, now, reads)
        else:
            yield from self._wait(line, before, now, reads)

    def _at(self, turn: int) -> bytes:
        """The request's place, as it is stored."""
        return encode(Place(self._line, turn, self._regions.fingerprint, self._asker))

    def _now(self) -> Steps:
        return (yield Now(f"{self._regions.present.unit}.line"))

    def _ahead(self, line: Line, place: Place | None) -> Generator[Effect, Any, int]:
        """How many wait before the request, as far as it matters."""
        if place is None:
            return line.waiting
        own = turn_key(place.line, place.turn)
        most = self._queue.limit + self._queue.starts
        ahead = (*turns_before(place.line, place.turn), most)
        _, (first, found) = yield from self._regions.read((), ((own, own + b"\x00", 1), ahead))
        ((_, waiter),) = waiters(first)
        self._turn = own, waiter
        return len(found)

    # --- in

    def _go_in(self, line: Line, now: int, reads: list[KeyRange]) -> Steps:
        region = self._regions.present
        self._after = line.let_in(self._queue, self._request, now)
        if self._turn is not None:
            key, _ = self._turn
            self._after = replace(self._after, waiting=line.waiting - 1)
            reads.append(point(key))
        if region.record is None:
            region.reads += reads
            region.dirty = True
            return
        more, mutations = yield from self._entered(now)  # it was in before, and was set aside
        yield self._commit(region.version, [*reads, *more], mutations)
        self._after = self._turn = None

    def _entered(self, now: int) -> Generator[Effect, Any, tuple[list[KeyRange], list[Mutation]]]:
        """What is written of going in, and calls whom there is room for besides."""
        assert self._after is not None
        reads, mutations = yield from self._let_in(self._after, now)
        mutations += [*put(self._line, self._found, self._after), *self._turned()]
        mutations.append(Set(self._place, self._at(IN)))
        return reads, mutations

    def _turned(self) -> list[Mutation]:
        """What is written of a turn that has come."""
        if self._turn is None:
            return []
        key, waiter = self._turn
        alarm = alarm_key(waiter.alarm, self._request.root)
        return [Clear(key), *([Clear(alarm)] if waiter.alarm else [])]

    def _let_in(
        self, line: Line, now: int
    ) -> Generator[Effect, Any, tuple[list[KeyRange], list[Mutation]]]:
        """Call those for whom there is room; or the first one, for when the rate has some."""
        if not line.waiting or line.is_full(self._queue):
            return [], []
        room = line.room(self._queue, now)
        own = self._turn[0] if self._turn is not None else b""
        asked = (*turns_before(self._line), max(room, 1) + 1)
        _, (pairs,) = yield from self._regions.read((), (asked,))
        others = [each for each in waiters(pairs) if each[0] != own][: max(room, 1)]
        return calls(others, 0 if room else line.opens(self._queue), now)

    # --- waiting

    def _wait(self, line: Line, before: int, now: int, reads: list[KeyRange]) -> Steps:
        """Take a turn, or keep it.

        :raises UserError: the time of a timeout around is over.
        :raises Asleep: otherwise.
        """
        region, root, alarm = self._regions.present, self._request.root, now + _LOOK_AGAIN_NS
        if before == 0 and not line.is_full(self._queue):
            alarm = line.opens(self._queue)
        ends = self._bounds.next(None) if region.record is None else None
        if ends is not None:
            time, number = ends
            if (yield Due(time)):
                assert number is not None
                self._give_up(reads, number)
            alarm = min(alarm, time)
        told = f"the request is in line for {self._name} and goes on when it is its turn"
        if self._turn is None:
            turn = line.last + 1
            key = turn_key(self._line, turn)
            line = replace(line, waiting=line.waiting + 1, last=turn)
            mutations = [*put(self._line, self._found, line), *self._regions.intent(last=False)]
            mutations.append(Set(self._place, self._at(turn)))
        else:
            key, waiter = self._turn
            if waiter.alarm > now:
                raise Asleep(waiter.alarm, region.version, told)
            reads.append(point(key))
            mutations = [Clear(alarm_key(waiter.alarm, root))] if waiter.alarm else []
        mutations += [Set(key, encode(Waiter(self._request, alarm)))]
        mutations.append(Set(alarm_key(alarm, root), b""))
        yield self._commit(region.version, reads, mutations)
        self._regions.intent_recorded = True
        raise Asleep(alarm, region.version, told)

    def _give_up(self, reads: list[KeyRange], number: int) -> None:
        """Wait no longer: a bound is reached (:mod:`core.bounds`).

        :raises UserError: always.
        """
        self._gives_up = True
        if self._turn is not None:
            reads.append(point(self._turn[0]))
        _take_in(self._regions.present, reads, [])
        raise UserError(self._bounds.left(self._bounds.reach(number)))

    def _commit(self, version: int, reads: list[KeyRange], mutations: list[Mutation]) -> Commit:
        """A commit that is no region of the program: nothing of it has to be done again."""
        regions, own = self._regions, self._request
        journal = KeyRange(journal_key(own, regions.present.place), journal_range(own).end)
        unit = (f"{regions.present.unit}.line",)
        return Commit(None, 0, METHOD_END, unit, version, [*reads, journal], mutations)

    # --- out

    def before(self, end: int) -> Steps:
        """Before the present region is committed: go in or out with it."""
        region = self._regions.present
        if region.record is not None:
            return
        if end == METHOD_END:
            yield from self._go_out()
        elif self._after is not None:
            now = yield from self._now()
            reads, mutations = yield from self._entered(now)
            self._after = self._turn = None
            _take_in(region, reads, mutations)
        else:
            region.reads.append(point(self._place))

    def _go_out(self) -> Steps:
        """:raises Interrupted: its tree was set aside meanwhile, and it is not in any more."""
        regions, line, mutations = self._regions, self._after, self._turned()
        reads: list[KeyRange] = []
        if self._gives_up:
            if self._turn is None:
                return
            assert self._found is not None
            line = self._after = replace(self._found, waiting=self._found.waiting - 1)
        if line is None:
            values, _ = yield from regions.read((self._line, self._place))
            if regions.present.record is not None:
                return
            self._found, place = decode_line(values[0]), decode_place(values[1])
            line = self._found
            if place is None or place.turn != IN:
                raise Interrupted(f"it has lost its place in the line for {self._name}")
            reads.append(point(self._place))
            if self._queue.limit:
                reads.append(point(self._line))
        if self._turn is not None or self._after is None:
            mutations.append(Clear(self._place))
        if line is not None and (self._queue.limit or self._after is not None):
            line = line.without(self._request)
            now = yield from self._now()
            more, called = yield from self._let_in(line, now)
            reads += more
            mutations += [*put(self._line, self._found, line), *called]
        _take_in(regions.present, reads, mutations)


def _take_in(region: Region, reads: list[KeyRange], mutations: list[Mutation]) -> None:
    """Commit more with a region."""
    region.reads += reads
    for mutation in mutations:
        region.writes.add(mutation)
    region.dirty = True
