"""The search for values: least squares over the logarithms of times, by SciPy.

What is made small are logarithms of simulated over published values, each curve's equally heavy:
saturation twice as much as its medians together. The search takes differences over steps of a
sixth, since a simulation is no smooth function; seeds are always the same, so it is deterministic.

How well a curve is predicted that the fit has not seen is estimated from the last derivatives: one
more step of the same search from where it ended, without that curve.
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
"""Of the logarithm of a time, for a derivative."""
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
        import numpy as np
        from scipy.optimize import least_squares
    except ImportError:
        raise CannotRun("fitting needs SciPy: install it with pip install -e .[fit]") from None
    shapes: list[tuple[str, int]] = []
    count = 0

    def of(place: Any) -> Any:
        nonlocal count
        count += 1
        values = dict(zip(PARAMETERS, (math.exp(each) for each in place), strict=True))
        found = evaluate(values)
        parts = [residuals(each) for each in found]
        shapes[:] = [
            (f"{each.curve.line.benchmark} {each.curve.line.protocol}", len(part))
            for each, part in zip(found, parts, strict=True)
        ]
        return np.array([number for part in parts for number in part])

    low = np.log([each.low for each in PARAMETERS])
    high = np.log([each.high for each in PARAMETERS])
    start = np.clip(np.log([begin[each] for each in PARAMETERS]), low + 1e-9, high - 1e-9)
    began = of(start)
    result = least_squares(
        of, start, bounds=(low, high), diff_step=_STEP / np.abs(start), max_nfev=rounds
    )
    ended = dict(zip(PARAMETERS, (math.exp(each) for each in result.x), strict=True))
    left = _left_out(result.jac, result.fun, shapes)
    return Fitted(ended, float(result.cost), float(began @ began) / 2, count, left)


def _left_out(jacobian: Any, ends: Any, shapes: Sequence[tuple[str, int]]) -> list[Left]:
    """For each curve, one step of the search without it, and what that does to the curve."""
    import numpy as np

    found, at = [], 0
    for name, size in shapes:
        own = np.zeros(len(ends), dtype=bool)
        own[at : at + size] = True
        at += size
        step = np.linalg.lstsq(jacobian[~own], -ends[~own], rcond=0.05)[0]
        predicted = ends[own] + jacobian[own] @ np.clip(step, -0.5, 0.5)
        found.append(Left(name, _size(predicted), _size(ends[own])))
    return found


def _size(parts: Any) -> float:
    """The typical error behind residuals, of a curve's median and saturation alike."""
    return math.expm1(math.sqrt(float(parts @ parts) / max(len(parts), 1)))
