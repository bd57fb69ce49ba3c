"""What one attempt leaves for later: requests that it starts, and itself, when it waits.

Both are writes of the present region (:mod:`core.alarms`), so they become durable with it, travel
with it, and are undone with it (rule 12).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from core.alarms import started, started_root, unknown
from core.bounds import of_another
from core.calls import Calls, UserError, told_asleep
from core.cancelling import marks
from core.effects import Cancel, CloseTimeout, OpenTimeout, Result, Sleep, Start
from core.errors import Asleep, Unfamiliar, UnsupportedValue
from core.ids import RequestId
from core.journal import decode_record
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
from core.ports import Effect, Steps
from core.program import Program
from core.regions import Regions
from core.store import Clear, Pairs, Set
from core.waits import Awaited, Waits

__all__ = ["Later"]


class Later:
    """Starting, sleeping, and waiting for what was started.

    :param where: names the user's statement that is being executed, for errors.
    :param clock: reads the clock, as an input of the region.
    """

    def __init__(
        self,
        program: Program,
        request: Request,
        regions: Regions,
        calls: Calls,
        waits: Waits,
        where: Callable[[], str],
        clock: Callable[[], Steps],
    ) -> None:
        self._program = program
        self._request = request
        self._regions = regions
        self._calls = calls
        self._waits = waits
        self._where = where
        self._clock = clock

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

    def cancel(self, effect: Cancel) -> Steps:
        """Cancel a request with the present region."""
        yield from self._calls.settle()
        region = self._regions.present
        for mutation in marks(effect.root):
            region.writes.add(mutation)
        region.dirty = True

    def open_timeout(self, effect: OpenTimeout) -> Steps:
        """Break waits off from a time on: the number of the bound."""
        now = yield from self._clock()
        return self._waits.bounds.open(now + effect.nanoseconds)

    def close_timeout(self, effect: CloseTimeout) -> Steps:
        """The block is left."""
        yield from self._calls.settle()
        self._waits.bounds.close(effect.number)

    def sleep(self, effect: Sleep) -> Steps:
        """End the region, and go on if it is time.

        :raises Asleep: it is not yet.
        """
        yield from self._waits.prepare("sleeps")
        until = (yield from self._clock()) + effect.nanoseconds
        yield from self._waits.wait(self._regions.take_place(), until=until)

    def result(self, effect: Result) -> Steps:
        """End the region, and go on if the request that was started has its answer.

        :raises Asleep: it has none yet; whoever makes it durable sets the alarm.
        """
        yield from self._waits.prepare("waits")
        place = self._regions.take_place()
        waiter = waiter_key(effect.root, self._request.id, place)
        record = yield from self._waits.wait(place, _answer(effect.root, waiter))
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
        raise UserError(of_another(exception))

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

    def rest(self, asleep: Asleep) -> Generator[Effect, Any, Failed]:
        """End an attempt of which one part waits, when all others have ended or wait, too."""
        yield from self._calls.receive_all()
        return told_asleep(asleep)


def _answer(root: bytes, waiter: bytes) -> Awaited:
    """A root's answer: the record that holds it; empty: there is no such request."""
    request = RequestId(root)
    own = journal_range(request)
    traces = (intent_range(root), resting_range(root), set_aside_range(root))

    def find(pairs: list[Pairs]) -> bytes | None:
        records, *left = pairs
        record = _with_answer(request, records)
        return record if record is not None or any(left) else b""

    return Awaited(((*own, 0), *((*each, 1) for each in traces)), find, (own,), waiter)


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
