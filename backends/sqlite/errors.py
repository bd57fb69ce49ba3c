"""What can be wrong with the local store's file, each with its place and its remedy.

All of them are :class:`core.errors.StoreUnavailable`: whatever was asked had no effect. A
commit that may have happened all the same is :class:`core.errors.Unknown` instead.
"""

from __future__ import annotations

import errno
import os
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


_SAID_OF_FULL_DISKS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says where a file beside the store, ``-shm`` or ``-wal``, cannot grow or be made."""
_SHARED_MEMORY = 32_768
"""Bytes by which ``-shm`` grows (https://www.sqlite.org/walformat.html)."""


def explain(error: sqlite3.Error | OSError, path: str) -> StoreFileError:
    """The error of ours that says what an error means for the store at ``path``.

    Where SQLite's result codes come from: https://www.sqlite.org/rescode.html.
    """
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        code = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN
    else:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
        if code in _SAID_OF_FULL_DISKS and _is_full(path):
            code = sqlite3.SQLITE_FULL
    kind, (trouble, remedy) = _ANSWERS.get(
        code,
        (
            UnreadableFile,
            (f"could not be used ({error})", "look into the system's log of its disk"),
        ),
    )
    return kind(path, trouble, remedy)


def _is_full(path: str) -> bool:
    """Whether there is no room beside the store, not even for what SQLite makes there."""
    try:
        disk = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except OSError:
        return False
    no_files = disk.f_files > 0 and disk.f_favail == 0
    return no_files or disk.f_bavail * disk.f_frsize < _SHARED_MEMORY
