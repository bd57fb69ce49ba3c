"""What is due later: requests that were started, and those that wait.

An unfinished tree that nobody is to drive now has an **alarm**: a key that holds nothing and says
when the tree is to be driven, in a section ordered by time. Whoever waits wrote it with the commit
that led there, and holds nothing else. Waking (:func:`wake`) is one commit that takes the alarms
that are due away and sees that their trees have intents, as trees under way have (rule 5); from
there on all is as after a crash.

A tree of which everything waits **rests**: its intent stands in a section of its own, where
recovery does not come by. A started request is a tree that has rested from the beginning
(:func:`started`). Any other is laid to rest off the critical path (:func:`rest`), by whoever was
told by its root that all of it waits: only if its earliest alarm is still there, if it has one, so
that somebody will wake it, and only if nobody has woken it since it has looked for what it waits
for: waking leaves the version of the store in the intent at which whoever woke it saw why. Of what
only waits for something it is known that whoever brings it sets its alarm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from typing import Any

from core.ids import RequestId, began_ms, uuid7
from core.journal import METHOD_END, Intent, decode_intent, encode_intent, in_chunks
from core.layout import (
    ALARMS,
    alarm_key,
    alarmed,
    intent_key,
    intent_range,
    resting_key,
    resting_range,
)
from core.messages import Failed, Origin
from core.ports import Commit, Effect, Read, ReadVersion
from core.store import Clear, ClearRange, KeyRange, Mutation, Pairs, Set, point

__all__ = ["AT_ONCE", "is_long", "next_alarm", "rest", "started", "started_root", "unknown", "wake"]

AT_ONCE = 100
"""How many alarms are taken away by one commit at most."""
_BYTES_AT_ONCE = 1_000_000


def started_root(secret: bytes, starter: RequestId, place: int, due_ns: int) -> bytes:
    """The root id of the request that is started at a place of another, due at a time.

    It sorts after the starter's, however wrong a clock is: what begins with a commit must not be
    older than the watermark that this commit respects (rule 7). To others it is unknown before,
    so that nobody can use it for something else.
    """
    named = f"{starter} {place}".encode()
    drawn = hashlib.blake2b(named, key=secret, digest_size=10, person=b"started").digest()
    time_ms = max(due_ns // 1_000_000, began_ms(starter.root) + 1)
    return uuid7(time_ms, int.from_bytes(drawn, "big"))


def started(root: bytes, origin: Origin) -> list[Mutation]:
    """What a region writes that starts a request: it is due at the time that its id begins with."""
    due = began_ms(root) * 1_000_000
    intent = in_chunks(resting_key(root), encode_intent(Intent(origin, due)))
    return [*intent, Set(alarm_key(due, root), b"")]


def unknown(root: bytes) -> str:
    """What is said of a request that is waited for and not known."""
    return f"no request {root.hex()} was started, or it ended longer ago than is remembered"


def wake(
    now_ns: int, name: str = "wake", limit: int = AT_ONCE
) -> Generator[Effect, Any, dict[bytes, Origin]]:
    """Take away alarms that are due, about ``limit`` of them.

    :returns: the trees to be driven now (:func:`core.recovery.drive`): of some alarms there may
        be none, for they were completed meanwhile. Call again as long as there are any.
    :raises StoreError: the store did not play along; or (Unknown) perhaps it is done: recovery
        finds what was woken.
    """
    version = yield ReadVersion()
    due = (ALARMS.begin, alarm_key(now_ns + 1, b""), limit)
    _, (pairs,) = yield Read(name, version, (), (due,))
    keys = [key for key, _ in pairs]
    if not keys:
        return {}
    roots = [alarmed(key) for key in keys]
    asked = [(*each, 0) for root in roots for each in (resting_range(root), intent_range(root))]
    _, found = yield Read(name, version, (), tuple(asked))
    mutations: list[Mutation] = []
    reads: list[KeyRange] = []
    woken: dict[bytes, Origin] = {}
    size = 0
    for number, (key, root) in enumerate(zip(keys, roots, strict=True)):
        resting, intent = _whole(found[2 * number]), _whole(found[2 * number + 1])
        size += len(resting)
        if size > _BYTES_AT_ONCE and number:
            break
        mutations.append(Clear(key))
        reads += [point(key), resting_range(root), intent_range(root)]
        if not resting and not intent:
            continue
        origin = decode_intent(resting or intent).origin
        if root not in woken:
            again = in_chunks(intent_key(root), encode_intent(Intent(origin, woken=version)))
            mutations.append(ClearRange(*resting_range(root)))
            mutations += [ClearRange(*intent_range(root)), *again]
        woken[root] = origin
    yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)
    return woken


def is_long(told: Failed, after_ns: int) -> bool:
    """Whether a tree that waits is worth to be laid to rest.

    :param told: what its root was told.
    :param after_ns: it is, unless it is woken before this time.
    """
    return told.alarm > after_ns or (not told.alarm and bool(told.waiters))


def rest(asleep: Mapping[bytes, Failed], name: str = "rest") -> Generator[Effect, Any, None]:
    """Lay trees to rest, in one commit.

    :param asleep: what the root of each was told (:class:`core.errors.Asleep`).
    :raises StoreError: the store did not answer; recovery drives them, and they come here again.
    """
    version = yield ReadVersion()
    alarms = tuple(alarm_key(told.alarm, root) for root, told in asleep.items())
    values, ranges = yield Read(
        name, version, alarms, tuple((*intent_range(root), 0) for root in asleep)
    )
    reads: list[KeyRange] = []
    mutations: list[Mutation] = []
    for (root, told), alarm, value, pairs in zip(
        asleep.items(), alarms, values, ranges, strict=True
    ):
        if (told.alarm and value is None) or not pairs:
            continue
        intent = decode_intent(_whole(pairs))
        if intent.woken > told.seen:  # it may not have seen why
            continue
        reads += [point(alarm), intent_range(root)]
        mutations += [ClearRange(*intent_range(root)), ClearRange(*resting_range(root))]
        rests = Intent(intent.origin, told.alarm, waiters=told.waiters)
        mutations += in_chunks(resting_key(root), encode_intent(rests))
    if mutations:
        yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)


def next_alarm(name: str = "alarms") -> Generator[Effect, Any, int | None]:
    """When the next alarm is due, in Unix nanoseconds; None if there is none.

    :raises StoreError: the store did not answer.
    """
    version = yield ReadVersion()
    _, (pairs,) = yield Read(name, version, (), ((*ALARMS, 1),))
    return int.from_bytes(pairs[0][0][1:9], "big") if pairs else None


def _whole(pairs: Pairs) -> bytes:
    return b"".join(value for _, value in pairs)
