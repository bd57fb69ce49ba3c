"""The Store port in memory: FoundationDB's rules, exactly, with nothing durable.

The simulator's model is built around it, and the checks replay histories on it.

Every key has its current entry ``(version, value)`` in a dictionary, where the
value of a tombstone is None; entries that were replaced but can still be read
stand in a list of their own, oldest first. A sorted list of the keys serves
ranges. Whether a key that was read changed since is then one look at its
current entry. A clear of a range leaves a tombstone on every key present, and
its bounds in a short queue, for conflicts with keys that were absent.

Each commit also notes which keys it wrote. When a commit leaves the window, no
read can see what it replaced, nor miss a tombstone it left: both are dropped.
So memory is bounded by the keys present and the writes of one window.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sortedcontainers import SortedList  # type: ignore[import-untyped]

from core.atomic import combine
from core.errors import Conflict, FutureVersion, TooOld
from core.limits import USER_KEYS_END, check_bounds, check_key, check_transaction
from core.store import (
    VERSIONS_PER_SECOND,
    WINDOW_SECONDS,
    Clear,
    ClearRange,
    KeyRange,
    Mutation,
    Pairs,
    Set,
)

__all__ = ["MemoryStore"]

_Entry = tuple[int, bytes | None]
_FIRST_VERSION = 1


class MemoryStore:
    """A multi-version store in memory; see :class:`core.store.Store` for its contract.

    Keys outside the user key space raise ValueError, keys or values that are not bytes
    TypeError: errors of the program that asks, not answers.

    :param clock: seconds, never going back; only differences count.
    :param window: how many seconds a read version can be used.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, window: float = WINDOW_SECONDS
    ) -> None:
        self._clock = clock
        self._origin = clock()
        self._window = int(window * VERSIONS_PER_SECOND)
        self._latest = _FIRST_VERSION  # the greatest version committed, handed out or read at
        self._current: dict[bytes, _Entry] = {}
        self._past: dict[bytes, list[_Entry]] = {}
        self._keys: Any = SortedList()
        self._written: deque[tuple[int, list[bytes]]] = deque()
        self._cleared: deque[tuple[int, bytes, bytes]] = deque()

    # --- the port --------------------------------------------------------------

    def read_version(self) -> int:
        """The present version, at least that of the last commit."""
        self._latest = self._now()
        return self._latest

    def get(self, key: bytes, version: int) -> bytes | None:
        """The value of ``key`` at ``version``; see :meth:`core.store.Store.get`."""
        self._use(version)
        entry = self._current.get(key)
        if entry is None:
            check_key(key)
            return None
        return entry[1] if entry[0] <= version else self._before(key, version)

    def get_range(self, begin: bytes, end: bytes, version: int, limit: int = 0) -> Pairs:
        """Pairs of a range at ``version``; see :meth:`core.store.Store.get_range`."""
        self._use(version)
        check_bounds(begin, end)
        pairs: Pairs = []
        current = self._current
        for key in self._present(begin, end):
            changed, value = current[key]
            if changed > version:
                value = self._before(key, version)
            if value is not None:
                pairs.append((key, value))
                if len(pairs) == limit:
                    break
        return pairs

    def commit(self, version: int, reads: Sequence[KeyRange], mutations: Sequence[Mutation]) -> int:
        """Commit if nothing read changed since; see :meth:`core.store.Store.commit`.

        :raises FutureVersion: as for a read, and nothing happened.
        """
        check_transaction(reads, mutations)
        now = self._use(version)
        conflicts = self._conflicts(version, reads)
        if conflicts:
            raise Conflict(tuple(conflicts))
        committed = now if now > self._latest else self._latest + 1
        self._latest = committed
        self._apply(committed, mutations)
        self._prune(committed - self._window)
        return committed

    # --- beside the port -------------------------------------------------------

    def load(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Give an empty store its initial content, at its first version.

        :raises ValueError: the store is not empty.
        """
        if self._current or self._written or self._cleared:
            raise ValueError("only a new store can be loaded: make another MemoryStore")
        for key, value in pairs:
            check_transaction((), (Set(key, value),))
            self._current[key] = (_FIRST_VERSION, value)
        self._keys.update(self._current)

    def snapshot(self, version: int | None = None) -> dict[bytes, bytes]:
        """All pairs at ``version`` (default: now), in key order.

        :raises TooOld, FutureVersion: the version cannot be read.
        """
        return dict(
            self.get_range(b"", USER_KEYS_END, self.read_version() if version is None else version)
        )

    def copy(self) -> MemoryStore:
        """A store with the same content, versions and clock that goes its own way from here."""
        other = MemoryStore(self._clock)
        other._origin, other._window, other._latest = self._origin, self._window, self._latest
        other._current = self._current.copy()
        other._past = {key: entries.copy() for key, entries in self._past.items()}
        other._keys = self._keys.copy()
        other._written = self._written.copy()
        other._cleared = self._cleared.copy()
        return other

    # --- versions --------------------------------------------------------------

    def _now(self) -> int:
        version = _FIRST_VERSION + int((self._clock() - self._origin) * VERSIONS_PER_SECOND)
        return version if version > self._latest else self._latest

    def _use(self, version: int) -> int:
        """Check that ``version`` can be used, and see that no commit gets it any more."""
        now = self._now()
        if version > now:
            raise FutureVersion(f"version {version} is ahead of the store, which is at {now}")
        if version < now - self._window or version < 0:
            raise TooOld(f"version {version} left the window: the store is at {now}")
        if version > self._latest:
            self._latest = version
        return now

    def _before(self, key: bytes, version: int) -> bytes | None:
        """The value of a key at a version older than its current entry."""
        past = self._past.get(key)
        if past is None:
            return None
        index = bisect_left(past, (version + 1,))
        return past[index - 1][1] if index else None

    def _present(self, begin: bytes, end: bytes) -> Iterator[bytes]:
        """Keys of a range that have an entry, tombstones included, in order."""
        keys: Iterator[bytes] = iter(())
        if begin < end:
            keys = self._keys.irange(begin, end, (True, False))
        return keys

    # --- commits ---------------------------------------------------------------

    def _conflicts(self, version: int, reads: Sequence[KeyRange]) -> list[bytes]:
        """For each range that changed after ``version``, a key that did."""
        cleared = self._cleared_since(version)
        conflicts = []
        for begin, end in reads:
            if end == begin + b"\x00":
                entry = self._current.get(begin)
                if entry is not None and entry[0] > version:
                    conflicts.append(begin)
                    continue
            else:
                changed = self._changed(begin, end, version)
                if changed is not None:
                    conflicts.append(changed)
                    continue
            if cleared:
                overlaps = (max(begin, b) for b, e in cleared if max(begin, b) < min(end, e))
                conflicts.extend(list(overlaps)[:1])
        return conflicts

    def _changed(self, begin: bytes, end: bytes, version: int) -> bytes | None:
        current = self._current
        for key in self._present(begin, end):
            if current[key][0] > version:
                return key
        return None

    def _cleared_since(self, version: int) -> list[tuple[bytes, bytes]]:
        since = []
        for cleared, begin, end in reversed(self._cleared):
            if cleared <= version:
                break
            since.append((begin, end))
        return since

    def _apply(self, version: int, mutations: Sequence[Mutation]) -> None:
        written: list[bytes] = []
        for mutation in mutations:
            if isinstance(mutation, Set):
                self._write(version, mutation.key, mutation.value, written)
            elif isinstance(mutation, Clear):
                self._write(version, mutation.key, None, written)
            elif isinstance(mutation, ClearRange):
                self._clear_range(version, mutation.begin, mutation.end, written)
            else:
                stored = self._current.get(mutation.key, (0, None))[1]
                value = combine(mutation.operation, stored, mutation.operand)
                self._write(version, mutation.key, value, written)
        if written:
            self._written.append((version, written))

    def _write(self, version: int, key: bytes, value: bytes | None, written: list[bytes]) -> None:
        entry = self._current.get(key)
        self._current[key] = (version, value)
        if entry is None:
            self._keys.add(key)
        elif entry[0] == version:
            return
        else:
            past = self._past.get(key)
            if past is None:
                self._past[key] = [entry]
            else:
                past.append(entry)
        written.append(key)

    def _clear_range(self, version: int, begin: bytes, end: bytes, written: list[bytes]) -> None:
        self._cleared.append((version, begin, end))
        current = self._current
        for key in self._present(begin, end):
            if current[key][1] is not None:
                self._write(version, key, None, written)

    def _prune(self, floor: int) -> None:
        """Forget what no read at ``floor`` or later can see."""
        written, cleared = self._written, self._cleared
        while cleared and cleared[0][0] <= floor:
            cleared.popleft()
        while written and written[0][0] <= floor:
            version, keys = written.popleft()
            for key in keys:
                self._settle(key, version)

    def _settle(self, key: bytes, version: int) -> None:
        """Drop the entries that the one of ``version`` replaced, and that one if a tombstone."""
        changed, value = self._current[key]
        if changed == version:
            self._past.pop(key, None)
            if value is None:
                del self._current[key]
                self._keys.remove(key)
        else:
            past = self._past[key]
            del past[: bisect_left(past, (version,))]
