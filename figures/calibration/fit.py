"""The search for values: least squares over the logarithms of times, by SciPy.

What is made small are logarithms of simulated over published values, each curve's equally heavy:
saturation twice as much as its medians together. Each round takes differences over steps of a
sixth, since a simulation is no smooth function, solves the linear problem that they make within the
bounds (Gauss and Newton's method, by ``scipy.optimize.lsq_linear``), and goes there, or half or a
quarter of the way, if that is better. Seeds are always the same, so the search is deterministic.

How well a curve is predicted that the fit has not seen is estimated from the last differences: the
same step without that curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from figures.calibration.curves import Comparison
from figures.calibration.parameters import PARAMETERS, Parameter
from figures.errors import CannotRun

__all__ = ["Fitted", "Left", "residuals", "search"]

Values = Mapping[Parameter, float]

_STEP: Final = 0.15
"""Of the logarithm of a time, for a difference."""
_FAR: Final = 0.5
"""The same for a round, at most: differences say little of what is further away."""
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Left:
    """A curve that was left out, and how far the prediction is off.

    :ivar seen: the same with the curve in the fit.
    """

    name: str
    predicted: float
    seen: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where the search ended.

    :ivar cost: half the sum of squares there; ``began`` where it began.
    """

    values: dict[Parameter, float]
    cost: float
    began: float
    evaluations: int
    left: list[Left]


def residuals(found: Comparison) -> list[float]:
    """What is to be small of one curve; the same number each time."""
    weight = 1 / math.sqrt(max(len(found.medians), 1))
    medians = [weight * math.log1p(error) for error in found.medians]
    saturation = found.saturation
    return medians if saturation is None else [*medians, 2 * math.log1p(saturation)]


def search(
    begin: Values, evaluate: Callable[[Values], Sequence[Comparison]], rounds: int = _ROUNDS
) -> Fitted:
    """Search from ``begin``, within the parameters' bounds.

    :param evaluate: simulates the curves, always the same ones.
    :raises CannotRun: SciPy is missing.
    """
    try:
        return _Search(evaluate).run(begin, rounds)
    except ImportError:
        raise CannotRun("fitting needs SciPy: install it with pip install -e .[fit]") from None


class _Search:
    """One search; places are vectors of logarithms.

    :ivar curves: the name of each curve, and how many residuals it has.
    """

    def __init__(self, evaluate: Callable[[Values], Sequence[Comparison]]) -> None:
        import numpy as np

        self._evaluate = evaluate
        self._low = np.log([each.low for each in PARAMETERS])
        self._high = np.log([each.high for each in PARAMETERS])
        self.count = 0
        self.curves: list[tuple[str, int]] = []

    def run(self, begin: Values, rounds: int) -> Fitted:
        """Go on for so many rounds, or until nothing better is found."""
        import numpy as np

        place = np.clip(np.log([begin[each] for each in PARAMETERS]), self._low, self._high)
        ends = self._residuals(place)
        began = float(ends @ ends) / 2
        left: list[Left] = []
        for _ in range(rounds):
            slopes = self._slopes(place, ends)
            left = self._left_out(place, slopes, ends)
            step = self._step(place, slopes, ends)
            for part in (1.0, 0.5, 0.25):
                found = self._residuals(place + part * step)
                if found @ found < ends @ ends:
                    place, ends = place + part * step, found
                    break
            else:
                break
        values = dict(zip(PARAMETERS, (math.exp(each) for each in place), strict=True))
        return Fitted(values, float(ends @ ends) / 2, began, self.count, left)

    def _residuals(self, place: Any) -> Any:
        import numpy as np

        self.count += 1
        values = dict(zip(PARAMETERS, (math.exp(each) for each in place), strict=True))
        found = self._evaluate(values)
        parts = [residuals(each) for each in found]
        names = [f"{each.curve.line.benchmark} {each.curve.line.protocol}" for each in found]
        self.curves = list(zip(names, map(len, parts), strict=True))
        return np.array([number for part in parts for number in part])

    def _slopes(self, place: Any, ends: Any) -> Any:
        import numpy as np

        columns = []
        for index in range(len(place)):
            step = _STEP if place[index] + _STEP <= self._high[index] else -_STEP
            beside = place.copy()
            beside[index] += step
            columns.append((self._residuals(beside) - ends) / step)
        return np.array(columns).T

    def _step(self, place: Any, slopes: Any, ends: Any) -> Any:
        """The best step by the slopes; steps that change little stay small."""
        import numpy as np
        from scipy.optimize import lsq_linear

        low = np.maximum(self._low - place, -_FAR) - 1e-9
        high = np.minimum(self._high - place, _FAR) + 1e-9
        calm = 0.1 * np.eye(len(place))
        rows = np.vstack([slopes, calm])
        wanted = np.concatenate([-ends, np.zeros(len(place))])
        return np.clip(lsq_linear(rows, wanted, (low, high)).x, low + 1e-9, high - 1e-9)

    def _left_out(self, place: Any, slopes: Any, ends: Any) -> list[Left]:
        """For each curve, the step without it, and what that does to the curve."""
        import numpy as np

        found, at = [], 0
        for name, size in self.curves:
            own = np.zeros(len(ends), dtype=bool)
            own[at : at + size] = True
            at += size
            with_it = ends[own] + slopes[own] @ self._step(place, slopes, ends)
            step = self._step(place, slopes[~own], ends[~own])
            found.append(Left(name, _size(ends[own] + slopes[own] @ step), _size(with_it)))
        return found


def _size(parts: Any) -> float:
    """The typical error behind residuals, of a curve's median and saturation alike."""
    return math.expm1(math.sqrt(float(parts @ parts) / max(len(parts), 1)))
