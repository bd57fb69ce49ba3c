"""Turns: processes that want to write wait for each other, and nobody waits for ever.

SQLite lets one connection write at a time and has no queue: whoever asks first after the
other is done goes next, and a process that commits without a pause asks first nearly
always. Its own way to wait sleeps for a millisecond and more, where a commit takes a
tenth of one. So a process that waits here asks again soon; and when it has waited for
PATIENCE, it takes a second lock, beside the first, that says so. Whoever comes anew looks
at that lock and lets its holder go first. The second lock is the operating system's on a
file ``-turn``; it ends with the process that holds it, and one that holds it and does not
move is passed after COURTESY.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time

__all__ = ["Turns", "begin"]

PATIENCE = 0.005
"""Seconds after which a process asks others to let it go first."""
COURTESY = 0.05
"""Seconds for which others do."""
_SHORTEST = 0.000_05
_LONGEST = 0.001


def begin(cursor: sqlite3.Cursor, timeout: float, statement: str = "BEGIN IMMEDIATE") -> None:
    """Execute a statement that needs a lock, as soon as other processes let it.

    :raises sqlite3.OperationalError: still locked after ``timeout`` seconds, or no lock at all.
    """
    deadline = time.monotonic() + timeout
    pause = _SHORTEST
    while not _begun(cursor, statement, deadline):
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)


class Turns:
    """One process's part in taking turns; used by one thread at a time.

    :param path: the store's file.
    :param timeout: seconds to wait for a turn.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._timeout = timeout
        self._file = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Take part no more."""
        os.close(self._file)

    def begin(self, cursor: sqlite3.Cursor) -> None:
        """Begin to write when it is this process's turn.

        :raises sqlite3.OperationalError: it did not become so, or something else is wrong.
        """
        asked = time.monotonic()
        self._let_pass(asked + COURTESY)
        claimed = False
        pause = _SHORTEST
        try:
            while not _begun(cursor, "BEGIN IMMEDIATE", asked + self._timeout):
                if not claimed and time.monotonic() > asked + PATIENCE:
                    claimed = self._lock(fcntl.LOCK_EX)
                time.sleep(_SHORTEST if claimed else pause)
                pause = min(2 * pause, _LONGEST)
        finally:
            if claimed:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _let_pass(self, deadline: float) -> None:
        """Wait while another process claims to go first."""
        while not self._lock(fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                return
            time.sleep(2 * _SHORTEST)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _begun(cursor: sqlite3.Cursor, statement: str, deadline: float) -> bool:
    try:
        cursor.execute(statement)
    except sqlite3.OperationalError as error:
        busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        if not busy or time.monotonic() > deadline:
            raise
        return False
    return True
