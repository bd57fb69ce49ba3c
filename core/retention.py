"""Retention: forget what finished requests left, once nobody may ask again (rule 7).

One commit moves the watermark and clears the journal up to it. The clear writes
every journal key of the range, so an attempt that began before it, and commits
in conflict with its own journal key, can no longer commit; and the attempt
after that sees the watermark. Nothing else is needed to keep old ids from
running twice.

Trees set aside (:mod:`core.aside`) do not hold the watermark, but what they left stays, client
keys too: the clear goes around them, and they may still be asked for. That ends in a commit of
its own, once they were resumed longer ago than the period and are complete.

Client keys (:mod:`core.client_keys`) go the same way: **a key is forgotten with
the commit that moves the watermark past its root id, or later, never earlier.**
Were it forgotten earlier, its client's next try would run under a new root id,
while a slow survivor of the first could still run under the old one. From that
commit on the old root id is refused, whoever sends it. Forgotten later, the key
still stands for a root id that is refused: safe, and the next round clears it.
So a key holds for the whole period since its first use, and as long as the
request's intent is there. Used again after that, it is a new request.

Signals (:mod:`core.events`) go after the watermark, too, in commits of their own.

What is to go is found by one range read, at most KEYS_AT_ONCE keys in a commit,
as often as it takes. The commit conflicts with the part of the index it read:
otherwise, unknown and applied late, it could clear a key that stands for another
root id by then.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from core.aside import Noted, notes
from core.cancelling import forget_marks
from core.events import forget
from core.ids import earliest_root
from core.journal import METHOD_END
from core.layout import (
    CLIENT_KEYS_BY_ROOT,
    DEATHS,
    INTENTS,
    JOURNAL,
    PROMISED,
    RESTING,
    SET_ASIDE,
    WAITERS,
    WATERMARK,
    client_key,
    client_key_of_root,
    intent_range,
    promised_range,
    resting_range,
    root_of,
    set_aside_key,
    set_aside_range,
    tree_range,
    up_to,
)
from core.lines import tidy
from core.ports import Commit, Effect, Read, ReadVersion
from core.store import Clear, ClearRange, KeyRange, Mutation, Pairs, Set, point

__all__ = ["ASIDE_AT_ONCE", "KEYS_AT_ONCE", "retain"]

KEYS_AT_ONCE = 1_000
"""How many client keys one commit forgets at most: well within the store's limits."""
ASIDE_AT_ONCE = 1_000
"""How many trees set aside one commit goes around at most, likewise."""


def retain(
    now_ns: int, period_ns: int, name: str = "retention"
) -> Generator[Effect, Any, bytes | None]:
    """Forget requests that began more than ``period_ns`` ago, but none past the oldest intent.

    So are lines that nobody stands in.

    The commit conflicts with intents recorded meanwhile for requests that old.

    :returns: the new watermark, or None if it did not move.
    :raises StoreError: nothing more was forgotten, or (Unknown) perhaps; try again later.
    """
    before_ns = now_ns - period_ns
    latest = earliest_root(before_ns // 1_000_000)
    moved: bytes | None = None
    begin: bytes | None = CLIENT_KEYS_BY_ROOT.begin
    while begin is not None:
        watermark, begin = yield from _round(latest, begin, name)
        moved = watermark or moved
    yield from tidy(before_ns, name)
    for noted in (yield from notes(name)):
        if 0 < noted.note.resumed < before_ns:
            yield from _close(noted, name)
    yield from forget_marks(moved or b"", name)
    yield from forget(latest, name)
    return moved


def _round(
    latest: bytes, begin: bytes, name: str
) -> Generator[Effect, Any, tuple[bytes | None, bytes | None]]:
    """One commit: the watermark if it moved, and where to go on among the client keys.

    :param begin: the first client key to look at.
    """
    version = yield ReadVersion()
    by_root = KeyRange(begin, max(begin, up_to(CLIENT_KEYS_BY_ROOT, latest).end))
    values, ranges = yield Read(
        name, version, (WATERMARK,), ((*INTENTS, 1), (*RESTING, 1), (*by_root, KEYS_AT_ONCE))
    )
    watermark = values[0] or b"\x00" * 16
    intents, resting, keys = ranges
    horizon = min([latest, *(root_of(key) for key, _ in intents + resting)])
    if horizon <= watermark and not keys:
        return None, None
    aside = KeyRange(set_aside_key(watermark), set_aside_key(max(watermark, horizon)))
    kept, (found,) = yield Read(
        name,
        version,
        tuple(set_aside_key(root_of(key)) for key, _ in keys),
        ((*aside, ASIDE_AT_ONCE),),
    )
    full = len(found) == ASIDE_AT_ONCE
    if full:
        horizon = root_of(found[-1][0])
    reads: list[KeyRange] = []
    mutations: list[Mutation] = []
    if horizon > watermark:
        unfinished = [up_to(INTENTS, horizon), up_to(RESTING, horizon)]
        reads = [*unfinished, point(WATERMARK), up_to(SET_ASIDE, horizon)]
        roots = dict.fromkeys(root_of(key) for key, _ in found if root_of(key) < horizon)
        mutations = [Set(WATERMARK, horizon), *_around(list(roots), watermark, horizon)]
        mutations += [ClearRange(*up_to(each, horizon)) for each in (DEATHS, WAITERS)]
    refused = client_key_of_root(max(horizon, watermark))
    forgotten: Pairs = [
        pair for pair, note in zip(keys, kept, strict=True) if pair[0] < refused and note is None
    ]
    if forgotten:
        reads.append(KeyRange(by_root.begin, forgotten[-1][0] + b"\x00"))
        for key, text in forgotten:
            mutations += [Clear(key), Clear(client_key(text))]
    if mutations:
        yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)
    after = begin if full else None
    if len(keys) == KEYS_AT_ONCE and keys[-1][0] < refused:
        after = keys[-1][0] + b"\x00"
    return horizon if horizon > watermark else None, after


def _around(roots: Sequence[bytes], watermark: bytes, horizon: bytes) -> list[Mutation]:
    """Clear the journal and promises between two root ids, but for the trees given."""
    cleared: list[Mutation] = []
    for section, of in ((JOURNAL, tree_range), (PROMISED, promised_range)):
        begin = section.begin + watermark
        for root in roots:
            kept = of(root)
            cleared.append(ClearRange(begin, kept.begin))
            begin = kept.end
        cleared.append(ClearRange(begin, section.begin + horizon))
    return cleared


def _close(noted: Noted, name: str) -> Generator[Effect, Any, None]:
    """Forget a tree that was set aside and resumed long ago, unless it is not complete yet."""
    root = noted.root
    version = yield ReadVersion()
    unfinished = intent_range(root), resting_range(root)
    values, (intent, resting, note) = yield Read(
        name,
        version,
        (WATERMARK, client_key_of_root(root)),
        (*((*each, 1) for each in unfinished), (*set_aside_range(root), 1)),
    )
    watermark, text = values
    if intent or resting or not note or watermark is None or root >= watermark:
        return
    reads = [*unfinished, set_aside_range(root), point(client_key_of_root(root))]
    mutations: list[Mutation] = [
        ClearRange(*each)
        for each in (set_aside_range(root), tree_range(root), promised_range(root))
    ]
    if text is not None:
        mutations += [Clear(client_key_of_root(root)), Clear(client_key(text))]
    yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)
