"""Trees set aside: kept for a person, and taken up again once the code was mended (rule 8).

A tree that was begun and that no retry completes is *set aside*: a note says why, and the
intent goes, so that nobody drives it any more. What the tree left in the journal is kept for as
long as the note is (:mod:`core.retention`). To *resume* it is one commit: the intent is back, so
that recovery drives the tree from where it stood; verdicts in its journal go, and so does what is
counted against it (:mod:`core.poison`). The note stays
and says so, so that who asked for the tree finds its answer for as long as for any other.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from core.entries import read_entries
from core.journal import (
    METHOD_END,
    Aside,
    Intent,
    decode_aside,
    encode_aside,
    encode_intent,
    in_chunks,
)
from core.layout import (
    SET_ASIDE,
    deaths_of_tree,
    intent_key,
    intent_range,
    is_verdict,
    set_aside_key,
    set_aside_range,
    tree_range,
)
from core.lines import leave
from core.messages import Failed, Origin
from core.ports import Commit, Effect, Read, ReadVersion
from core.store import Clear, ClearRange, KeyRange, Mutation

__all__ = ["Noted", "ended", "notes", "resume", "set_aside"]

_PAGE = 1_000
_LONGEST = 2_000
"""Characters of a reason that are kept."""


class Noted(NamedTuple):
    """A tree set aside, and its note."""

    root: bytes
    note: Aside


def set_aside(root: bytes, origin: Origin, why: Failed, now_ns: int) -> list[Mutation]:
    """Keep a tree that cannot be completed for a person, and let its intent go."""
    note = Aside(origin, why.text[:_LONGEST], why.cause or why.kind, now_ns)
    return [*_written(root, note), ClearRange(*intent_range(root))]


def ended(
    root: bytes, origin: Origin, why: Failed, now_ns: int, version: int, name: str
) -> Generator[Effect, Any, tuple[list[KeyRange], list[Mutation]]]:
    """:func:`set_aside`, and what the tree has a place in is left to others (:mod:`core.lines`).

    :returns: in conflict with what it is to be committed, and what.
    """
    reads, left = yield from leave(root, version, name)
    return reads, [*set_aside(root, origin, why, now_ns), *left]


def _written(root: bytes, note: Aside) -> list[Mutation]:
    chunks = in_chunks(set_aside_key(root), encode_aside(note))
    return [ClearRange(*set_aside_range(root)), *chunks]


def notes(name: str = "notes") -> Generator[Effect, Any, list[Noted]]:
    """All that is set aside, or was and has been resumed, in the order in which it began.

    :raises StoreError: the store did not answer.
    """
    parts = [SET_ASIDE]
    found: list[Noted] = []
    while parts:
        version = yield ReadVersion()
        entries, parts = yield from read_entries(version, parts, _PAGE, name)
        found += [Noted(root, decode_aside(data)) for root, data in entries.items()]
    return found


def resume(root: bytes, now_ns: int, name: str = "resume") -> Generator[Effect, Any, bool]:
    """Take a tree up again that was set aside: recovery then drives it.

    :returns: whether it was set aside, and not resumed before.
    :raises Conflict: something happened to it meanwhile: try again.
    :raises StoreError: the store did not answer; or (Unknown) perhaps it is done.
    """
    version = yield ReadVersion()
    own = set_aside_range(root)
    entries = yield from read_entries(version, [own], 0, name)
    if root not in entries.found:
        return False
    note = decode_aside(entries.found[root])
    if note.resumed:
        return False
    mutations = _written(root, Aside(note.origin, note.reason, note.cause, note.since, now_ns))
    mutations += [Clear(key) for key in (yield from _verdicts(root, version, name))]
    mutations += [ClearRange(*deaths_of_tree(root)), ClearRange(*intent_range(root))]
    mutations += in_chunks(intent_key(root), encode_intent(Intent(note.origin)))
    yield Commit(None, 0, METHOD_END, (name,), version, [own, tree_range(root)], mutations)
    return True


def _verdicts(root: bytes, version: int, name: str) -> Generator[Effect, Any, list[bytes]]:
    """The keys of the verdicts in a tree's journal."""
    begin, end = tree_range(root)
    found: list[bytes] = []
    while True:
        _, (pairs,) = yield Read(name, version, (), ((begin, end, _PAGE),))
        found += [key for key, _ in pairs if is_verdict(key)]
        if len(pairs) < _PAGE:
            return found
        begin = pairs[-1][0] + b"\x00"
