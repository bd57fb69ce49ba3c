"""Memory that all processes of an experiment share.

It is made before the first node is forked and lives as long as any process: what a node
counted is there after it was killed. Every node counts in a slot of its own, so no count is
lost; what several processes decide together is done under a lock of the operating system,
which ends with its holder.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from core.program import Program
from experiment.scenario.model import POINTS

__all__ = ["CLIENT", "COUNTS", "REFUSALS", "STORE", "Shared"]

CLIENT = "client"
STORE = "store"

COUNTS = ("active", "reads", "read_versions", "aborted")
"""What a node counts beside crash points: executions and late messages under way, and calls."""
REFUSALS = (
    "Conflict",
    "FutureVersion",
    "StoreUnavailable",
    "TooLarge",
    "TooOld",
    "Unknown",
)
"""What a store can answer to a commit, by name."""


class Shared:
    """The shared memory of one experiment.

    :param slots: how many nodes there are, the runner's clients included.
    :param faults: how many faults the scenario declares.
    :param parties: the names that partitions stand between, ``*`` aside.
    """

    def __init__(self, program: Program, slots: int, faults: int, parties: Sequence[str]) -> None:
        self.methods = [
            f"{service.name}.{method.name}"
            for service in program.services.values()
            for method in service.methods.values()
        ]
        names = [*COUNTS, *REFUSALS]
        names += [f"{method}@{point}" for method in self.methods for point in POINTS]
        self.names = {name: number for number, name in enumerate(names)}
        self.slots = slots
        self._width = len(names)
        self._parties = {name: number for number, name in enumerate((*parties, "*"))}
        self._begin_cuts = slots * self._width
        self._begin_faults = self._begin_cuts + len(self._parties) ** 2
        size = self._begin_faults + 3 * faults + 4
        self._memory = mmap.mmap(-1, 8 * size)
        self._cells = memoryview(self._memory).cast("q")
        self._stopped = size - 4
        self._began, self._active, self._any_cut = size - 3, size - 2, size - 1
        descriptor, path = tempfile.mkstemp(prefix="mu2sls-")
        os.unlink(path)
        self._lock = descriptor

    # --- time

    def start(self) -> None:
        """The experiment begins: from now on time passes and faults strike."""
        self._cells[self._began] = time.monotonic_ns()
        self._cells[self._active] = 1

    def now(self) -> float:
        """Seconds since the experiment began; 0 before."""
        began = self._cells[self._began]
        return (time.monotonic_ns() - began) / 1e9 if began else 0.0

    # --- counts

    def count(self, slot: int, name: str, by: int = 1) -> None:
        """Count in a slot; only its own process does."""
        self._cells[slot * self._width + self.names[name]] += by

    def begin(self, slot: int) -> None:
        """A new process takes over a slot: what was under way in the last one is no more."""
        self._cells[slot * self._width + self.names["active"]] = 0

    def total(self, name: str) -> int:
        """What all nodes counted."""
        number = self.names[name]
        return sum(self._cells[slot * self._width + number] for slot in range(self.slots))

    def refused(self) -> dict[str, int]:
        """Commits that were refused, by the error's name."""
        return {name: found for name in REFUSALS if (found := self.total(name))}

    # --- whether faults strike at all

    @property
    def is_active(self) -> bool:
        """Whether faults strike."""
        return bool(self._cells[self._active])

    def stop_faults(self) -> None:
        """From now on no fault strikes, and no partition stands."""
        self._cells[self._active] = 0
        for cell in range(self._begin_cuts, self._begin_faults):
            self._cells[cell] = 0
        self._cells[self._any_cut] = 0

    # --- partitions

    def cut(self, source: str, target: str, by: int = 1) -> None:
        """Cut (or with ``by=-1`` mend) the way from ``source`` to ``target``."""
        if self.is_active:
            cell = self._cut(source, target)
            self._cells[cell] = max(0, self._cells[cell] + by)
            cuts = range(self._begin_cuts, self._begin_faults)
            self._cells[self._any_cut] = int(any(self._cells[each] for each in cuts))

    def is_cut(self, source: str, target: str) -> bool:
        """Whether a partition lies between the two; ``*`` is every other place."""
        if not self._cells[self._any_cut] or source == target:
            return False
        ways = ((source, target), (source, "*"), ("*", target))
        return any(self._cells[self._cut(*way)] for way in ways)

    def _cut(self, source: str, target: str) -> int:
        parties = self._parties
        return self._begin_cuts + parties[source] * len(parties) + parties[target]

    # --- what nodes decide together

    @contextmanager
    def together(self, fault: int) -> Iterator[memoryview]:
        """Three numbers of one fault, for one process at a time: seen, strikes, next tick."""
        begin = self._begin_faults + 3 * fault
        with self._locked():
            yield self._cells[begin : begin + 3]

    def may_stop(self, seconds: float) -> bool:
        """Whether a process may be stopped for so long: if no other one is stopped now."""
        with self._locked():
            now = time.monotonic_ns()
            if self._cells[self._stopped] > now:
                return False
            self._cells[self._stopped] = now + int(seconds * 1e9)
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)
