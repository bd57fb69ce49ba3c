"""What can be wrong with the local store's file, each with its place and its remedy.

All of them are :class:`core.errors.StoreUnavailable`: whatever was asked had no effect. A
commit that may have happened all the same is :class:`core.errors.Unknown` instead.
"""

from __future__ import annotations

import errno
import sqlite3

from core.errors import StoreUnavailable

__all__ = [
    "DamagedFile",
    "DiskFull",
    "ForeignFile",
    "LockedFile",
    "NewerFile",
    "StoreFileError",
    "UnreadableFile",
    "UnwritableFile",
    "explain",
]


class StoreFileError(StoreUnavailable):
    """Base of what can be wrong with the store's file.

    :ivar path: the file.
    :ivar trouble: what is wrong with it.
    :ivar remedy: what to do about it.
    """

    def __init__(self, path: str, trouble: str, remedy: str) -> None:
        super().__init__(f"store {path} {trouble}: {remedy}")
        self.path = path
        self.trouble = trouble
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[StoreFileError], tuple[str, str, str]]:
        """Copies and pickles are made of the fields, not of the message."""
        return type(self), (self.path, self.trouble, self.remedy)


class ForeignFile(StoreFileError):
    """The file is something else than a store of this project."""


class NewerFile(StoreFileError):
    """A later release of this project wrote the file in a schema of its own."""


class LockedFile(StoreFileError):
    """Another process holds the file's lock for longer than anybody should."""


class DamagedFile(StoreFileError):
    """The file's content contradicts itself."""


class UnwritableFile(StoreFileError):
    """The file or its folder cannot be opened for writing."""


class DiskFull(StoreFileError):
    """There is no room left for the file to grow."""


class UnreadableFile(StoreFileError):
    """The operating system failed to read or write the file."""


_FOREIGN = ("is not a SQLite database, or its first page is damaged", "give another path")
_DAMAGED = (
    "is damaged",
    "move it and its -wal and -shm aside together, and restore a copy made with "
    "`sqlite3 FILE .backup` or salvage with `sqlite3 FILE .recover`",
)
_UNWRITABLE = (
    "cannot be opened for writing",
    "check the permissions of the file, of its -wal and -shm, and of the folder around them",
)
_LOCKED = (
    "is locked by another process",
    "see which one with `fuser FILE`, and let it go on or stop it",
)
_FULL = ("cannot grow, the disk is full", "make room on its disk; nothing in it is lost")
_ANSWERS: dict[int, tuple[type[StoreFileError], tuple[str, str]]] = {
    sqlite3.SQLITE_NOTADB: (ForeignFile, _FOREIGN),
    sqlite3.SQLITE_CORRUPT: (DamagedFile, _DAMAGED),
    sqlite3.SQLITE_ERROR: (DamagedFile, _DAMAGED),  # all SQL here is fixed: a table is missing
    sqlite3.SQLITE_FULL: (DiskFull, _FULL),
    sqlite3.SQLITE_BUSY: (LockedFile, _LOCKED),
    sqlite3.SQLITE_PROTOCOL: (LockedFile, _LOCKED),
    sqlite3.SQLITE_READONLY: (UnwritableFile, _UNWRITABLE),
    sqlite3.SQLITE_CANTOPEN: (UnwritableFile, _UNWRITABLE),
    sqlite3.SQLITE_PERM: (UnwritableFile, _UNWRITABLE),
}


def explain(error: sqlite3.Error | OSError, path: str) -> StoreFileError:
    """The error of ours that says what an error means for the store at ``path``.

    Where SQLite's result codes come from: https://www.sqlite.org/rescode.html.
    """
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        code = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN
    else:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    kind, (trouble, remedy) = _ANSWERS.get(
        code & 0xFF,
        (
            UnreadableFile,
            (f"could not be used ({error})", "look into the system's log of its disk"),
        ),
    )
    return kind(path, trouble, remedy)
