"""Giving room back: what became free in the store's file goes back to the file system.

A store that is in use keeps what was replaced or removed for as long as some read can see it,
and uses freed pages again, but its file never gets smaller. When nobody uses it, what was kept
for reads can go at once: the latest version is set past the window, so that no version handed
out before can be used any more, and the file is written anew without its gaps.
"""

from __future__ import annotations

import sqlite3
import time

from backends.sqlite.database import begin, connect, discard
from backends.sqlite.errors import explain
from core.store import VERSIONS_PER_SECOND, WINDOW_SECONDS

__all__ = ["shrink"]

_PATIENCE = 5.0
_BEYOND = int(WINDOW_SECONDS * VERSIONS_PER_SECOND) + 1
_FORGET = (
    "DELETE FROM past",
    "DELETE FROM cleared",
    "DELETE FROM current WHERE value IS NULL",
)


def shrink(path: str, alone: bool) -> None:
    """Give back what room can be given back.

    :param alone: whether nobody else uses the store, nor will until this returns. Otherwise
        only the log that stands beside the file is cut, if that can be done at once.
    :raises StoreFileError: the file cannot be used, or there is no room to write it anew; nothing
        in it is lost.
    """
    connection = connect(path, "normal", _PATIENCE)
    try:
        if alone:
            _forget_past(connection)
            connection.execute("VACUUM")
        else:
            connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise explain(error, path) from None
    finally:
        discard(connection.cursor())


def _forget_past(connection: sqlite3.Connection) -> None:
    cursor = connection.cursor()
    begin(cursor, _PATIENCE)
    latest, origin = cursor.execute("SELECT latest, origin FROM meta").fetchone()
    clock = int(time.monotonic() * VERSIONS_PER_SECOND)
    now = latest if origin is None else max(latest, origin + clock)
    cursor.execute("UPDATE meta SET latest = ?, cleared = 0", (now + _BEYOND,))
    for statement in _FORGET:
        cursor.execute(statement)
    cursor.execute("COMMIT")
