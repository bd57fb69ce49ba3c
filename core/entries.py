"""Entries by root id, intents and notes, each of one value or of several in a row."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from core.layout import root_of
from core.ports import Effect, Read
from core.store import KeyRange, Pairs

__all__ = ["Entries", "read_entries"]


class Entries(NamedTuple):
    """What a part of a section holds.

    :ivar found: the entries by root id, whole.
    :ivar rest: the part that was not read yet; None: there is none.
    """

    found: dict[bytes, bytes]
    rest: KeyRange | None


def read_entries(
    version: int, part: KeyRange, limit: int, name: str
) -> Generator[Effect, Any, Entries]:
    """About ``limit`` entries of a part of a section, from its beginning; 0: all of them."""
    _, ranges = yield Read(name, version, (), ((*part, limit),))
    pairs: Pairs = ranges[0]
    rest = None
    if limit and len(pairs) == limit:  # the last entry may have been cut
        last = pairs[-1][0]
        end = last[:17] + b"\xff"
        _, ranges = yield Read(name, version, (), ((last + b"\x00", end, 0),))
        pairs = pairs + ranges[0]
        rest = KeyRange(end, max(end, part.end))
    found: dict[bytes, bytes] = {}
    for key, value in pairs:
        root = root_of(key)
        found[root] = found.get(root, b"") + value
    return Entries(found, rest)
