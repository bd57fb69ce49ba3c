"""How many committed regions per second the checks replay: ``python -m benchmarks.checks``.

A region as the hotel example commits it: two point reads of data, the watermark
and the request's own journal read along, two writes, one journal record.
"""

from __future__ import annotations

import argparse
import random
import time

from rich.console import Console

from core.ids import RequestId, root_id
from core.layout import data_prefix, journal_key
from core.store import KeyRange, Mutation, Set, point
from experiment.checks.replay import replay
from experiment.record.history import Committed, History, Unit

__all__ = ["history", "main", "measure"]


def history(regions: int, keys: int = 1_000, seed: int = 1) -> History:
    """A correct history of ``regions`` commits, one after the other, on ``keys`` keys."""
    rng = random.Random(seed)
    prefix = data_prefix("Hotel", "rooms")
    names = [prefix + b"\x30hotel-%05d\x00" % number for number in range(keys)]
    content = dict.fromkeys(names, b"\x00")
    made = History(initial=dict(content))
    for number in range(regions):
        version = 2 * number + 2
        request = RequestId(root_id(1_700_000_000_000 + number, rng))
        unit = Unit(f"attempt-{number}.1", request, version - 1)
        journal = journal_key(request, 0)
        unit.scans.append((journal, journal + b"\xff", 0, []))
        mutations: list[Mutation] = []
        reads: list[KeyRange] = [point(journal)]
        for name in rng.sample(names, 2):
            unit.reads.append((name, content[name]))
            reads.append(point(name))
            content[name] = rng.randbytes(2)
            mutations.append(Set(name, content[name]))
        unit.reads.append((b"w", None))
        mutations.append(Set(journal, b"record"))
        made.units[unit.name] = unit
        made.commits.append(
            Committed(
                number * 1e-3, version, version - 1, request, 0, -1, (unit.name,), reads, mutations
            )
        )
    return made


def measure(regions: int) -> float:
    """Committed regions replayed per second."""
    made = history(regions)
    begun = time.perf_counter()
    found = replay(made.initial, made.commits, made.units)
    seconds = time.perf_counter() - begun
    assert not found.differences
    return regions / seconds


def main() -> None:
    """Print the best of five."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--regions", type=int, default=100_000)
    regions = parser.parse_args().regions
    best = max(measure(regions) for _ in range(5))
    Console().print(f"{best:,.0f} committed regions replayed per second")


if __name__ == "__main__":
    main()
