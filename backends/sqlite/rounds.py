"""Rounds: whatever waits to be committed is committed in one go, by one thread.

The event loop puts transactions into a queue and goes on. The store's own thread takes all
that are there, performs them as one SQLite transaction, and wakes the loop once, with all
the answers; what came meanwhile is the next round. So nobody waits for company, and the
busier the store, the larger its rounds. Alone, a commit is handed over once each way.

A transaction that was put into the queue is performed, whatever becomes of the task that
waits for it. Only one that asks for nothing but a newer version goes with its task: where nobody
can write, readers that wait no longer would make a line that writers then stand in.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from core.errors import Unknown
from core.store import KeyRange, Mutation

__all__ = ["Rounds", "Waiting"]

_MOST = 256
"""Transactions in one round, so that other processes get their turn in between."""


class Waiting:
    """A transaction that waits to be committed.

    :ivar version: None only asks that the store's version be brought up to its clock.
    :ivar entry: for the log of commits, or None.
    :ivar answer: the committed version, or the error to raise; None until there is one.
    """

    __slots__ = ("answer", "entry", "mutations", "reads", "version", "waiter")

    def __init__(
        self,
        version: int | None = None,
        reads: Sequence[KeyRange] = (),
        mutations: Sequence[Mutation] = (),
        entry: bytes | None = None,
    ) -> None:
        self.version = version
        self.reads = reads
        self.mutations = mutations
        self.entry = entry
        self.answer: int | Exception | None = None
        self.waiter: asyncio.Future[int] | None = None

    def is_pointless(self) -> bool:
        """Whether it would commit nothing, for nobody."""
        return self.version is None and self.waiter is not None and self.waiter.cancelled()


class Rounds:
    """The queue of one process, and the thread that works it off.

    :param perform: gives each of the transactions handed to it an answer; only ever called by
        the thread.
    """

    def __init__(self, perform: Callable[[list[Waiting]], None]) -> None:
        self._perform = perform
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def commit(self, one: Waiting) -> int:
        """Queue up for the next round: the committed version, or what ``perform`` answers.

        :raises Unknown: the round broke down.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="committer", daemon=True)
            self._thread.start()
        one.waiter = asyncio.get_running_loop().create_future()
        self._queue.put(one)
        return await one.waiter

    def join(self) -> None:
        """Wait until everything in the queue is done; nothing may be put into it any more."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        queue = self._queue
        while (first := queue.get()) is not None:
            batch = [first]
            for _ in range(queue.qsize()):
                if len(batch) == _MOST:
                    break
                if (another := queue.get()) is None:
                    queue.put(None)  # the end, for the next look
                elif not another.is_pointless():
                    batch.append(another)
            self._round(batch)

    def _round(self, batch: list[Waiting]) -> None:
        try:
            self._perform(batch)
        except Exception as error:  # nobody may be left waiting, whatever went wrong
            for one in batch:
                one.answer = Unknown(f"the round of this commit broke down: {error!r}")
        waiter = batch[-1].waiter  # the latest: the store may have outlived a loop
        assert waiter is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            waiter.get_loop().call_soon_threadsafe(_deliver, batch)


def _deliver(batch: list[Waiting]) -> None:
    """Give every task of a round its answer, on the event loop."""
    for one in batch:
        waiter, answer = one.waiter, one.answer
        if waiter is None or waiter.done():
            continue  # whoever waited was cancelled; the commit stands
        if isinstance(answer, int):
            waiter.set_result(answer)
        else:
            waiter.set_exception(answer or Unknown("the commit got no answer"))
