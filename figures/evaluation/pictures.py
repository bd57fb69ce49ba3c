"""The figures, by number: the paper's three, and our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from figures.evaluation import breakdown, contention, costs, recovery, safety
from figures.evaluation.benchmarks import FIGURES, Figure, Line
from figures.evaluation.made import Made, Picture
from figures.evaluation.published import Published
from figures.evaluation.series import as_csv, collect
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import SEQUENTIAL

__all__ = ["PICTURES"]


def _curves(figure: Figure) -> Picture:
    """Lines of throughput against latency, beside published points."""
    ways = (SEQUENTIAL,) if figure.sequential else ()

    def demands() -> list[Demand]:
        return [Demand(line, ways, swept=True) for line in figure.lines]

    def made(folders: Sequence[Path], published: Published) -> Made:
        from figures.evaluation.curves import draw

        panels = {
            name: [
                collect(folders[0], Line(name, each), published, sequential=figure.sequential)
                for each in figure.protocols
            ]
            for name in figure.benchmarks
        }
        every = [series for panel in panels.values() for series in panel]
        return Made(draw(figure, panels), as_csv(every))

    return Picture(figure.number, figure.title, demands, made)


_OWN: Final = (
    contention.PICTURE,
    costs.PICTURE,
    breakdown.PICTURE,
    recovery.PICTURE,
    safety.PICTURE,
)
PICTURES: Final = {each.number: each for each in (*map(_curves, FIGURES.values()), *_OWN)}
