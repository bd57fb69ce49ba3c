"""Schedules: requests that nobody starts but time.

A method with a schedule is a root request at each of its ticks. The schedule itself is one key,
which holds when its next tick is due. Whoever looks first, when that time has come, moves it on and
starts the request of the tick (:func:`core.alarms.started`) in one commit that conflicts with the
key: so each tick is started once, whoever is up and however often they crash, and from there on it
is a request that was started like any other. Its id follows from the schedule and the tick.

Ticks that nobody was up for are missed. ``catch_up`` says what becomes of them: ``one`` is started
for all of them, or ``all``, or ``none``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from typing import Any

import msgspec

from core.alarms import started
from core.ids import began_ms, uuid7
from core.journal import METHOD_END
from core.layout import SCHEDULES, WATERMARK, schedule_key
from core.messages import Origin
from core.ports import Commit, Effect, Read, ReadVersion
from core.program import Program
from core.store import Mutation, Set, point

__all__ = [
    "AT_ONCE",
    "CATCH_UP",
    "LATE_NS",
    "Kept",
    "change",
    "decode_kept",
    "kept",
    "tick",
    "tick_root",
]

CATCH_UP = ("one", "all", "none")
AT_ONCE = 50
"""How many ticks one commit starts at most."""
LATE_NS = 60 * 10**9
"""How late a tick may be and is not missed yet."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What the store holds of a schedule.

    :ivar shown: the schedule as its author wrote it: another begins anew.
    :ivar due: when the next tick is due, in Unix nanoseconds; 0: that is to be found out.
    :ivar triggered: a moment at which somebody wanted a tick besides; 0: nobody does.
    """

    shown: str
    due: int = 0
    paused: bool = False
    triggered: int = 0


_encode = msgspec.msgpack.encode
decode_kept = msgspec.msgpack.Decoder(Kept).decode


def tick_root(secret: bytes, name: str, due_ns: int, after: bytes) -> bytes:
    """The root id of a tick; it begins when it is due, but after what is forgotten."""
    drawn = hashlib.blake2b(
        f"{name} {due_ns}".encode(), key=secret, digest_size=10, person=b"tick"
    ).digest()
    time_ms = max(due_ns // 1_000_000, began_ms(after) + 1)
    return uuid7(time_ms, int.from_bytes(drawn, "big"))


def _ticks(due: int, now_ns: int, catch_up: str, after: Callable[[int], int]) -> list[int]:
    """The ticks to be started, of which the first is due, and when the one after them is."""
    if catch_up == "all":
        ticks = [due]
        while (following := after(ticks[-1])) <= now_ns and len(ticks) < AT_ONCE:
            ticks.append(following)
        return [*ticks, following]
    missed = now_ns - due > LATE_NS and catch_up == "none"
    return [after(now_ns)] if missed else [due, after(now_ns)]


def tick(program: Program, now_ns: int, name: str = "schedules") -> Generator[Effect, Any, int]:
    """Start the requests of ticks that are due; how many.

    :raises StoreError: the store did not play along, or somebody else was faster; or (Unknown)
        perhaps it is done: the next look finds out.
    """
    count = 0
    for schedule in program.schedules:
        key = schedule_key(schedule.name)
        version = yield ReadVersion()
        (data, watermark), _ = yield Read(name, version, (key, WATERMARK))
        found = decode_kept(data) if data is not None else Kept(schedule.shown)
        due = found.due if found.shown == schedule.shown else 0
        wanted = [found.triggered] if found.triggered else []
        if not due:
            due = schedule.after(now_ns)
        elif due <= now_ns and not found.paused:
            *ticks, due = _ticks(due, now_ns, schedule.catch_up, schedule.after)
            wanted += ticks
        now = Kept(schedule.shown, due, found.paused)
        if now == found:
            continue
        origin = Origin(schedule.service, schedule.method, program.codec.encode(((), {})))
        mutations: list[Mutation] = [Set(key, _encode(now))]
        for each in wanted:
            root = tick_root(program.secret, schedule.name, each, watermark or b"\x00" * 16)
            mutations += started(root, origin)
        yield Commit(
            None, 0, METHOD_END, (name,), version, [point(key), point(WATERMARK)], mutations
        )
        count += len(wanted)
    return count


def kept(name: str = "schedules") -> Generator[Effect, Any, dict[str, Kept]]:
    """What the store holds of every schedule, by the name of its method.

    :raises StoreError: the store did not answer.
    """
    version = yield ReadVersion()
    _, (pairs,) = yield Read(name, version, (), ((*SCHEDULES, 0),))
    return {key[1:].decode(): decode_kept(data) for key, data in pairs}


def change(
    method: str, changed: Callable[[Kept], Kept], name: str = "schedules"
) -> Generator[Effect, Any, Kept | None]:
    """Change what the store holds of a schedule: what it is then; None if there is none.

    :raises StoreError: it was changed meanwhile, or the store did not answer.
    """
    key = schedule_key(method)
    version = yield ReadVersion()
    (data,), _ = yield Read(name, version, (key,))
    if data is None:
        return None
    now = changed(decode_kept(data))
    yield Commit(None, 0, METHOD_END, (name,), version, [point(key)], [Set(key, _encode(now))])
    return now
