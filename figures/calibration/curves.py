"""Published curves beside simulated ones, and how far they are apart.

Two things are compared. *Saturation*: the most that was achieved at any rate. *Medians*, of points
below saturation: there the published system kept up with what was offered, and that was at most
nine tenths of what it could do; beyond, latencies grow with the length of a run. Points at one
request per second are shown, too, and count in no error: they are of thirty requests each, of a
system that had just been started, and scatter without order (8.9 to 18 ms for the same counter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Measured
from figures.evaluation.published import Published, PublishedPoint

__all__ = ["FITTED", "Comparison", "Curve", "chosen", "curves"]

FITTED: Final = ("counter", "chain")
"""The benchmarks that a profile may be fitted to."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One published curve."""

    line: Line
    points: Sequence[PublishedPoint]

    @property
    def saturation(self) -> float:
        """The most that was achieved."""
        return max(point.achieved for point in self.points)

    def counts(self, point: PublishedPoint) -> bool:
        """Whether its median is compared."""
        kept_up = point.achieved >= 0.97 * point.offered
        return 1.0 < point.offered <= 0.9 * self.saturation and kept_up

    @property
    def below(self) -> list[PublishedPoint]:
        """The points below saturation."""
        return [point for point in self.points if self.counts(point)]

    @property
    def beyond(self) -> list[PublishedPoint]:
        """The points at and past saturation."""
        return [point for point in self.points if point.offered > self.saturation]


def curves(published: Published) -> list[Curve]:
    """The curves that a profile may be fitted to."""
    return [
        Curve(line, points)
        for line, points in published.curves.items()
        if line.benchmark in FITTED and line.protocol.startswith("popl23")
    ]


_SPIN: Final = ("popl23-no-optimized-dict", "popl23-transactions-only")
"""Protocols whose requests spin on the lock of a whole dictionary: slow to simulate there."""


def chosen(curve: Curve) -> list[float]:
    """The rates that a fit looks at: few, since each is run again and again.

    One far below saturation, where bursts show, and one beyond, by a quarter or so. The latter is
    left out where requests spin on a lock: how long it is held decides the bursts' medians as well.
    """
    rates = [point.offered for point in curve.below[:1]]
    if curve.line.protocol not in _SPIN:
        past = [point.offered for point in curve.beyond]
        near = [rate for rate in past if rate <= 1.3 * curve.saturation]
        rates += near[-1:] or past[:1]
    return rates


@dataclass(frozen=True, slots=True)
class Comparison:
    """A curve, and what was simulated at some of its rates."""

    curve: Curve
    simulated: Mapping[float, Measured]

    @property
    def saturation(self) -> float | None:
        """Simulated over published throughput at saturation, less one; None if not simulated."""
        if not any(point.offered in self.simulated for point in self.curve.beyond):
            return None
        achieved = max(each.achieved for each in self.simulated.values())
        return achieved / self.curve.saturation - 1

    def error(self, point: PublishedPoint) -> float | None:
        """Simulated over published median, less one."""
        found = self.simulated.get(point.offered)
        return None if found is None or found.p50 is None else found.p50 / point.p50 - 1

    @property
    def medians(self) -> list[float]:
        """The errors of all points below saturation."""
        found = [self.error(point) for point in self.curve.below]
        return [error for error in found if error is not None]

    @property
    def typical(self) -> float:
        """The median of the sizes of these errors."""
        return median(map(abs, self.medians)) if self.medians else 0.0
