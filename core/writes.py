"""The writes of a region that are not durable yet, as an overlay on what the store holds.

A log of mutations in program order, with an index for lookups. The log is what
travels in messages and what is committed; a savepoint is a length of the log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from core.store import Clear, ClearRange, KeyRange, Mutation, Pairs, Set

__all__ = ["UNKNOWN", "Writes", "touches"]


class _Unknown:
    """The type of UNKNOWN."""


UNKNOWN: Final = _Unknown()
"""The overlay says nothing about a key: ask the store."""


class Writes:
    """An ordered log of ``Set``, ``Clear`` and ``ClearRange`` with lookups.

    :param base: writes made before, by the caller's region; visible, but not in ``own()``.
    """

    __slots__ = ("_base", "_cleared", "_index", "_log")

    def __init__(self, base: Iterable[Mutation] = ()) -> None:
        self._index: dict[bytes, bytes | None] = {}
        self._cleared: list[KeyRange] = []
        self._log: list[Mutation] = []
        for mutation in base:
            self.add(mutation)
        self._base = len(self._log)

    def __len__(self) -> int:
        return len(self._log)

    def add(self, mutation: Mutation) -> None:
        """Append one mutation."""
        self._log.append(mutation)
        self._enter(mutation)

    def _enter(self, mutation: Mutation) -> None:
        if isinstance(mutation, Set):
            self._index[mutation.key] = mutation.value
        elif isinstance(mutation, Clear):
            self._index[mutation.key] = None
        elif isinstance(mutation, ClearRange):
            begin, end = mutation.begin, mutation.end
            for key in [k for k in self._index if begin <= k < end]:
                del self._index[key]
            self._cleared.append(KeyRange(begin, end))
        else:
            raise TypeError("an atomic operation has no place in an overlay: its result is unknown")

    def get(self, key: bytes) -> bytes | _Unknown | None:
        """The value written, None if removed, or UNKNOWN."""
        found = self._index.get(key, UNKNOWN)
        if found is UNKNOWN and self._cleared:
            for begin, end in self._cleared:
                if begin <= key < end:
                    return None
        return found

    def touch(self, begin: bytes, end: bytes) -> bool:
        """Whether anything in the range was written."""
        return any(begin <= key < end for key in self._index) or any(
            b < end and begin < e for b, e in self._cleared
        )

    def merge(self, begin: bytes, end: bytes, pairs: Pairs) -> Pairs:
        """The pairs of a range as the store has them, with the writes laid over."""
        merged = {k: v for k, v in pairs if not any(b <= k < e for b, e in self._cleared)}
        for key, value in self._index.items():
            if begin <= key < end:
                if value is None:
                    merged.pop(key, None)
                else:
                    merged[key] = value
        return sorted(merged.items())

    def mark(self) -> int:
        """A savepoint."""
        return len(self._log)

    def since(self, mark: int) -> Sequence[Mutation]:
        """What was added after a savepoint."""
        return self._log[mark:]

    def rollback(self, mark: int) -> None:
        """Undo everything after a savepoint."""
        del self._log[mark:]
        self._index.clear()
        self._cleared.clear()
        for mutation in self._log:
            self._enter(mutation)

    def all(self) -> list[Mutation]:
        """Base and own writes, in order."""
        return list(self._log)

    def own(self) -> list[Mutation]:
        """The writes made here, in order, without the base."""
        return self._log[self._base :]


def touches(mutations: Sequence[Mutation], reads: Sequence[KeyRange]) -> bool:
    """Whether any mutation writes a key of any range."""
    if not mutations or not reads:
        return False
    ranges = sorted(reads)
    begins = [r.begin for r in ranges]
    longest_end = max(r.end for r in ranges)
    for mutation in mutations:
        if isinstance(mutation, ClearRange):
            begin, end = mutation.begin, mutation.end
        else:
            begin, end = mutation.key, mutation.key + b"\x00"
        if begin >= longest_end:
            continue
        stop = bisect_left(begins, end)
        if any(ranges[i].end > begin for i in range(stop)):
            return True
    return False
