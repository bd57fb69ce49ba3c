"""Waiting at a place of a method: for what is not there yet, or for a time.

Whoever waits holds nothing. The region before the wait is durable first, and with it whatever
has the request driven again: the alarm of its time, and what :class:`Awaited` registers for
whoever brings what is waited for. Then the store is read. If nothing is there and it is not time,
the attempt ends (:class:`core.errors.Asleep`), and the next one comes here again. What ended the
wait is an input of the region that follows, and stands in its journal record: so every execution
goes on in the same way, whatever is there by then (rule 12).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from core.calls import Calls
from core.errors import Asleep, Unfamiliar
from core.journal import Waited
from core.layout import alarm_key
from core.messages import Request
from core.ports import Due, Effect, Now, Steps
from core.regions import Regions
from core.scopes import Scopes
from core.store import KeyRange, Pairs, Set

__all__ = ["Awaited", "Waits"]

_LOOK_AGAIN_NS = 1_000_000_000
"""When who waits for something is to be asked again, if nothing wakes it before."""


class Awaited(NamedTuple):
    """What a request waits for, in the store.

    :ivar ranges: what is read of it: ``(begin, end, limit)`` each.
    :ivar find: what the program is given, from the pairs of the ranges; None: it is not there yet.
    :ivar inputs: what the answer follows from, with which the region is in conflict.
    """

    ranges: Sequence[tuple[bytes, bytes, int]]
    find: Callable[[list[Pairs]], bytes | None]
    inputs: Sequence[KeyRange]


class Waits:
    """The waits of one attempt.

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
        travels: bool,
        where: Callable[[], str],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._request = request
        self._regions = regions
        self._scopes = scopes
        self._calls = calls
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
        self, place: int, awaited: Awaited | None = None, until: int = 0
    ) -> Generator[Effect, Any, bytes | None]:
        """End the region before ``place``, and go on once there is a reason to.

        Whoever brings what is awaited sets the alarm of the tree, in the same commit; what the
        present region registers for that, it has written before.

        :param until: when it goes on in any case, in Unix nanoseconds; 0: never.
        :returns: what was found; None: the time has come.
        :raises Asleep: neither; it is asked again.
        """
        if until:
            region = self._regions.present
            region.writes.add(Set(alarm_key(until, self._request.id.root), b""))
            region.dirty = True
        yield from self._end_region(place)
        if awaited is None:
            if not (yield Due(until)):
                raise Asleep(until)
            return None
        region, pairs = self._regions.present, []
        if region.record is None:
            _, pairs = yield from self._regions.read((), tuple(awaited.ranges))
        if region.record is not None:
            return region.replay(Waited(place, None), self._where).value
        found = awaited.find(pairs)
        if found is None and not (until and (yield Due(until))):
            again = (yield Now(region.unit)) + _LOOK_AGAIN_NS
            raise Asleep(min(until, again) if until else again)
        region.reads += awaited.inputs
        region.entries.append(Waited(place, found))
        region.dirty = True
        return found
