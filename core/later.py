"""What one attempt leaves for later: requests that it starts, and itself, when it waits.

Both are writes of the present region (:mod:`core.alarms`), so they become durable with it, travel
with it, and are undone with it (rule 11).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from core.alarms import started, started_root, unknown
from core.calls import Calls, UserError
from core.effects import Result, Sleep, Start
from core.errors import Asleep, Unfamiliar, UnsupportedValue
from core.ids import RequestId
from core.journal import Got, decode_record
from core.layout import (
    alarm_key,
    intent_range,
    journal_place,
    journal_range,
    resting_range,
    set_aside_range,
    waiter_key,
    waiters_of,
    waiting,
)
from core.messages import Failed, Origin, Request, Returned
from core.ports import Due, Effect, Now, Steps
from core.program import Program
from core.regions import Regions
from core.scopes import Scopes
from core.store import Clear, Pairs, Set

__all__ = ["Later"]

_LOOK_AGAIN_NS = 1_000_000_000
"""When who waits for an answer is to be asked again, if nothing wakes it before."""


class Later:
    """Starting, sleeping, and waiting for what was started.

    :param travels: whether the request is part of a region elsewhere.
    :param where: names the user's statement that is being executed, for errors.
    :param clock: reads the clock, as an input of the region.
    :param end_region: makes durable what led to the place given.
    """

    def __init__(
        self,
        program: Program,
        request: Request,
        regions: Regions,
        scopes: Scopes,
        calls: Calls,
        travels: bool,
        where: Callable[[], str],
        clock: Callable[[], Steps],
        end_region: Callable[[int], Steps],
    ) -> None:
        self._program = program
        self._request = request
        self._regions = regions
        self._scopes = scopes
        self._calls = calls
        self._travels = travels
        self._where = where
        self._clock = clock
        self._end_region = end_region

    def start(self, effect: Start) -> Steps:
        """Begin a request with the present region: its root id."""
        yield from self._calls.settle()
        args = self._calls.encode(effect)
        now = yield from self._clock()
        place, due = self._regions.take_place(), max(now + effect.after, effect.at)
        root = started_root(self._program.secret, self._request.id, place, due)
        region = self._regions.present
        asker = self._request.origin.caller
        for mutation in started(
            root, Origin(effect.service, effect.method, args, asker, started=True)
        ):
            region.writes.add(mutation)
        region.dirty = True
        return root

    def sleep(self, effect: Sleep) -> Steps:
        """End the region, and go on if it is time.

        :raises Asleep: it is not yet.
        """
        yield from self._may_wait("sleeps")
        until = (yield from self._clock()) + effect.nanoseconds
        self._regions.present.writes.add(Set(alarm_key(until, self._request.id.root), b""))
        yield from self._end_region(self._regions.take_place())
        if not (yield Due(until)):
            raise Asleep(until)

    def result(self, effect: Result) -> Steps:
        """End the region, and go on if the request that was started has its answer.

        :raises Asleep: it has none yet; whoever makes it durable sets the alarm.
        """
        yield from self._may_wait("waits")
        place = self._regions.take_place()
        waiter = waiter_key(effect.root, self._request.id, place)
        self._regions.present.writes.add(Set(waiter, b""))
        self._regions.present.dirty = True
        yield from self._end_region(place)
        record = yield from self._answer(effect.root)
        self._regions.present.writes.add(Clear(waiter))
        codec = self._program.codec
        if not record:
            raise UserError(LookupError(unknown(effect.root)))
        outcome = decode_record(record).outcome
        assert outcome is not None
        assert not isinstance(outcome, Failed)
        try:
            if isinstance(outcome, Returned):
                return codec.decode(outcome.value)
            exception = codec.decode_exception(outcome)
        except UnsupportedValue as error:
            raise Unfamiliar(f"{self._where()}: {error}") from None
        raise UserError(exception)

    def _answer(self, root: bytes) -> Generator[Effect, Any, bytes]:
        """The record with a root's answer, as an input of the region; empty: no such request.

        :raises Asleep: there is none yet.
        """
        region, own = self._regions.present, journal_range(RequestId(root))
        traces = [intent_range(root), resting_range(root), set_aside_range(root)]
        if region.record is None:
            asked = ((*own, 0), *((*each, 1) for each in traces))
            _, (records, *left) = yield from self._regions.read((), asked)
            if region.record is None:
                record = _with_answer(RequestId(root), records)
                if record is None:
                    if any(left):
                        raise Asleep((yield Now(region.unit)) + _LOOK_AGAIN_NS)
                    record = b""
                region.reads.append(own)
                region.entries.append(Got(own.begin, record))
                region.dirty = True
                return record
        return region.replay(Got(own.begin, None), self._where).value or b""

    def answered(self) -> Steps:
        """Before the answer of a request that was started is durable: wake who waits for it."""
        region, waiters = self._regions.present, waiters_of(self._request.id.root)
        awaited = self._request.id.is_root and self._request.origin.started
        if not awaited or region.record is not None:
            return
        _, (pairs,) = yield from self._regions.read((), ((*waiters, 0),))
        if region.record is None:
            region.reads.append(waiters)
            region.dirty = True
            for key, _ in pairs:
                region.writes.add(Set(alarm_key(0, waiting(key)), b""))
                region.writes.add(Clear(key))

    def _may_wait(self, what: str) -> Steps:
        yield from self._calls.settle()
        if self._travels or self._scopes:  # to another revision it does not wait
            raise Unfamiliar(f"{self._where()}: it {what}, and was called inside a transaction")
        yield from self._calls.asking.hear_all()  # keys are not kept for as long as it may wait

    def rest(self, asleep: Asleep) -> Generator[Effect, Any, Failed]:
        """End an attempt of which one part waits, when all others have ended or wait, too."""
        yield from self._calls.receive_all()
        return Failed(Asleep.__name__, False, str(asleep), until=asleep.until)


def _with_answer(request: RequestId, pairs: Pairs) -> bytes | None:
    """The one of a request's records that holds its answer."""
    records: dict[int, bytes] = {}
    for key, value in pairs:
        place, _ = journal_place(request, key)
        records[place] = records.get(place, b"") + value
    for data in records.values():
        outcome = decode_record(data).outcome
        if outcome is not None and not isinstance(outcome, Failed):
            return data
    return None
