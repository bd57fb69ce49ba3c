"""Waiting at a place of a method: for what is not there yet, or for a time.

Whoever waits holds nothing. The region before the wait is durable first, and with it whatever
has the request driven again: the alarm of its time, and what it registers for whoever brings what
it waits for. Then the store is read, together with the mark of a tree that is cancelled
(:mod:`core.cancelling`). If nothing is there and it is not time, neither its own nor that of a
timeout around (:mod:`core.bounds`), the attempt ends (:class:`core.errors.Asleep`), and the next
one comes here again. What ended the wait is an input of the region that follows, and stands in its
journal record: so every execution goes on in the same way, whatever is there by then (rule 12).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from core.bounds import REQUEST, Bounds
from core.calls import Calls, UserError
from core.errors import Asleep, Unfamiliar
from core.journal import Waited
from core.layout import alarm_key, cancelled_key
from core.messages import Request
from core.ports import Due, Effect, Now, Steps
from core.readable import awaited_by
from core.regions import Regions
from core.scopes import Scopes
from core.store import Clear, KeyRange, Pairs, Set, point

__all__ = ["Awaited", "Waits"]

_LOOK_AGAIN_NS = 1_000_000_000
"""When who waits for something is to be asked again, if nothing wakes it before."""


_BEGINNING = -1
"""The place of the wait with which a request begins that was started."""


class Awaited(NamedTuple):
    """What a request waits for, in the store.

    :ivar ranges: what is read of it: ``(begin, end, limit)`` each.
    :ivar find: what the program is given, from the pairs of the ranges; None: it is not there yet.
    :ivar inputs: what the answer follows from, with which the region is in conflict.
    :ivar waiter: the key under which it is registered, as long as it waits, that the request does.
    """

    ranges: Sequence[tuple[bytes, bytes, int]]
    find: Callable[[list[Pairs]], bytes | None]
    inputs: Sequence[KeyRange]
    waiter: bytes


class Waits:
    """The waits of one attempt.

    :ivar bounds: what breaks waits off.
    :param travels: whether the request is part of a region elsewhere.
    :param where: names the user's statement that is being executed, for errors.
    :param end_region: makes durable what led to the place given.
    """

    def __init__(
        self,
        request: Request,
        regions: Regions,
        scopes: Scopes,
        calls: Calls,
        bounds: Bounds,
        travels: bool,
        where: Callable[[], str],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._request = request
        self._regions = regions
        self._scopes = scopes
        self._calls = calls
        self.bounds = bounds
        self._travels = travels
        self._where = where
        self._end_region = end_region

    def prepare(self, what: str) -> Steps:
        """Before a wait: see that it may be one, and let the calls under way come back.

        :param what: what the request does there, for whoever called it where it may not.
        """
        yield from self._calls.settle()
        if self._travels or self._scopes:  # to another revision it does not wait
            raise Unfamiliar(f"{self._where()}: it {what}, and was called inside a transaction")
        yield from self._calls.asking.hear_all()  # keys are not kept for as long as it may wait

    def wait(
        self, place: int, awaited: Awaited | None = None, until: int | None = None
    ) -> Generator[Effect, Any, bytes | None]:
        """End the region before ``place``, and go on once there is a reason to.

        Whoever brings what is awaited sets the alarm of the tree in the same commit, and takes
        away that it waits.

        :param until: when it goes on in any case, in Unix nanoseconds; None: never.
        :returns: what was found; None: the time has come.
        :raises UserError: it was broken off.
        :raises Asleep: nothing of that; it is asked again.
        """
        ends = self.bounds.next(until)
        region = self._regions.present
        if ends is not None:
            region.writes.add(Set(alarm_key(ends[0], self._request.id.root), b""))
            region.dirty = True
        if awaited is not None:
            region.writes.add(Set(awaited.waiter, b""))
            region.dirty = True
        yield from self._end_region(place)
        return (yield from self._look(place, awaited, until))

    def begin(self) -> Steps:
        """Before a request that was started does anything: see that it is not cancelled.

        :raises UserError: it is.
        """
        yield from self._look(_BEGINNING, None, 0)

    def _look(
        self, place: int, awaited: Awaited | None, until: int | None
    ) -> Generator[Effect, Any, bytes | None]:
        """See whether there is a reason to go on, as an input of the region."""
        region, heeds = self._regions.present, self.bounds.heeds
        if region.record is None:
            keys = (cancelled_key(self._request.id.root),) if heeds else ()
            ranges = tuple(awaited.ranges) if awaited is not None else ()
            marks, pairs = yield from self._regions.read(keys, ranges)
        if region.record is None:
            if any(mark is not None for mark in marks):
                ended = Waited(place, None, REQUEST)
            else:
                ended = yield from self._found(place, awaited, until, pairs)
            region.reads += [*map(point, keys), *(awaited.inputs if awaited is not None else ())]
            region.entries.append(ended)
            region.dirty = True
        else:
            ended = region.replay(Waited(place), self._where)
        if awaited is not None:
            region.writes.add(Clear(awaited.waiter))
        if ended.bound is not None:
            raise UserError(self.bounds.reach(ended.bound))
        return ended.value

    def _found(
        self, place: int, awaited: Awaited | None, until: int | None, pairs: list[Pairs]
    ) -> Generator[Effect, Any, Waited]:
        """What ends the wait: what it waits for, or the first time that has come."""
        found = awaited.find(pairs) if awaited is not None else None
        if found is not None:
            return Waited(place, found)
        region, ends = self._regions.present, self.bounds.next(until)
        if ends is not None and (yield Due(ends[0])):
            return Waited(place, None, ends[1])
        times = [] if ends is None else [ends[0]]
        if awaited is not None:
            times.append((yield Now(region.unit)) + _LOOK_AGAIN_NS)
        alarm = 0 if ends is None else ends[0]
        if awaited is None:
            raise Asleep(min(times), region.version, alarm=alarm)
        why = f"the request waits for {awaited_by(awaited.waiter)} and then goes on"
        raise Asleep(min(times), region.version, why, alarm, (awaited.waiter,))
