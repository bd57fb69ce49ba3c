"""What the evaluation measures: benchmarks, and the lines of each figure.

The rates are those of the artifact's sweeps (requests per second). A line ends when two points were
past saturation, and goes on beyond the artifact's last rate, in ever larger steps, until then: a
protocol that does more than the prototype would otherwise be drawn as if it ended there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

__all__ = ["BENCHMARKS", "FIGURES", "LABELS", "Benchmark", "Figure", "Line", "line_name"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One application under one kind of request.

    :ivar app: as :mod:`compiler` takes it.
    :ivar step: requests per second between two points; the first is at 1, the next at ``first``.
    :ivar last: the artifact's last rate.
    """

    name: str
    title: str
    app: str
    call: str
    first: float
    step: float
    last: float

    def rates(self, *, quick: bool = False) -> Iterator[float]:
        """Offered rates, rising without end.

        :param quick: take few of the artifact's, and larger steps after them.
        """
        yield 1.0
        planned = int((self.last - self.first) / self.step) + 1
        every = (planned + 2) // 3 if quick else 1
        yield from islice((self.first + i * self.step for i in range(planned)), 0, None, every)
        rate = self.last
        while True:
            rate *= 2.0 if quick else 1.25
            yield float(round(rate))


@dataclass(frozen=True, slots=True)
class Line:
    """One benchmark on one protocol."""

    benchmark: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: a panel for each benchmark, in each the same protocols.

    :ivar sequential: whether the throughput of one client is drawn, as a vertical line.
    """

    number: int
    title: str
    benchmarks: tuple[str, ...]
    protocols: tuple[str, ...]
    sequential: bool = False

    @property
    def lines(self) -> list[Line]:
        """All lines, panel by panel."""
        return [Line(name, protocol) for name in self.benchmarks for protocol in self.protocols]


BENCHMARKS: Final = {
    each.name: each
    for each in (
        Benchmark(
            "counter", "Stateful Counter", "apps/counter_paper", "Counter.increment", 20, 40, 380
        ),
        Benchmark("chain", "Chain Counter", "apps/chain_paper", "First.increment", 10, 10, 110),
        Benchmark("tree", "Tree", "apps/tree", "Root.increment", 10, 10, 110),
        Benchmark("media", "Media Review", "apps/media", "Frontend.compose", 2, 2, 38),
        Benchmark("hotel", "Hotel Reservation", "apps/hotel_paper", "Frontend.book", 2, 2, 48),
    )
}

LABELS: Final = {
    "mu2sls": "this system",
    "mu2sls-no-turns": "plain optimistic retry",
    "unsafe": "this system, no protocol",
    "popl23": "POPL 2023",
    "popl23-wait-die": "wait-die locking",
    "popl23-no-fault-tolerance": "POPL 2023 w/o FT",
    "popl23-no-optimized-dict": "POPL 2023 w/o OD",
    "popl23-transactions-only": "POPL 2023, Tx only",
    "popl23-unsafe-with-fault-tolerance": "POPL 2023 unsafe + FT",
    "popl23-unsafe": "POPL 2023 unsafe",
}
"""What protocols are called in legends."""

FIGURES: Final = {
    each.number: each
    for each in (
        Figure(
            9,
            "What fault tolerance costs",
            ("counter", "chain"),
            ("popl23", "popl23-no-fault-tolerance", "mu2sls"),
        ),
        Figure(
            10,
            "Transactions and the optimized dictionary",
            ("counter", "chain", "tree"),
            (
                "popl23",
                "popl23-no-optimized-dict",
                "popl23-unsafe-with-fault-tolerance",
                "mu2sls",
            ),
            sequential=True,
        ),
        Figure(
            11,
            "Applications",
            ("media", "hotel"),
            ("popl23", "popl23-unsafe", "mu2sls"),
            sequential=True,
        ),
    )
}


def line_name(line: Line) -> str:
    """``counter popl23``."""
    return f"{line.benchmark} {line.protocol}"
