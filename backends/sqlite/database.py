"""The store's file: its schema, how it is opened, and what is checked before it is trusted.

==========  ===========================================================================
table       holds
==========  ===========================================================================
`meta`      one row: the latest version, the clock's origin, the last clear of a range
`current`   for every key present its value, and the version that wrote it; a key that
            was removed within the window has the value NULL
`past`      for every write within the window, the value it replaced (NULL: none), by
            the version that wrote; what a reader at an older version still sees
`cleared`   the bounds of ranges cleared within the window
`log`       entries of the log of commits by version; made when the first is written
==========  ===========================================================================

The first two pages a process reads tell a store from any other file: the header
carries an application id, and the schema's version.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from typing import Literal

from backends.sqlite.errors import (
    DamagedFile,
    ForeignFile,
    NewerFile,
    StoreFileError,
    UnwritableFile,
    explain,
)
from backends.sqlite.turns import begin

__all__ = [
    "APPLICATION_ID",
    "FIRST_VERSION",
    "SCHEMA_VERSION",
    "Synchronous",
    "begin",
    "connect",
    "discard",
]

Synchronous = Literal["off", "normal", "full"]

APPLICATION_ID = 0x6D753273
"""``mu2s``, in the header of every store (https://www.sqlite.org/fileformat2.html)."""
SCHEMA_VERSION = 1
FIRST_VERSION = 1

_TABLES = (
    "CREATE TABLE meta (latest INTEGER NOT NULL, origin INTEGER, cleared INTEGER NOT NULL)",
    "CREATE TABLE current (key BLOB PRIMARY KEY, version INTEGER NOT NULL, value BLOB)"
    " WITHOUT ROWID",
    "CREATE TABLE past (until INTEGER, key BLOB, value BLOB, removed INTEGER NOT NULL,"
    " PRIMARY KEY (until, key)) WITHOUT ROWID",
    "CREATE TABLE cleared (version INTEGER, begin BLOB, end BLOB,"
    " PRIMARY KEY (version, begin, end)) WITHOUT ROWID",
    f"INSERT INTO meta VALUES ({FIRST_VERSION}, NULL, 0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_PROBE = (
    "SELECT latest, origin, cleared, (SELECT count(*) FROM (SELECT key, version, value FROM"
    " current LIMIT 1)), (SELECT count(*) FROM (SELECT until, key, value, removed FROM past"
    " LIMIT 1)), (SELECT count(*) FROM (SELECT version, begin, end FROM cleared LIMIT 1)) FROM meta"
)
_ANOTHER = "give another path"
_CHECKPOINT_PAGES = 4_000
_CACHE_KIBIBYTES = 16_384


def connect(path: str, synchronous: Synchronous, timeout: float) -> sqlite3.Connection:
    """Open the store at ``path``, making it if there is none.

    :param timeout: seconds to wait for a lock that another process holds.
    :raises StoreFileError: what is wrong with the file, and what to do.
    """
    _make_private(path)
    try:
        connection = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _unopened(error, path) from None
    try:
        _open(connection, path, timeout)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    except sqlite3.Error as error:
        discard(connection.cursor())
        raise _unopened(error, path) from None
    except BaseException:
        discard(connection.cursor())
        raise
    return connection


def _make_private(path: str) -> None:
    """See that the store is a file, and its owner's alone, as SQLite then makes those beside it.

    Who can read the store knows all of it, and who can lock a byte of ``-shm`` stops all commits.

    :raises StoreFileError: it is something else, or cannot be made.
    """
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise ForeignFile(path, "is no file but a device, a pipe or a socket", _ANOTHER)
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            for name in (path, f"{path}-wal", f"{path}-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(name, 0o600)
    except OSError:
        return  # SQLite cannot use it either, and says why


def discard(cursor: sqlite3.Cursor) -> None:
    """Undo what is under way and close the connection, after an error that may be of any kind.

    Closing alone would not do: SQLite keeps a connection, and its locks, for as long as a
    statement of it is left, and a cursor can be left in a traceback.
    """
    connection = cursor.connection
    for step in (connection.rollback, cursor.close, connection.close):
        with contextlib.suppress(sqlite3.Error):
            step()


def _open(connection: sqlite3.Connection, path: str, timeout: float) -> None:
    """See that the file is a store of ours, or make it one."""
    cursor = connection.cursor()
    if not _is_store(cursor, path):
        begin(cursor, timeout, "PRAGMA journal_mode = WAL")
        begin(cursor, timeout)
        if not _is_store(cursor, path):  # another process may have been faster
            for statement in _TABLES:
                cursor.execute(statement)
        cursor.execute("COMMIT")
    mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        trouble = f"has the journal mode {mode}, not wal"
        raise UnwritableFile(path, trouble, "put it on a local disk, not one of a network")
    if len(cursor.execute(_PROBE).fetchall()) != 1:
        raise _damaged(path)


def _is_store(cursor: sqlite3.Cursor, path: str) -> bool:
    """Whether the file is a store of ours already; False: it is empty.

    :raises ForeignFile, NewerFile: it is neither.
    """
    # Tables first: another process may make them, and its mark with them, between the two.
    tables = cursor.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    application = cursor.execute("PRAGMA application_id").fetchone()[0]
    if application == APPLICATION_ID:
        schema = cursor.execute("PRAGMA user_version").fetchone()[0]
        if schema > SCHEMA_VERSION:
            trouble = f"has schema {schema}, and this release knows {SCHEMA_VERSION} at most"
            raise NewerFile(path, trouble, "upgrade mu2sls, or give another path")
        return True
    if application or tables:
        raise ForeignFile(path, "is another program's SQLite database", "give another path")
    return False


def _damaged(path: str) -> DamagedFile:
    error = sqlite3.DatabaseError()
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    damaged = explain(error, path)
    assert isinstance(damaged, DamagedFile)
    return damaged


def _unopened(error: sqlite3.Error, path: str) -> StoreFileError:
    """Why a file could not be opened, as far as a look at its surroundings tells."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        return UnwritableFile(path, "is a folder", "give the path of a file")
    if not os.path.isdir(folder):
        return UnwritableFile(path, "has no folder to be in", f"create {folder}")
    return explain(error, path)
