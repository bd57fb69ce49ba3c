"""Named events: what one request waits for, and any other says has happened.

An event is named by its name and a key. That it happened is kept under both, with a value, once:
who signals it again finds that, and does nothing. It is read and written like any state, so a
signal is part of its region or transaction, travels with it, and is undone with it.

Who waits registers under the same name and key before it looks (:mod:`core.waits`); who signals
reads who is registered, and sets their alarms in the same commit. So of two that come at once, one
is in conflict with the other, and looks again: an event is never missed, whichever comes first.

A signal is kept for as long as an answer (:mod:`core.retention`): for the retention period, and
until every request that began before it is complete. For that it stands a second time under its
moment. Afterwards it has not happened, and may happen again (:func:`forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from core.accesses import Accesses
from core.calls import UserError
from core.codec import Codec
from core.effects import Delete, Event, Put, Scan, Signal
from core.errors import TooLarge, Unfamiliar, UnsupportedValue
from core.event_keys import (
    event_at,
    event_key,
    event_of,
    event_range,
    event_waiter,
    event_waiting,
)
from core.ids import RequestId, began_ms, earliest_root
from core.journal import METHOD_END
from core.keys import encode_key
from core.layout import EVENTS_BY_TIME, WATERMARK, alarm_key, up_to
from core.ports import Commit, Effect, Read, ReadVersion, Steps
from core.readable import shown_event
from core.regions import Regions
from core.store import VALUE_LIMIT, Clear, Mutation, Pairs, Set, point
from core.waits import Awaited, Waits

__all__ = [
    "AT_ONCE",
    "Events",
    "check_size",
    "forget",
    "late",
    "named",
    "nobody",
    "signalled",
    "signals",
]

AT_ONCE = 1_000
"""How many signals one commit forgets at most: well within the store's limits."""


def named(name: str, key: object) -> bytes:
    """An event as part of a store key.

    :raises TypeError: the key is of a type that cannot be hashed.
    :raises UnsupportedValue: it is none that a persistent dict may have.
    """
    try:
        return b"%b\x00%b" % (name.encode(), encode_key(key))
    except UnsupportedValue:
        hash(key)
        raise


def signals(event: bytes, data: bytes, found: Pairs, now_ns: int) -> list[Mutation]:
    """What is written when an event is signalled that has not happened yet.

    :param data: the codec's bytes of its value.
    :param found: what stands under the event: who waits for it.
    """
    waiting = [event_waiting(event, key) for key, _ in found]
    moment = max([now_ns // 1_000_000, *(began_ms(root) + 1 for root in waiting)])
    return [
        Set(event_key(event), data),
        Set(event_at(earliest_root(moment), event), b""),
        *(Set(alarm_key(0, root), b"") for root in waiting),
        *(Clear(key) for key, _ in found),
    ]


def has_happened(event: bytes, found: Pairs) -> bool:
    """Whether what stands under an event says that it has happened."""
    return bool(found) and found[0][0] == event_key(event)


def check_size(event: bytes, data: bytes) -> None:
    """See that a value can be kept.

    :raises TooLarge: it cannot.
    """
    if len(data) > VALUE_LIMIT:
        raise TooLarge(
            f"the value of the event {shown_event(event)} has {len(data):,} bytes, more than "
            f"{VALUE_LIMIT:,}: keep it in a field, and signal where it is"
        )


class Events:
    """The events that one attempt waits for, and those that it signals.

    :param where: names the user's statement that is being executed, for errors.
    """

    def __init__(
        self,
        codec: Codec,
        request: RequestId,
        regions: Regions,
        waits: Waits,
        accesses: Accesses,
        where: Callable[[], str],
    ) -> None:
        self._codec = codec
        self._request = request
        self._regions = regions
        self._waits = waits
        self._accesses = accesses
        self._where = where

    def signal(self, effect: Signal) -> Steps:
        """Say that an event has happened; nothing if it has before."""
        event, accesses = effect.event, self._accesses
        try:
            data = self._codec.encode(effect.value)
        except UnsupportedValue as error:
            raise UserError(error) from None
        check_size(event, data)
        found: Pairs = yield from accesses.scan(Scan(*event_range(event)))
        if has_happened(event, found):
            return
        now = yield from accesses.clock()
        for mutation in signals(event, data, found, now):
            if isinstance(mutation, Set):
                yield from accesses.write(Put(mutation.key, mutation.value))
            elif isinstance(mutation, Clear):
                yield from accesses.write(Delete(mutation.key))

    def wait(self, effect: Event) -> Steps:
        """End the region, and go on with the event's value once it has happened.

        :raises Asleep: it has not yet; whoever signals it sets the alarm.
        """
        event = effect.event
        yield from self._waits.prepare("waits")
        until: int | None = None
        if effect.at_most is not None:
            until = (yield from self._accesses.clock()) + effect.at_most
        place = self._regions.take_place()
        waiter = event_waiter(event, self._request, place)
        value = point(event_key(event))
        awaited = Awaited(((*value, 0),), _value, (value,), waiter)
        data = yield from self._waits.wait(place, awaited, until)
        if data is None:
            raise UserError(TimeoutError(late(event)))
        try:
            return self._codec.decode(data)
        except UnsupportedValue as error:
            raise Unfamiliar(f"{self._where()}: {error}") from None


def _value(pairs: list[Pairs]) -> bytes | None:
    return pairs[0][0][1] if pairs[0] else None


def late(event: bytes) -> str:
    """What is said of an event that did not come in time."""
    return f"the event {shown_event(event)} did not come in time"


def nobody(event: bytes) -> str:
    """What is said of an event that nobody is left to signal."""
    return f"a request waits for the event {shown_event(event)}, which nobody signals"


def signalled(
    event: bytes, data: bytes, now_ns: int, name: str = "signal"
) -> Generator[Effect, Any, bool]:
    """Signal an event from outside of the application.

    :returns: whether it has not happened before. Whoever does not know may ask again.
    :raises TooLarge: its value is too large to be kept.
    :raises StoreError: the store did not play along; or (Unknown) perhaps it is done.
    """
    check_size(event, data)
    version = yield ReadVersion()
    whole = event_range(event)
    _, (found,) = yield Read(name, version, (), ((*whole, 0),))
    if has_happened(event, found):
        return False
    mutations = signals(event, data, found, now_ns)
    yield Commit(None, 0, METHOD_END, (name,), version, [whole], mutations)
    return True


def forget(latest: bytes, name: str = "retention") -> Generator[Effect, Any, None]:
    """Forget the signals that the watermark has passed, in as many commits as it takes.

    :param latest: where the watermark is at the latest.
    :raises StoreError: the store did not play along; try again later.
    """
    full = True
    while full:
        version = yield ReadVersion()
        oldest = (*up_to(EVENTS_BY_TIME, latest), AT_ONCE)
        (watermark,), (found,) = yield Read(name, version, (WATERMARK,), (oldest,))
        passed = up_to(EVENTS_BY_TIME, watermark or b"")
        keys = [key for key, _ in found if key < passed.end]
        if not keys:
            return
        mutations: list[Mutation] = []
        for key in keys:
            mutations += [Clear(key), Clear(event_key(event_of(key)))]
        yield Commit(None, 0, METHOD_END, (name,), version, list(map(point, keys)), mutations)
        full = len(keys) == AT_ONCE
