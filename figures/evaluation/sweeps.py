"""One line of a figure: points from one request a second to well past saturation.

Which points a line has depends on what its points measure, so they are asked for one by one. What
was measured before is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.points import Place, Point, measured

__all__ = ["Sweep"]

_PAST = 2
"""So many points past saturation end a line."""
_MOST = 40
"""Points of a line, at most."""
_QUICK = 3
"""In a hurry, every so many-th of the artifact's rates is measured."""


@dataclass(slots=True)
class Sweep:
    """The points of one line that are known, and which is to be measured next.

    :param sequential: whether the throughput of one client is asked for as well.
    """

    place: Place
    line: Line
    sequential: bool = False
    quick: bool = False

    def next(self) -> Point | None:
        """What to measure next; None if the line is complete."""
        return next((point for point in self._points() if point.result() is None), None)

    def _points(self) -> Iterator[Point]:
        """All points as far as it is known which they are: the last may not be measured yet."""
        if self.sequential:
            yield Point(self.place, self.line, 0.0)
        past = 0
        every = _QUICK if self.quick else 1
        for number, rate in enumerate(BENCHMARKS[self.line.benchmark].rates(every=every)):
            point = Point(self.place, self.line, rate)
            yield point
            result = point.result()
            if result is None or number >= _MOST:
                return
            past += measured(result).is_saturated
            if past >= _PAST:
                return
