"""What the nodes of a measurement did at the store: counts and durations, in shared memory.

The memory is made before the nodes are forked and each node writes a part of its own, so
nothing is lost and nobody waits. Durations stand in logarithmic buckets, each 2 % wide.
"""

from __future__ import annotations

import math
import mmap
import time
from collections.abc import Sequence

from backends.runtime.caller import Caller
from backends.runtime.host import Host
from backends.runtime.node import Make, Node
from backends.runtime.store import AsyncStore
from core.errors import StoreError
from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer

__all__ = ["OPERATIONS", "Meter", "Metering"]

OPERATIONS = ("read_version", "read", "commit")

_STEPS = 32
"""Buckets for each doubling."""
_BUCKETS = 36 * _STEPS
"""Up to 2**36 ns, a minute."""
_REFUSED = len(OPERATIONS) * _BUCKETS
_WIDTH = _REFUSED + 1


class Meter:
    """The shared memory of one measurement.

    :param nodes: how many nodes there are.
    """

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes
        self._cells = memoryview(mmap.mmap(-1, 8 * nodes * _WIDTH)).cast("q")

    def took(self, node: int, operation: int, nanoseconds: int) -> None:
        """An operation of :data:`OPERATIONS` succeeded."""
        bucket = min(int(math.log2(nanoseconds or 1) * _STEPS), _BUCKETS - 1)
        self._cells[node * _WIDTH + operation * _BUCKETS + bucket] += 1

    def refused(self, node: int) -> None:
        """A commit was refused."""
        self._cells[node * _WIDTH + _REFUSED] += 1

    def counts(self) -> dict[str, int]:
        """How often each operation succeeded so far, and how many commits were ``refused``."""
        totals = {name: sum(self._buckets(name)) for name in OPERATIONS}
        cells, nodes = self._cells, range(self.nodes)
        return {**totals, "refused": sum(cells[n * _WIDTH + _REFUSED] for n in nodes)}

    def quantile(self, operation: str, share: float) -> float:
        """The seconds that ``share`` of all operations of one kind did not exceed; 0 without any.

        :param share: from 0 to 1.
        """
        buckets = self._buckets(operation)
        rank, seen = share * sum(buckets), 0
        for bucket, count in enumerate(buckets):
            seen += count
            if seen and seen >= rank:
                return float(2 ** ((bucket + 0.5) / _STEPS)) * 1e-9
        return 0.0

    def reset(self) -> None:
        """Begin anew; what is under way meanwhile may be counted or not."""
        for cell in range(len(self._cells)):
            self._cells[cell] = 0

    def _buckets(self, operation: str) -> list[int]:
        begin = OPERATIONS.index(operation) * _BUCKETS
        rows = [
            self._cells[node * _WIDTH + begin : node * _WIDTH + begin + _BUCKETS]
            for node in range(self.nodes)
        ]
        return [sum(column) for column in zip(*rows, strict=True)]


class Metering(Make):
    """Makes a node whose store is metered; ``number`` is the node's part of the memory."""

    def __init__(self, meter: Meter, number: int) -> None:
        self._meter = meter
        self._number = number

    def host(self, node: Node, caller: Caller) -> Host:
        """See :class:`backends.runtime.node.Make`."""
        store = _Metered(node.store, self._meter, self._number)
        program = node.application.program
        return Host(program, store, caller.call, node.settings, node.protocol)


class _Metered(AsyncStore):
    """A store whose operations are metered."""

    def __init__(self, store: AsyncStore, meter: Meter, number: int) -> None:
        self._store = store
        self._meter = meter
        self._number = number

    async def read_version(self) -> int:
        began = time.perf_counter_ns()
        version = await self._store.read_version()
        self._meter.took(self._number, 0, time.perf_counter_ns() - began)
        return version

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        began = time.perf_counter_ns()
        answer = await self._store.read(version, keys, ranges)
        self._meter.took(self._number, 1, time.perf_counter_ns() - began)
        return answer

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,
    ) -> int:
        began = time.perf_counter_ns()
        try:
            committed = await self._store.commit(version, reads, mutations, entry)
        except StoreError:
            self._meter.refused(self._number)
            raise
        self._meter.took(self._number, 2, time.perf_counter_ns() - began)
        return committed

    async def log(self) -> list[tuple[int, bytes]]:
        return await self._store.log()

    async def close(self) -> None:
        await self._store.close()
