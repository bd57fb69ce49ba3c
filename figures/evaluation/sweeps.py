"""What is measured of one line: single points, and rising rates to well past saturation.

Which points a sweep has depends on what its points measure, so they are asked for one by one. What
was measured before is taken as it is. What several figures want of a line is measured once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.points import Place, Point, measured
from figures.evaluation.ways import Way, at_rate

__all__ = ["Demand", "Sweep", "together"]

_PAST, _QUICK_PAST = 2, 1
"""So many points past saturation end a line; in a hurry, fewer."""
_MOST = 40
"""Points of a line, at most."""


class Demand(NamedTuple):
    """What a figure wants of a line.

    :ivar ways: the single points.
    :ivar swept: whether it wants rising rates, too.
    """

    line: Line
    ways: tuple[Way, ...] = ()
    swept: bool = False


def together(demands: Iterable[Demand]) -> list[Demand]:
    """One demand for each line, which has what all want of it, each point once."""
    ways: dict[Line, dict[Way, None]] = {}
    swept: dict[Line, bool] = {}
    for demand in demands:
        ways.setdefault(demand.line, {}).update(dict.fromkeys(demand.ways))
        swept[demand.line] = swept.get(demand.line, False) or demand.swept
    return [Demand(line, tuple(ways[line]), swept[line]) for line in ways]


@dataclass(slots=True)
class Sweep:
    """The points of a demand that are known, and which is to be measured next."""

    place: Place
    demand: Demand
    quick: bool = False

    @property
    def line(self) -> Line:
        """The line that is measured."""
        return self.demand.line

    def next(self) -> Point | None:
        """What to measure next; None if the line is complete."""
        return next((point for point in self._points() if point.result() is None), None)

    def _points(self) -> Iterator[Point]:
        """All points as far as it is known which they are: the last may not be measured yet."""
        for way in self.demand.ways:
            yield Point(self.place, self.line, way)
        if not self.demand.swept:
            return
        past = 0
        enough = _QUICK_PAST if self.quick else _PAST
        rates = BENCHMARKS[self.line.benchmark].rates(quick=self.quick)
        for number, rate in enumerate(rates):
            point = Point(self.place, self.line, at_rate(rate))
            yield point
            result = point.result()
            if result is None or number >= _MOST:
                return
            past += measured(result).is_saturated
            if past >= enough:
                return
