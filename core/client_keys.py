"""Client keys: what a client calls its request by, and the root id it stands for.

A client that wants to ask again names its request by a key of its own making
(``Idempotency-Key`` in HTTP). Requests are known by root ids, which sort by
time; so the first use of a key records, durably and before anything else
happens, the root id that the key stands for from then on. Of two first uses at
the same time one wins, since both commit in conflict with the key, and the
other finds what the winner recorded. An unknown commit is looked for like any
other: should it happen late, it conflicts with whatever happened instead.

Both directions are set in one commit and cleared in one commit, by
:mod:`core.retention`, which also has the rule when: never before the root id
itself can no longer run.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.errors import Interrupted, StoreError
from core.journal import METHOD_END
from core.layout import client_key, client_key_of_root
from core.ports import Commit, Effect, Pause, Read, ReadVersion
from core.store import Set, point

__all__ = ["KEY_LENGTH", "root_of_key"]

KEY_LENGTH = 255
"""Longest client key, in bytes."""
_TRIES = 12


def root_of_key(
    text: bytes, fresh: bytes, name: str = "client key"
) -> Generator[Effect, Any, bytes]:
    """The root id that the key ``text`` stands for; ``fresh`` if it stood for none so far.

    :param fresh: a root id drawn just now that nobody else has.
    :raises Interrupted: the store did not say, or refused too often; nothing runs under the
        key on behalf of this try.
    """
    told = ""
    for retry in range(1, _TRIES + 1):
        try:
            return (yield from _look_or_record(text, fresh, name))
        except StoreError as error:
            told = str(error) or type(error).__name__
        yield Pause(retry)
    raise Interrupted(f"the store did not record the request's key: {told}")


def _look_or_record(text: bytes, fresh: bytes, name: str) -> Generator[Effect, Any, bytes]:
    key = client_key(text)
    version = yield ReadVersion()
    values, _ = yield Read(name, version, (key,))
    found: bytes | None = values[0]
    if found is not None:
        return found
    record = [Set(key, fresh), Set(client_key_of_root(fresh), text)]
    yield Commit(None, 0, METHOD_END, (name,), version, [point(key)], [*record])
    return fresh
