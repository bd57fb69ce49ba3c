"""Operations per second of the in-memory store: ``python -m benchmarks.store``."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from core.memory import MemoryStore
from core.store import Set, point

__all__ = ["main"]

_KEYS = [b"dStock\x00rooms\x00%06d" % number for number in range(10_000)]
_VALUE = b"x" * 40


def _rate(work: Callable[[], object], seconds: float = 1.0) -> float:
    """How often per second ``work`` can be done."""
    count = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(100):
            work()
        count += 100
    return count / elapsed


def _measure() -> list[tuple[str, float]]:
    rng = random.Random(1)
    store = MemoryStore()
    store.load((key, _VALUE) for key in _KEYS)
    fresh = iter(range(10_000_000))

    def get() -> None:
        store.get(_KEYS[int(rng.random() * 10_000)], store.read_version())

    def commit() -> None:
        first, second, third = (_KEYS[int(rng.random() * 10_000)] for _ in range(3))
        reads = [point(first), point(second), point(third)]
        store.commit(store.read_version(), reads, [Set(first, _VALUE), Set(second, _VALUE)])

    def journal() -> None:
        key = b"j%016d\x00\x01\x00" % next(fresh)
        reads = [point(key), point(_KEYS[int(rng.random() * 10_000)])]
        store.commit(store.read_version(), reads, [Set(key, _VALUE), Set(reads[1][0], _VALUE)])

    def scan() -> None:
        begin = int(rng.random() * 9_000)
        store.get_range(_KEYS[begin], _KEYS[begin + 20], store.read_version())

    work = {
        "get": get,
        "commit, 3 reads, 2 writes": commit,
        "commit, 2 reads, 2 writes, 1 of a new key": journal,
        "range of 20": scan,
    }
    return [(name, _rate(function)) for name, function in work.items()]


def main() -> None:
    """Print the table."""
    table = Table("operation", "per second", "microseconds")
    for name, rate in _measure():
        table.add_row(name, f"{rate:,.0f}", f"{1e6 / rate:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
