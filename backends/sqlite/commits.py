"""Commits: what is checked and written, for all who wait, in one SQLite transaction.

Each transaction of a round is checked against the tables as those before it left them,
and gets a version of its own. A refused one has written nothing. Whether a key changed is
one look at ``current``; whether a range did, one look through the writes since the read
version in ``past``. A commit that fails before SQLite was told to commit has no effect;
after that, nobody can say, except when the disk was full: SQLite writes the frame that
makes a commit count last, so it is not there.

Entries of the log of commits stand in a table of their own, made when the first is written,
so a store nobody logs has none.

A version grows old with the clock. That the latest does, because nobody could commit, is no
reason to be told: then the commit that is refused moves the versions on, or says why it cannot.

Now and then a commit also forgets what left the window, a bounded piece at a time.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Sequence

from backends.sqlite.database import discard
from backends.sqlite.errors import DiskFull, explain
from backends.sqlite.rounds import Waiting
from backends.sqlite.turns import Turns
from backends.sqlite.versions import Versions
from core.atomic import combine
from core.errors import Conflict, StoreError, Unknown
from core.store import VERSIONS_PER_SECOND, Clear, ClearRange, KeyRange, Mutation, Set

__all__ = ["Committer"]

_PIECE = 1_000
"""How many replaced values one round forgets at most."""
_PRUNE_EVERY = VERSIONS_PER_SECOND // 10

_META = "SELECT latest, origin, cleared FROM meta"
_SET_META = "UPDATE meta SET latest = ?, origin = ?, cleared = ?"
_CHANGED_KEY = "SELECT 1 FROM current WHERE key = ? AND version > ?"
_CHANGED_RANGE = "SELECT key FROM past WHERE until > ? AND key >= ? AND key < ? LIMIT 1"
_CLEARED = "SELECT begin, end FROM cleared WHERE version > ?"
_VALUE = "SELECT value FROM current WHERE key = ?"
_PRESENT = "SELECT key FROM current WHERE key >= ? AND key < ? AND value IS NOT NULL"
_REMEMBER = (
    "INSERT INTO past SELECT ?, ?, value, ? FROM (SELECT 1) LEFT JOIN current ON current.key = ?"
)
_WRITE = (
    "INSERT INTO current VALUES (?, ?, ?) ON CONFLICT (key)"
    " DO UPDATE SET version = excluded.version, value = excluded.value"
)
_REMEMBER_CLEARED = "INSERT OR IGNORE INTO cleared VALUES (?, ?, ?)"
_MAKE_LOG = "CREATE TABLE IF NOT EXISTS log (version INTEGER PRIMARY KEY, entry BLOB NOT NULL)"
_LOG = "INSERT INTO log VALUES (?, ?)"
_OUTDATED = "SELECT until, key, removed FROM past WHERE until <= ? ORDER BY until, key LIMIT ?"
_FORGET = "DELETE FROM past WHERE (until, key) <= (?, ?)"
_FORGET_REMOVED = "DELETE FROM current WHERE key = ? AND version = ? AND value IS NULL"
_FORGET_CLEARED = "DELETE FROM cleared WHERE version <= ?"


class _Round:
    """What ``meta`` holds while a round of transactions is performed."""

    __slots__ = ("cleared", "latest", "origin")

    def __init__(self, latest: int, origin: int | None, cleared: int) -> None:
        self.latest = latest
        self.origin = origin
        self.cleared = cleared

    def now(self, reading: int) -> int:
        """The present version, setting the origin forward where the clock is behind."""
        if self.origin is None or self.origin + reading < self.latest:
            self.origin = self.latest - reading
        return self.origin + reading


class Committer:
    """Performs rounds of transactions, one at a time, on a connection of its own.

    :param connect: opens a connection; used again after one failed.
    :param timeout: seconds to wait for other processes.
    """

    def __init__(
        self,
        path: str,
        connect: Callable[[], sqlite3.Connection],
        versions: Versions,
        timeout: float,
    ) -> None:
        self._path = path
        self._connect = connect
        self._versions = versions
        self._timeout = timeout
        self._turns: Turns | None = None
        self._connection: sqlite3.Connection | None = None
        self._has_log = False  # whether this connection has seen the log's table
        self._pruned = 0  # the version at which this process last found nothing to forget

    def perform(self, batch: Sequence[Waiting]) -> None:
        """Give every transaction of a round its answer."""
        answers: Sequence[int | Exception]
        try:
            answers = self._transaction(batch)
        except StoreError as error:
            answers = [copy.copy(error) for _ in batch]
        for one, answer in zip(batch, answers, strict=True):
            one.answer = answer

    def close(self) -> None:
        """Close the connection; what is not committed is undone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._has_log = False
        if self._turns is not None:
            self._turns.close()
            self._turns = None

    def _drop(self, cursor: sqlite3.Cursor) -> None:
        self._connection = None
        self._has_log = False  # if it was made, that may be undone
        discard(cursor)

    # --- one SQLite transaction ----------------------------------------------------

    def _transaction(self, batch: Sequence[Waiting]) -> list[int | Exception]:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.execute("PRAGMA busy_timeout = 0")  # Turns waits
        cursor = self._connection.cursor()
        asked = False
        try:
            if self._turns is None:
                self._turns = Turns(self._path, self._timeout)
            self._turns.begin(cursor)
            state = _Round(*cursor.execute(_META).fetchone())
            before = state.latest
            answers = [self._answer(cursor, state, one) for one in batch]
            if state.latest > before:
                self._prune(cursor, state.latest)
                cursor.execute(_SET_META, (state.latest, state.origin, state.cleared))
            asked = True
            cursor.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._drop(cursor)
            failure = explain(error, self._path)
            if asked and not isinstance(failure, DiskFull):
                raise Unknown(f"the commit may have happened; {failure}") from None
            raise failure from None
        except BaseException:
            self._drop(cursor)
            raise
        return answers

    def _answer(self, cursor: sqlite3.Cursor, state: _Round, one: Waiting) -> int | Exception:
        now = state.now(self._versions.reading())
        if one.version is not None:
            try:
                self._versions.check(one.version, state.latest, now)
            except StoreError as refusal:
                # Nothing followed the version: the clock alone did, so what is written now is how
                # far it went. Where nothing can be written, the round says that, and not this.
                if one.version == state.latest:
                    state.latest = max(now, state.latest)
                return refusal
            conflicts = _conflicts(cursor, state, one.version, one.reads)
            if conflicts:
                return Conflict(tuple(conflicts))
        state.latest = max(now, state.latest + 1)
        _apply(cursor, state, one.mutations)
        if one.entry is not None:
            self._log(cursor, state.latest, one.entry)
        return state.latest

    def _log(self, cursor: sqlite3.Cursor, version: int, entry: bytes) -> None:
        if not self._has_log:
            cursor.execute(_MAKE_LOG)
            self._has_log = True
        cursor.execute(_LOG, (version, entry))

    def _prune(self, cursor: sqlite3.Cursor, latest: int) -> None:
        """Forget what no read within the window can see."""
        if latest < self._pruned + _PRUNE_EVERY:
            return
        floor = latest - self._versions.window
        outdated = cursor.execute(_OUTDATED, (floor, _PIECE)).fetchall()
        if outdated:
            removed = [(key, until) for until, key, removed in outdated if removed]
            if removed:
                cursor.executemany(_FORGET_REMOVED, removed)
            cursor.execute(_FORGET, outdated[-1][:2])
        if len(outdated) < _PIECE:
            cursor.execute(_FORGET_CLEARED, (floor,))
            self._pruned = latest


def _conflicts(
    cursor: sqlite3.Cursor, state: _Round, version: int, reads: Sequence[KeyRange]
) -> list[bytes]:
    """For each range that changed after ``version``, a key that did."""
    cleared: list[tuple[bytes, bytes]] = []
    if state.cleared > version:
        cleared = cursor.execute(_CLEARED, (version,)).fetchall()
    conflicts = []
    for begin, end in reads:
        if end == begin + b"\x00":
            if cursor.execute(_CHANGED_KEY, (begin, version)).fetchone() is not None:
                conflicts.append(begin)
                continue
        else:
            changed = cursor.execute(_CHANGED_RANGE, (version, begin, end)).fetchone()
            if changed is not None:
                conflicts.append(changed[0])
                continue
        if cleared:
            overlaps = (max(begin, b) for b, e in cleared if max(begin, b) < min(end, e))
            conflicts.extend(list(overlaps)[:1])
    return conflicts


def _apply(cursor: sqlite3.Cursor, state: _Round, mutations: Sequence[Mutation]) -> None:
    """Write what a transaction's mutations, in their order, make of the store."""
    version = state.latest
    written: dict[bytes, bytes | None] = {}
    for mutation in mutations:
        if isinstance(mutation, Set):
            written[mutation.key] = mutation.value
        elif isinstance(mutation, Clear):
            written[mutation.key] = None
        elif isinstance(mutation, ClearRange):
            begin, end = mutation.begin, mutation.end
            if begin < end:
                written.update((key, None) for key in written if begin <= key < end)
                present = cursor.execute(_PRESENT, (begin, end)).fetchall()
                written.update((key, None) for (key,) in present)
                cursor.execute(_REMEMBER_CLEARED, (version, begin, end))
                state.cleared = version
        else:
            key = mutation.key
            if key in written:
                stored = written[key]
            else:
                row = cursor.execute(_VALUE, (key,)).fetchone()
                stored = None if row is None else row[0]
            written[key] = combine(mutation.operation, stored, mutation.operand)
    if written:
        past = [(version, key, value is None, key) for key, value in written.items()]
        cursor.executemany(_REMEMBER, past)
        current = [(key, version, value) for key, value in written.items()]
        cursor.executemany(_WRITE, current)
