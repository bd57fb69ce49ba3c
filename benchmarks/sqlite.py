"""Operations per second of the SQLite store: ``python -m benchmarks.sqlite``.

As a node uses it: awaited, by the tasks of one event loop. Times include the event loop's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import get_args

from rich.console import Console
from rich.table import Table

from backends.sqlite.database import Synchronous
from backends.sqlite.store import SqliteStore
from core.errors import Conflict
from core.store import Set, point

__all__ = ["main"]

_KEYS = [b"dStock\x00rooms\x00%06d" % number for number in range(10_000)]
_VALUE = b"x" * 40
_ENTRY = bytes(2_000)
_TASKS = 16

_Work = Callable[[random.Random], Awaitable[object]]
_Row = tuple[str, float, float, float, float]
"""What is done, calls per second, median and 99th percentile in µs, µs of CPU for each."""


async def _load(store: SqliteStore) -> None:
    for begin in range(0, len(_KEYS), 1_000):
        writes = [Set(key, _VALUE) for key in _KEYS[begin : begin + 1_000]]
        await store.commit(await store.read_version(), (), writes)


async def _measure(name: str, work: _Work, seconds: float, tasks: int = 1) -> _Row:
    times: list[float] = []
    stop = time.perf_counter() + seconds

    async def client(seed: int) -> None:
        rng = random.Random(seed)
        before = time.perf_counter()
        while before < stop:
            await work(rng)
            now = time.perf_counter()
            times.append(now - before)
            before = now

    used = time.process_time()
    await asyncio.gather(*map(client, range(tasks)))
    used = time.process_time() - used
    times.sort()
    count = len(times)
    median, last = times[count // 2], times[count * 99 // 100]
    return name, count / seconds, median * 1e6, last * 1e6, used / count * 1e6


async def _rows(path: str, synchronous: Synchronous, seconds: float) -> AsyncIterator[_Row]:
    store = SqliteStore(path, synchronous)
    await _load(store)

    async def read_version(_: random.Random) -> None:
        await store.read_version()

    async def read_key(rng: random.Random) -> None:
        await store.read(await store.read_version(), (rng.choice(_KEYS),))

    async def read_region(rng: random.Random) -> None:
        first = rng.randrange(len(_KEYS) - 10)
        ranges = ((_KEYS[first], _KEYS[first + 10], 0), (b"j", b"k", 0))
        await store.read(await store.read_version(), rng.sample(_KEYS, 3), ranges)

    async def commit(rng: random.Random, entry: bytes | None = None) -> None:
        first, second, third = rng.sample(_KEYS, 3)
        version = await store.read_version()
        await store.read(version, (first, second, third))
        reads = [point(first), point(second), point(third)]
        try:
            await store.commit(version, reads, [Set(first, _VALUE), Set(second, _VALUE)], entry)
        except Conflict:
            return

    async def logged(rng: random.Random) -> None:
        await commit(rng, _ENTRY)

    if synchronous == "off":  # for reads it makes no difference
        short = min(seconds, 2.0)
        yield await _measure("read version", read_version, short)
        yield await _measure("the same, and a read of a key", read_key, short)
        yield await _measure("the same, of 3 keys and 2 ranges", read_region, short)
    yield await _measure("version, read of 3, commit of 2", commit, seconds)
    yield await _measure("the same, logged", logged, seconds)
    yield await _measure(f"the same, {_TASKS} tasks", commit, seconds, _TASKS)
    await store.close()


def _several(path: str, synchronous: Synchronous, seconds: float, processes: int) -> float:
    """Commits per second of processes of 4 tasks each, all together."""

    async def work(seed: int) -> int:
        store = SqliteStore(path, synchronous)

        async def commit(rng: random.Random) -> None:
            key = rng.choice(_KEYS)
            version = await store.read_version()
            await store.commit(version, [point(key)], [Set(key, _VALUE)])

        async def client(number: int) -> int:
            rng, count = random.Random(4 * seed + number), 0
            stop = time.perf_counter() + seconds
            while time.perf_counter() < stop:
                try:
                    await commit(rng)
                except Conflict:
                    continue
                count += 1
            return count

        counts = await asyncio.gather(*map(client, range(4)))
        await store.close()
        return sum(counts)

    reading, writing = os.pipe()
    children = []
    for seed in range(processes):
        child = os.fork()
        if not child:
            os.write(writing, b"%d\n" % asyncio.run(work(seed)))
            os._exit(0)
        children.append(child)
    os.close(writing)
    for child in children:
        os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return sum(map(int, pipe)) / seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--folder", help="where to measure (default: a temporary folder)")
    arguments = parser.parse_args()
    table = Table("synchronous", "operation", "per second", "median µs", "p99 µs", "CPU µs")

    async def measure(path: str, synchronous: Synchronous) -> None:
        async for name, *numbers in _rows(path, synchronous, arguments.seconds):
            table.add_row(synchronous, name, *(f"{number:,.0f}" for number in numbers))

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for synchronous in get_args(Synchronous):
            path = f"{folder}/{synchronous}.db"
            asyncio.run(measure(path, synchronous))
            together = _several(path, synchronous, arguments.seconds, 4)
            table.add_row(synchronous, "4 processes of 4 tasks", f"{together:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
