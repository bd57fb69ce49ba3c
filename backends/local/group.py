"""Group commit: whoever finds nobody at work works for all who wait.

Threads that commit at the same time queue up. The first of them leads: it takes
everyone who waits, performs their transactions in one go, and wakes them with their
answers. Who came in the meantime waits for the next round, and the first among them
leads it. So nobody leads for longer than one round, and no thread exists for this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from core.errors import Unknown
from core.store import KeyRange, Mutation

__all__ = ["Group", "Waiting"]


class Waiting:
    """A transaction that waits to be committed.

    :ivar version: None only asks that the store's version be brought up to its clock.
    :ivar answer: the committed version, or the error to raise; None until there is one.
    :ivar leads: whether its thread was woken to lead the round that performs it.
    """

    __slots__ = ("answer", "gate", "leads", "mutations", "reads", "version")

    def __init__(
        self, version: int | None, reads: Sequence[KeyRange], mutations: Sequence[Mutation]
    ) -> None:
        self.version = version
        self.reads = reads
        self.mutations = mutations
        self.answer: int | Exception | None = None
        self.leads = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Group:
    """The queue of one process.

    :param perform: gives each of the transactions handed to it an answer, in order; it is
        never called by two threads at once.
    """

    def __init__(self, perform: Callable[[list[Waiting]], None]) -> None:
        self._perform = perform
        self._lock = threading.Lock()
        self._queue: list[Waiting] = []
        self._led = False

    def commit(self, one: Waiting) -> int:
        """Wait until ``one`` is answered, leading a round if need be."""
        with self._lock:
            self._queue.append(one)
            first = not self._led
            self._led = True
        if not first:
            self._wait(one)
        if first or one.leads:
            self._lead()
        if isinstance(one.answer, int):
            return one.answer
        raise one.answer or Unknown("the commit was interrupted while others waited for it")

    def _wait(self, one: Waiting) -> None:
        try:
            one.gate.acquire()
        except BaseException:  # an interrupt: nobody may be left waiting for this thread
            with self._lock:
                if one in self._queue:
                    self._queue.remove(one)
                if one.leads:
                    self._pass_on()
            raise

    def _lead(self) -> None:
        with self._lock:
            batch, self._queue = self._queue, []
        try:
            self._perform(batch)
        finally:
            with self._lock:
                self._pass_on()
            for one in batch:
                one.gate.release()

    def _pass_on(self) -> None:
        """Make the first in the queue lead the next round."""
        self._led = bool(self._queue)
        if self._led:
            self._queue[0].leads = True
            self._queue[0].gate.release()
