"""Operations per second of the SQLite store: ``python -m benchmarks.sqlite``."""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import get_args

from rich.console import Console
from rich.table import Table

from backends.local.database import Synchronous
from backends.local.sqlite import SqliteStore
from core.errors import Conflict
from core.store import Set, point

__all__ = ["main"]

_KEYS = [b"dStock\x00rooms\x00%06d" % number for number in range(10_000)]
_VALUE = b"x" * 40
_THREADS = 16


def _load(store: SqliteStore) -> None:
    for begin in range(0, len(_KEYS), 1_000):
        writes = [Set(key, _VALUE) for key in _KEYS[begin : begin + 1_000]]
        store.commit(store.read_version(), (), writes)


def _commit(store: SqliteStore, rng: random.Random) -> None:
    first, second, third = rng.sample(_KEYS, 3)
    reads = [point(first), point(second), point(third)]
    try:
        store.commit(store.read_version(), reads, [Set(first, _VALUE), Set(second, _VALUE)])
    except Conflict:
        return


def _times(work: Callable[[], object], seconds: float) -> Iterator[float]:
    """How long each of many calls of ``work`` takes."""
    before = time.perf_counter()
    stop = before + seconds
    while before < stop:
        work()
        now = time.perf_counter()
        yield now - before
        before = now


def _alone(work: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Calls per second, median and 99th percentile in microseconds."""
    return _row(list(_times(work, seconds)), seconds)


def _together(store: SqliteStore, seconds: float) -> tuple[float, float, float]:
    times: list[float] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        times.extend(_times(lambda: _commit(store, rng), seconds))

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _row(times, seconds)


def _row(times: list[float], seconds: float) -> tuple[float, float, float]:
    times.sort()
    count = len(times)
    return count / seconds, times[count // 2] * 1e6, times[count * 99 // 100] * 1e6


def _measure(
    folder: str, synchronous: Synchronous, seconds: float
) -> Iterator[tuple[str, tuple[float, float, float]]]:
    store = SqliteStore(f"{folder}/{synchronous}.db", synchronous)
    _load(store)
    rng = random.Random(1)
    version = store.read_version()

    def get() -> None:
        store.get(rng.choice(_KEYS), version)

    yield "get", _alone(get, min(seconds, 3.0))
    yield "read version", _alone(store.read_version, seconds)
    yield "commit, 3 reads, 2 writes", _alone(lambda: _commit(store, rng), seconds)
    yield f"the same, {_THREADS} threads", _together(store, seconds)
    store.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--folder", help="where to measure (default: a temporary folder)")
    arguments = parser.parse_args()
    table = Table("synchronous", "operation", "per second", "median µs", "p99 µs")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for synchronous in get_args(Synchronous):
            for name, numbers in _measure(folder, synchronous, arguments.seconds):
                table.add_row(synchronous, name, *(f"{number:,.0f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    main()
