"""Retention: forget what finished requests left, once nobody may ask again (rule 7).

One commit moves the watermark and clears the journal up to it. The clear writes
every journal key of the range, so an attempt that began before it, and commits
in conflict with its own journal key, can no longer commit; and the attempt
after that sees the watermark. Nothing else is needed to keep old ids from
running twice.

Client keys (:mod:`core.client_keys`) go the same way: **a key is forgotten with
the commit that moves the watermark past its root id, or later, never earlier.**
Were it forgotten earlier, its client's next try would run under a new root id,
while a slow survivor of the first could still run under the old one. From that
commit on the old root id is refused, whoever sends it. Forgotten later, the key
still stands for a root id that is refused: safe, and the next round clears it.
So a key holds for the whole period since its first use, and as long as the
request's intent is there. Used again after that, it is a new request.

What is to go is found by one range read, at most KEYS_AT_ONCE keys in a commit,
as often as it takes. The commit conflicts with the part of the index it read:
otherwise, unknown and applied late, it could clear a key that stands for another
root id by then.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.ids import earliest_root
from core.journal import METHOD_END
from core.layout import (
    CLIENT_KEYS_BY_ROOT,
    INTENTS,
    JOURNAL,
    WATERMARK,
    client_key,
    client_key_of_root,
    root_of_intent,
    up_to,
)
from core.ports import Commit, Effect, Read, ReadVersion
from core.store import Clear, ClearRange, KeyRange, Mutation, Pairs, Set, point

__all__ = ["KEYS_AT_ONCE", "retain"]

KEYS_AT_ONCE = 1_000
"""How many client keys one commit forgets at most: well within the store's limits."""


def retain(
    now_ns: int, period_ns: int, name: str = "retention"
) -> Generator[Effect, Any, bytes | None]:
    """Forget requests that began more than ``period_ns`` ago, but none past the oldest intent.

    The commit conflicts with intents recorded meanwhile for requests that old.

    :returns: the new watermark, or None if it did not move.
    :raises StoreError: nothing more was forgotten, or (Unknown) perhaps; try again later.
    """
    latest = earliest_root((now_ns - period_ns) // 1_000_000)
    moved: bytes | None = None
    while True:
        watermark, more = yield from _round(latest, name)
        moved = watermark or moved
        if not more:
            return moved


def _round(latest: bytes, name: str) -> Generator[Effect, Any, tuple[bytes | None, bool]]:
    """One commit: the watermark if it moved, and whether there are more keys to forget."""
    version = yield ReadVersion()
    by_root = up_to(CLIENT_KEYS_BY_ROOT, latest)
    values, ranges = yield Read(
        name, version, (WATERMARK,), ((*INTENTS, 1), (*by_root, KEYS_AT_ONCE))
    )
    watermark = values[0] or b"\x00" * 16
    intents, keys = ranges
    horizon = min(latest, root_of_intent(intents[0][0])) if intents else latest
    reads: list[KeyRange] = []
    mutations: list[Mutation] = []
    if horizon > watermark:
        reads = [up_to(INTENTS, horizon), point(WATERMARK)]
        mutations = [Set(WATERMARK, horizon), ClearRange(*up_to(JOURNAL, horizon))]
    refused = client_key_of_root(max(horizon, watermark))
    forgotten: Pairs = [(key, text) for key, text in keys if key < refused]
    if forgotten:
        reads.append(KeyRange(by_root.begin, forgotten[-1][0] + b"\x00"))
        for key, text in forgotten:
            mutations += [Clear(key), Clear(client_key(text))]
    if mutations:
        yield Commit(None, 0, METHOD_END, (name,), version, reads, mutations)
    return horizon if horizon > watermark else None, len(forgotten) == KEYS_AT_ONCE
