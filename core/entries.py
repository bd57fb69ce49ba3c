"""Entries by root id, intents and notes, each of one value or of several in a row."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from core.layout import root_of
from core.ports import Effect, Read
from core.store import KeyRange, Pairs

__all__ = ["Entries", "read_entries"]


class Entries(NamedTuple):
    """What parts of a section hold.

    :ivar found: the entries by root id, whole.
    :ivar rest: the parts that were not read yet.
    """

    found: dict[bytes, bytes]
    rest: list[KeyRange]


def read_entries(
    version: int, parts: Sequence[KeyRange], limit: int, name: str
) -> Generator[Effect, Any, Entries]:
    """About ``limit`` entries of each part of a section, from its beginning; 0: all of them."""
    _, ranges = yield Read(name, version, (), tuple((*part, limit) for part in parts))
    found: dict[bytes, bytes] = {}
    rest: list[KeyRange] = []
    for part, first in zip(parts, ranges, strict=True):
        pairs: Pairs = first
        if limit and len(pairs) == limit:  # the last entry may have been cut
            last = pairs[-1][0]
            end = last[:17] + b"\xff"
            _, (more,) = yield Read(name, version, (), ((last + b"\x00", end, 0),))
            pairs = pairs + more
            rest.append(KeyRange(end, max(end, part.end)))
        for key, value in pairs:
            root = root_of(key)
            found[root] = found.get(root, b"") + value
    return Entries(found, rest)
