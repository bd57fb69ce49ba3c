"""Reads at a version: each is one SQLite read transaction, so all its parts see one snapshot.

In WAL mode a reader never waits for a writer. What was written after the version asked for
is looked up in `past`: the value that the first later write replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from backends.sqlite.database import discard
from backends.sqlite.errors import StoreFileError, explain
from backends.sqlite.versions import Versions
from core.errors import StoreError
from core.store import Keys, Pairs, Ranges, ReadAnswer

__all__ = ["Reader"]

_LATEST = "SELECT latest, origin FROM meta"
_GET = "SELECT version, value FROM current WHERE key = ?"
_GET_PAST = "SELECT value FROM past WHERE until > ? AND key = ? ORDER BY until LIMIT 1"
_RANGE = (
    "SELECT key, version, value FROM current WHERE key >= ? AND key < ?"
    " AND (value IS NOT NULL OR version > ?) ORDER BY key"
)
_RANGE_PAST = (
    "SELECT key, value FROM past WHERE until > ? AND key >= ? AND key < ? ORDER BY until DESC"
)
_HAS_LOG = "SELECT count(*) FROM sqlite_schema WHERE name = 'log'"
_LOG = "SELECT version, entry FROM log ORDER BY version"


class Reader:
    """Reads on a connection of its own; used by one thread at a time.

    :param connect: opens a connection; used again after one failed.
    """

    def __init__(
        self, path: str, connect: Callable[[], sqlite3.Connection], versions: Versions
    ) -> None:
        self._path = path
        self._connect = connect
        self._versions = versions
        self._cursor: sqlite3.Cursor | None = None

    def latest(self) -> tuple[int, int]:
        """The latest version committed, and the clock's."""
        cursor = self._cursor or self._open()
        try:
            latest, origin = cursor.execute(_LATEST).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return latest, 0 if origin is None else origin + self._versions.reading()

    def read(
        self,
        version: int,
        keys: Keys,
        ranges: Ranges,
        room: int | None = None,
    ) -> ReadAnswer | None:
        """Keys and ranges at one version.

        :param room: how much may be read, in keys, pairs and kilobytes of pairs; None: anything.
        :returns: None if there is more than that.
        :raises TooOld, FutureVersion: the version cannot be read.
        :raises StoreFileError: the file cannot be read.
        """
        cursor = self._cursor or self._open()
        try:
            cursor.execute("BEGIN")
            latest, origin = cursor.execute(_LATEST).fetchone()
            if version != latest:  # nothing was written since the latest, so nothing is gone
                now = max(latest, origin + self._versions.reading())
                self._versions.check(version, latest, now)  # first: the past may be gone
            answer = _answer(cursor, version, keys, ranges, room)
            cursor.execute("COMMIT")
        except StoreError:
            cursor.execute("COMMIT")
            raise
        except sqlite3.Error as error:
            raise self._failed(error) from None
        except BaseException:
            self.close()
            raise
        return answer

    def log(self) -> list[tuple[int, bytes]]:
        """The log of commits, whole."""
        cursor = self._cursor or self._open()
        try:
            if not cursor.execute(_HAS_LOG).fetchone()[0]:
                return []
            return cursor.execute(_LOG).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._cursor is not None:
            discard(self._cursor)
            self._cursor = None

    def _open(self) -> sqlite3.Cursor:
        self._cursor = self._connect().cursor()
        return self._cursor

    def _failed(self, error: sqlite3.Error) -> StoreFileError:
        self.close()
        return explain(error, self._path)


def _answer(
    cursor: sqlite3.Cursor,
    version: int,
    keys: Keys,
    ranges: Ranges,
    room: int | None,
) -> ReadAnswer | None:
    if room is not None:
        room -= len(keys)
        if room < 0:
            return None
    values: list[bytes | None] = []
    for key in keys:
        row = cursor.execute(_GET, (key,)).fetchone()
        if row is not None and row[0] > version:
            value = cursor.execute(_GET_PAST, (version, key)).fetchone()[0]
        else:
            value = None if row is None else row[1]
        values.append(value)
    parts: list[Pairs] = []
    for begin, end, limit in ranges:
        found = _range(cursor, begin, end, version, limit, room)
        if found is None:
            return None
        pairs, room = found
        parts.append(pairs)
    return values, parts


def _range(
    cursor: sqlite3.Cursor, begin: bytes, end: bytes, version: int, limit: int, room: int | None
) -> tuple[Pairs, int | None] | None:
    """Pairs as ``version`` saw them, and the room that is left.

    What was written since is looked up in the past for the whole range at once.
    """
    pairs: Pairs = []
    past: dict[bytes, bytes | None] | None = None
    value: bytes | None
    for key, changed, value in cursor.execute(_RANGE, (begin, end, version)):
        if changed > version:
            if past is None:
                lookup = cursor.connection.execute(_RANGE_PAST, (version, begin, end))
                past = dict(lookup.fetchall())
            value = past[key]
        if room is not None:
            room -= 1 + (len(value) >> 10 if value else 0)
            if room < 0:
                return None
        if value is not None:
            pairs.append((key, value))
            if len(pairs) == limit:
                break
    return pairs, room
