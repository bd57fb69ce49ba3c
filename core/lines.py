"""Lines: whom a queue lets in, and who waits (rule 14).

A method with a queue (:class:`core.program.Queue`) has a line for each value of its parameter, or
one for all. The line is one record in the store: who is in, who began last, and how many wait. Who
waits has an entry behind it, in the order of their turns, with the alarm of their tree
(:mod:`core.alarms`); so nobody holds anything but that, and everybody is woken in the end. What
changes who is in or who waits writes the line's record and is in conflict with it. So of all
processes one lets the next one in, and there is nothing else to agree on.

Each request has a **place**, found by its root id: in line at a turn, or in. A tree that has one
has an intent, or rests. So what is in and dies is driven again and leaves in the end; what is set
aside leaves with that commit (:func:`leave`).

Whoever lets others in, by going or by time, **calls** them: their alarm is set to that moment. They
go in by themselves, with the region in which they begin (:mod:`core.admission`).
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from core.ids import RequestId
from core.journal import METHOD_END
from core.layout import (
    LINES,
    PLACES,
    WATERMARK,
    alarm_key,
    intent_range,
    line_of,
    places_of,
    resting_range,
    turn_key,
    turns_before,
    up_to,
)
from core.ports import Commit, Effect, Read, ReadVersion
from core.program import Queue
from core.store import Clear, KeyRange, Mutation, Pairs, Set, point

__all__ = [
    "AT_ONCE",
    "IN",
    "Line",
    "Place",
    "Waiter",
    "calls",
    "decode_line",
    "decode_place",
    "encode",
    "leave",
    "lines",
    "named",
    "places",
    "put",
    "tidy",
    "waiters",
]

AT_ONCE = 100
"""So many of a line are called at once, at most."""
IN = 0
"""The turn of those who are in."""
_PAGE = 1_000
_LONGEST_NAME = 100


class Line(msgspec.Struct, frozen=True, array_like=True):
    """Who is in, who began last, and how many wait.

    :ivar name: as people read it: ``Payments.charge``, ``Payments.charge for customer 7``.
    :ivar inside: those who are in, where there is a limit.
    :ivar begun: when the last ones began, in Unix nanoseconds, where there is a rate.
    :ivar closed: when that does not matter any more.
    :ivar last: the last turn that was given.
    """

    name: str
    inside: list[RequestId] = []
    waiting: int = 0
    last: int = 0
    begun: list[int] = []
    closed: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is known of it that a new one would not have."""
        return not (self.inside or self.waiting or self.begun)

    def room(self, queue: Queue, now_ns: int) -> int:
        """How many may begin now, at most AT_ONCE."""
        recent = sum(begun + queue.within > now_ns for begun in self.begun)
        left = [queue.limit - len(self.inside)] if queue.limit else []
        left += [queue.starts - recent] if queue.starts else []
        return max(min(AT_ONCE, *left), 0)

    def opens(self, queue: Queue) -> int:
        """The moment at which the rate lets another one begin."""
        if not queue.starts or len(self.begun) < queue.starts:
            return 0
        return self.begun[-queue.starts] + queue.within

    def is_full(self, queue: Queue) -> bool:
        """Whether somebody has to go before another one may begin, whatever the time is."""
        return bool(queue.limit) and len(self.inside) >= queue.limit

    def let_in(self, queue: Queue, request: RequestId, now_ns: int) -> Line:
        """The line when a request begins."""
        inside = [*self.inside, request] if queue.limit else self.inside
        if not queue.starts:
            return replace(self, inside=inside)
        begins = max([now_ns, *self.begun[-1:]])
        begun = [*self.begun, begins][-queue.starts :]
        return replace(self, inside=inside, begun=begun, closed=begins + queue.within)

    def without(self, request: RequestId) -> Line:
        """The line when a request is gone."""
        return replace(self, inside=[each for each in self.inside if each != request])


class Waiter(msgspec.Struct, frozen=True, array_like=True):
    """One who waits in a line, until the alarm at the latest; 0: it was called."""

    request: RequestId
    alarm: int


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a request is: at a turn of the line whose key it is, or IN.

    :ivar fingerprint: of the request, and ``asker`` the revision that it came from, as in a record.
    """

    line: bytes
    turn: int
    fingerprint: bytes = b""
    asker: str | None = None


encode = msgspec.msgpack.Encoder().encode
_decode_line = msgspec.msgpack.Decoder(Line).decode
_decode_place = msgspec.msgpack.Decoder(Place).decode
_decode_waiter = msgspec.msgpack.Decoder(Waiter).decode


def decode_line(data: bytes | None) -> Line | None:
    """A line as it was stored."""
    return None if data is None else _decode_line(data)


def decode_place(data: bytes | None) -> Place | None:
    """A place as it was stored."""
    return None if data is None else _decode_place(data)


def waiters(pairs: Pairs) -> list[tuple[bytes, Waiter]]:
    """Those who wait, with their keys, as they were stored."""
    return [(key, _decode_waiter(value)) for key, value in pairs]


def named(queue: Queue, bound: inspect.BoundArguments) -> str:
    """What people call the line of a queue in which a request with these arguments stands."""
    if not queue.per:
        return queue.name
    return f"{queue.name} for {queue.per} {bound.arguments[queue.per]!r}"[:_LONGEST_NAME]


def put(key: bytes, before: Line | None, line: Line) -> list[Mutation]:
    """Write a line, unless it is as it was."""
    if line.is_idle:
        return [Clear(key)] if before is not None else []
    return [Set(key, encode(line))] if line != before else []


def calls(
    found: Iterable[tuple[bytes, Waiter]], moment: int, now_ns: int
) -> tuple[list[KeyRange], list[Mutation]]:
    """Call those who wait for a moment, 0: at once. What is read and written for that."""
    reads: list[KeyRange] = []
    mutations: list[Mutation] = []
    for key, waiter in found:
        reads.append(point(key))
        if waiter.alarm == 0 or now_ns < waiter.alarm <= moment:
            continue  # it is awake, or will be
        root = waiter.request.root
        mutations += [Clear(alarm_key(waiter.alarm, root)), Set(alarm_key(moment, root), b"")]
        mutations.append(Set(key, encode(Waiter(waiter.request, moment))))
    return reads, mutations


def leave(
    root: bytes, version: int, name: str
) -> Generator[Effect, Any, tuple[list[KeyRange], list[Mutation]]]:
    """Let a tree that nobody drives any more leave all its places.

    :returns: what is to be committed with what ends it, and in conflict with what.
    """
    own = places_of(root)
    _, (pairs,) = yield Read(name, version, (), ((*own, 0),))
    of_lines: dict[bytes, list[int]] = {}
    for _, value in pairs:
        place = _decode_place(value)
        of_lines.setdefault(place.line, []).append(place.turn)
    reads = [own]
    mutations: list[Mutation] = [Clear(key) for key, _ in pairs]
    for key, turns in of_lines.items():
        more = yield from _leave_line(root, key, turns, version, name)
        reads += more[0]
        mutations += more[1]
    return reads, mutations


def _leave_line(
    root: bytes, key: bytes, turns: Sequence[int], version: int, name: str
) -> Generator[Effect, Any, tuple[list[KeyRange], list[Mutation]]]:
    """Leave one line, and call as many as may have been kept waiting for that."""
    own = tuple(turn_key(key, turn) for turn in turns if turn != IN)
    (value, *mine), (pairs,) = yield Read(
        name, version, (key, *own), ((*turns_before(key), 2 * len(turns)),)
    )
    before = decode_line(value)
    if before is None:  # it had begun, and only a rate was asked for
        return [point(key)], []
    inside = [each for each in before.inside if each.root != root]
    line = replace(before, inside=inside, waiting=before.waiting - len(own))
    others = [each for each in waiters(pairs) if each[0] not in own][: len(turns)]
    reads, mutations = calls(others, 0, 0)
    mutations += put(key, before, line)
    for turn, data in zip(own, mine, strict=True):
        mutations.append(Clear(turn))
        if data is not None and (alarm := _decode_waiter(data).alarm):
            mutations.append(Clear(alarm_key(alarm, root)))
    return [point(key), *map(point, own), *reads], mutations


def tidy(before_ns: int, name: str = "lines") -> Generator[Effect, Any, None]:
    """Forget lines that nobody stands in, once their rate has let in whom it would.

    :raises StoreError: the store did not answer; the next time will do.
    """
    yield from _forgotten(name)
    part: KeyRange | None = LINES
    while part is not None:
        version = yield ReadVersion()
        found, part = yield from _page(part, version, name)
        idle = [
            key
            for key, line in found.items()
            if not line.inside and not line.waiting and line.closed < before_ns
        ]
        if idle:
            reads = [point(key) for key in idle]
            forgotten: list[Mutation] = [Clear(key) for key in idle]
            yield Commit(None, 0, METHOD_END, (name,), version, reads, forgotten)


def _forgotten(name: str) -> Generator[Effect, Any, None]:
    """Let those leave who are complete: a revision that did not know the queue completed them."""
    version = yield ReadVersion()
    (watermark,), _ = yield Read(name, version, (WATERMARK,))
    if watermark is None:
        return
    _, (pairs,) = yield Read(name, version, (), ((*up_to(PLACES, watermark), _PAGE),))
    for root in dict.fromkeys(key[1:17] for key, _ in pairs):
        unfinished = intent_range(root), resting_range(root)
        _, found = yield Read(name, version, (), tuple((*each, 1) for each in unfinished))
        if not any(found):
            reads, mutations = yield from leave(root, version, name)
            reads += unfinished
            yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)
            version = yield ReadVersion()


def _page(
    part: KeyRange, version: int, name: str
) -> Generator[Effect, Any, tuple[dict[bytes, Line], KeyRange | None]]:
    """The lines in some of a part of their section, without those who wait; and the rest of it."""
    _, (pairs,) = yield Read(name, version, (), ((*part, _PAGE),))
    found = {key: _decode_line(value) for key, value in pairs if line_of(key) == key}
    if len(pairs) < _PAGE:
        return found, None
    return found, KeyRange(turns_before(line_of(pairs[-1][0])).end, part.end)


def lines(name: str = "lines") -> Generator[Effect, Any, list[Line]]:
    """All lines in which anybody is or waits.

    :raises StoreError: the store did not answer.
    """
    part: KeyRange | None = LINES
    found: list[Line] = []
    while part is not None:
        version = yield ReadVersion()
        some, part = yield from _page(part, version, name)
        found += [line for line in some.values() if line.inside or line.waiting]
    return found


def places(
    root: bytes | None = None, name: str = "places", among: KeyRange | None = None
) -> Generator[Effect, Any, dict[bytes, list[str]]]:
    """Where trees wait in line, by root id: ``3rd of Payments.charge for customer 7``.

    :param root: of one tree only; ``among``: of the trees from one root id to another.
    :raises StoreError: the store did not answer.
    """
    begin, end = PLACES
    if root is not None or among is not None:
        first, last = among or (root, root)
        assert first is not None
        assert last is not None
        begin, end = places_of(first).begin, places_of(last).end
    found: dict[bytes, list[str]] = {}
    while True:
        version = yield ReadVersion()
        _, (pairs,) = yield Read(name, version, (), ((begin, end, _PAGE),))
        for key, value in pairs:
            place = _decode_place(value)
            if place.turn != IN:
                told = yield from _told(place, version, name)
                found.setdefault(key[1:17], []).append(told)
        if len(pairs) < _PAGE:
            return found
        begin = pairs[-1][0] + b"\x00"


def _told(place: Place, version: int, name: str) -> Generator[Effect, Any, str]:
    ahead = (*turns_before(place.line, place.turn), _PAGE)
    (value,), (pairs,) = yield Read(name, version, (place.line,), (ahead,))
    line = decode_line(value)
    number = _ordinal(len(pairs) + 1) if len(pairs) < _PAGE else f"behind {_PAGE:,} others"
    return f"{number} of {line.name}" if line is not None else number


def _ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th``."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"
