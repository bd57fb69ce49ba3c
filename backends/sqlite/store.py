"""The Store port on SQLite, awaited: durable, and shared by the processes of one machine.

Any number of processes use one file in SQLite's WAL mode, each with a store of its own.
Reads never wait, so they are made right on the event loop, where they take some
microseconds; one that turns out to be long is made by a thread instead. Commits are
grouped by the committer's thread (:mod:`backends.sqlite.rounds`), and processes take turns
(:mod:`backends.sqlite.turns`). A process that dies at any moment leaves nothing half-done and
nobody waiting.

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

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from backends.runtime.reminder import Reminder
from backends.runtime.store import AsyncStore
from backends.sqlite.commits import Committer
from backends.sqlite.database import Synchronous, connect
from backends.sqlite.reader import Reader
from backends.sqlite.rounds import Rounds, Waiting
from backends.sqlite.versions import TICK, Versions
from core.errors import StoreUnavailable
from core.limits import check_read, check_transaction
from core.store import WINDOW_SECONDS, KeyRange, Keys, Mutation, Ranges, ReadAnswer

__all__ = ["SqliteStore"]

_log = logging.getLogger(__name__)

_TICK_WITHIN = 0.25
"""Seconds that a reader waits for the versions to be brought up to the clock."""
_ROOM = 400
"""What one read may take on the event loop, in keys, pairs and kilobytes: about 0.3 ms."""


class SqliteStore(AsyncStore):
    """A durable store in one file; see :class:`core.store.Store` for its contract.

    For the tasks of one event loop. A process opens it for itself, after it was forked: a call
    in another process raises RuntimeError. Errors of the program that asks are those of
    :mod:`core.limits`. Opening it may wait for other processes, and so does not belong on an
    event loop that has anything else to do.

    :param path: the file; made if there is none, with ``-wal`` and ``-shm`` beside it.
    :param synchronous: what an acknowledged commit survives, see above.
    :param timeout: seconds to wait for other processes before giving up.
    :param clock: seconds, shared by the processes that share the file, see
        :mod:`backends.sqlite.versions`.
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
        self._process = os.getpid()
        self._closed = False
        self._trouble = Reminder()
        self._versions = Versions(clock, window)
        opens = partial(connect, self.path, synchronous, timeout)
        self._committer = Committer(self.path, opens, self._versions, timeout)
        self._rounds = Rounds(self._committer.perform)
        self._reader = Reader(self.path, opens, self._versions)
        self._long_reader = Reader(self.path, opens, self._versions)
        self._aside = ThreadPoolExecutor(1, "long-reader")
        try:
            self._follow_clock()
        except BaseException:
            self._shut()
            raise

    def __str__(self) -> str:
        return f"store {self.path}"

    # --- the port --------------------------------------------------------------

    async def read_version(self) -> int:
        """The latest version; see :meth:`core.store.Store.read_version`.

        Where nobody can write, it stays what it was, and what is there can still be read.
        """
        self._see_usable()
        latest, now = self._reader.latest()
        if now > latest + TICK:
            try:
                async with asyncio.timeout(_TICK_WITHIN):
                    return await self._rounds.commit(Waiting())
            except TimeoutError:
                pass
            except StoreUnavailable as error:
                if self._trouble.is_due():  # where everybody only reads, nobody else would say
                    _log.warning("%s", error)
        return latest

    async def check(self) -> None:
        """See that commits are possible, too: what is there can be read without them."""
        self._see_usable()
        await self._rounds.commit(Waiting())

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        """Keys and ranges at one version; see :class:`core.ports.Read`.

        :raises TooOld, FutureVersion: the version cannot be read.
        :raises StoreUnavailable: the file cannot be read.
        """
        self._see_usable()
        check_read(keys, ranges)
        answer = self._reader.read(version, keys, ranges, _ROOM)
        if answer is None:
            loop = asyncio.get_running_loop()
            read = partial(self._long_reader.read, version, keys, ranges)
            answer = await loop.run_in_executor(self._aside, read)
        assert answer is not None
        return answer

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,
    ) -> int:
        """Commit if nothing read changed since; see :meth:`core.store.Store.commit`.

        It goes on when the task that waits for it is cancelled.

        :raises FutureVersion: as for a read, and nothing happened.
        :raises StoreUnavailable: the file cannot be written, and nothing happened.
        """
        check_transaction(reads, mutations, entry)
        self._see_usable()
        return await self._rounds.commit(Waiting(version, reads, mutations, entry))

    async def log(self) -> list[tuple[int, bytes]]:
        """See :meth:`backends.runtime.store.AsyncStore.log`."""
        self._see_usable()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._aside, self._long_reader.log)

    async def close(self) -> None:
        """Wait for the commits that are queued, and close every connection."""
        if not self._closed:
            self._see_usable()
            self._closed = True
            await asyncio.to_thread(self._shut)

    # --- its life --------------------------------------------------------------

    def _see_usable(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"{self} has been closed: open another SqliteStore")
        if os.getpid() != self._process:
            raise RuntimeError(
                f"{self} was opened in process {self._process} and is used in {os.getpid()}: "
                "a process opens the store for itself, after it was forked"
            )

    def _follow_clock(self) -> None:
        """Let versions go on from the latest if the file is new or the clock was set back."""
        latest, now = self._reader.latest()
        if now < latest:
            tick = Waiting()
            self._committer.perform([tick])
            if isinstance(tick.answer, Exception):
                raise tick.answer

    def _shut(self) -> None:
        self._rounds.join()
        self._aside.shutdown()
        for part in (self._committer, self._long_reader, self._reader):
            part.close()
