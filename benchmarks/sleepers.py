"""What a hundred thousand requests cost that sleep: nothing but their keys.

    python -m benchmarks.sleepers --markdown

A counter is up twice on this machine, once with as many requests beside it that begin in a year.
Both are asked for increments in turns, by one client and by sixteen, in five rounds each.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import msgspec
from rich.console import Console

from backends.local.measuring.bench import Bench, machine, temporary
from backends.local.measuring.driving import Driver, driver
from backends.local.measuring.generator import Stage
from compiler.application import load

__all__ = ["main"]

_APP = str(Path(__file__).with_name("sleeping.py"))
_AT_ONCE = 500
_KEYS = 1_000
_ROUNDS = 5
_CLIENTS = (1, 16)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sleepers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--sleepers", type=int, default=100_000, help="how many there are (%(default)s)")
    add("--seconds", type=float, default=4.0, help="of load in each round (%(default)g)")
    add("--markdown", action="store_true", help="a table for docs/performance.md")
    options = parser.parse_args()
    write = Console(highlight=False, soft_wrap=True, markup=False).print
    application, wanted = load(_APP), Bench(_APP)
    increments = [
        ("/Counter.increment", msgspec.json.encode([f"key-{number}"]).decode())
        for number in range(_KEYS)
    ]
    here = machine()
    with (
        temporary(application, wanted) as alone,
        temporary(application, wanted) as beside,
        driver([(beside, [("/Counter.lull", f"[{_AT_ONCE}]")])]) as lulling,
        driver([(alone, increments), (beside, increments)]) as asks,
    ):
        asleep = _lull(lulling, options.sleepers)
        rows = [_row(asks, clients, options.seconds) for clients in _CLIENTS]
    write(
        f"{asleep:,} requests asleep, beside one of two counters; {here.system}, {here.cores} cores"
    )
    if options.markdown:
        heads = ("clients", "alone, answers/s", "beside them, answers/s", "ratio (median)")
        write("| " + " | ".join(heads) + " |")
        write("|" + "---|" * len(heads))
        for row in rows:
            write("| " + " | ".join(row) + " |")
        return
    for clients, before, after, ratio in rows:
        write(f"{clients:>2} clients: {before}/s alone, {after}/s beside them, ratio {ratio}")


def _lull(asks: Driver, count: int) -> int:
    """Let at least so many requests fall asleep: how many did."""
    asleep = 0
    while asleep < count:
        asleep += asks.run(Stage(0, 2, 0.0, 0.0, 1.0)).asked * _AT_ONCE
    return asleep


def _row(asks: Driver, clients: int, seconds: float) -> tuple[str, ...]:
    rates: list[list[float]] = [[], []]
    for number in range(_ROUNDS):
        for target in (0, 1) if number % 2 else (1, 0):
            seen = asks.run(Stage(target, clients, 0.0, seconds / 4, seconds))
            rates[target].append(seen.per_second)
    ratios = [beside / alone for alone, beside in zip(*rates, strict=True)]
    alone, beside = (statistics.median(each) for each in rates)
    return str(clients), f"{alone:,.0f}", f"{beside:,.0f}", f"{statistics.median(ratios):.2f}"


if __name__ == "__main__":
    main()
