"""The Store port on SQLite: durable, and shared by the processes of one machine.

Any number of processes, and of threads in each, use one file in SQLite's WAL mode.
Readers never wait. Commits of one process's threads are grouped
(:mod:`backends.local.group`), and processes take turns (:mod:`backends.local.commits`).
A process that dies at any moment leaves nothing half-done and nobody waiting.

What an acknowledged commit survives depends on ``synchronous``:

==========  =============  =================================  ==========================
            a process's    a crash of the operating system    why
            crash          or a power cut
==========  =============  =================================  ==========================
``off``     yes            no; the file may be damaged        nothing is ever synced
``normal``  yes            the last ones may be lost,         synced when the log is
                           always the latest; no damage       copied back into the file
``full``    yes            yes                                the log is synced by every
                                                              round of commits
==========  =============  =================================  ==========================

(https://www.sqlite.org/pragma.html#pragma_synchronous; a disk that answers a sync before
it is done breaks the last column of any store.)
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence

from backends.local.commits import Committer
from backends.local.database import Synchronous, connect, discard
from backends.local.errors import explain
from backends.local.group import Group, Waiting
from backends.local.versions import TICK, Versions
from core.errors import StoreUnavailable
from core.limits import check_bounds, check_key, check_transaction
from core.store import WINDOW_SECONDS, KeyRange, Mutation, Pairs

__all__ = ["SqliteStore"]

_LATEST = "SELECT latest, origin FROM meta"
_GET = "SELECT latest, origin, version, value FROM meta LEFT JOIN current ON key = ?"
_GET_PAST = (
    "SELECT latest, origin, value FROM meta LEFT JOIN"
    " (SELECT value FROM past WHERE until > ? AND key = ? ORDER BY until LIMIT 1)"
)
_RANGE = (
    "SELECT key, version, value FROM current WHERE key >= ? AND key < ?"
    " AND (value IS NOT NULL OR version > ?) ORDER BY key"
)
_RANGE_PAST = (
    "SELECT key, value FROM past WHERE until > ? AND key >= ? AND key < ? ORDER BY until DESC"
)


class SqliteStore:
    """A durable store in one file; see :class:`core.store.Store` for its contract.

    Safe for calls from several threads. A process opens it for itself: it must not be
    carried across a fork. Errors of the program that asks are those of :mod:`core.limits`.

    :param path: the file; made if there is none, with ``-wal`` and ``-shm`` beside it.
    :param synchronous: what an acknowledged commit survives, see above.
    :param timeout: seconds to wait for other processes before giving up.
    :param clock: seconds, shared by the processes that share the file, see
        :mod:`backends.local.versions`.
    :param window: how many seconds a read version can be used; alike in all processes.
    :raises StoreFileError: the file cannot be used; the message says why and what to do.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        synchronous: Synchronous = "normal",
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        window: float = WINDOW_SECONDS,
    ) -> None:
        self.path = os.fspath(path)
        self._synchronous = synchronous
        self._timeout = timeout
        self._versions = Versions(clock, window)
        self._committer = Committer(self.path, self._connect, self._versions, timeout)
        self._group = Group(self._committer.perform)
        self._closed = False
        self._readers = [self._connect().cursor()]
        self._follow_clock()

    # --- the port --------------------------------------------------------------

    def read_version(self) -> int:
        """The latest version; see :meth:`core.store.Store.read_version`."""
        latest, now = self._latest()
        if now > latest + TICK:
            return self._group.commit(Waiting(None, (), ()))
        return latest

    def get(self, key: bytes, version: int) -> bytes | None:
        """The value of ``key`` at ``version``; see :meth:`core.store.Store.get`."""
        check_key(key)
        reader = self._reader()
        value: bytes | None
        try:
            latest, origin, changed, value = reader.execute(_GET, (key,)).fetchone()
            if changed is not None and changed > version >= 0:
                latest, origin, value = reader.execute(_GET_PAST, (version, key)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(reader, error) from None
        self._readers.append(reader)
        self._versions.check(version, latest, max(latest, origin + self._versions.reading()))
        return value

    def get_range(self, begin: bytes, end: bytes, version: int, limit: int = 0) -> Pairs:
        """Pairs of a range at ``version``; see :meth:`core.store.Store.get_range`."""
        check_bounds(begin, end)
        reader = self._reader()
        try:
            reader.execute("BEGIN")
            latest, origin = reader.execute(_LATEST).fetchone()
            seen = 0 <= version <= latest
            pairs = _range(reader, begin, end, version, limit) if seen else []
            reader.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(reader, error) from None
        self._readers.append(reader)
        self._versions.check(version, latest, max(latest, origin + self._versions.reading()))
        return pairs

    def commit(self, version: int, reads: Sequence[KeyRange], mutations: Sequence[Mutation]) -> int:
        """Commit if nothing read changed since; see :meth:`core.store.Store.commit`.

        :raises FutureVersion: as for a read, and nothing happened.
        :raises StoreUnavailable: the file cannot be written, and nothing happened.
        """
        check_transaction(reads, mutations)
        if self._closed:
            raise self._is_closed()
        return self._group.commit(Waiting(version, reads, mutations))

    # --- beside the port -------------------------------------------------------

    def close(self) -> None:
        """Close every connection; to be called when no call is under way."""
        self._closed = True
        self._committer.close()
        while self._readers:
            self._readers.pop().connection.close()

    # --- connections -----------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise self._is_closed()
        return connect(self.path, self._synchronous, self._timeout)

    def _reader(self) -> sqlite3.Cursor:
        """A connection that no other thread reads with; it goes back, or is closed."""
        try:
            return self._readers.pop()
        except IndexError:
            return self._connect().cursor()

    def _failed(self, reader: sqlite3.Cursor, error: sqlite3.Error) -> StoreUnavailable:
        discard(reader)
        return explain(error, self.path)

    def _is_closed(self) -> StoreUnavailable:
        return StoreUnavailable(f"store {self.path} has been closed: open another SqliteStore")

    # --- versions --------------------------------------------------------------

    def _latest(self) -> tuple[int, int]:
        """The latest version committed, and the clock's."""
        reader = self._reader()
        try:
            latest, origin = reader.execute(_LATEST).fetchone()
        except sqlite3.Error as error:
            raise self._failed(reader, error) from None
        self._readers.append(reader)
        return latest, 0 if origin is None else origin + self._versions.reading()

    def _follow_clock(self) -> None:
        """Let versions go on from the latest if the file is new or the clock was set back."""
        latest, now = self._latest()
        if now < latest:
            self._group.commit(Waiting(None, (), ()))


def _range(reader: sqlite3.Cursor, begin: bytes, end: bytes, version: int, limit: int) -> Pairs:
    """Pairs as ``version`` saw them; what was written since is looked up in the past at once."""
    pairs: Pairs = []
    past: dict[bytes, bytes | None] | None = None
    value: bytes | None
    for key, changed, value in reader.execute(_RANGE, (begin, end, version)):
        if changed > version:
            if past is None:
                lookup = reader.connection.execute(_RANGE_PAST, (version, begin, end))
                past = dict(lookup.fetchall())
            value = past[key]
        if value is not None:
            pairs.append((key, value))
            if len(pairs) == limit:
                break
    return pairs
