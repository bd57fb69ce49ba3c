"""What a calibration came to, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from figures.calibration.curves import Comparison
from figures.calibration.fit import Fitted
from figures.calibration.parameters import Parameter

__all__ = ["after_the_fit", "of_curves"]

SATURATION, MEDIAN = 0.10, 0.20
"""What is aimed at: errors of throughput at saturation, and of each median below."""


def of_curves(found: Sequence[Comparison], values: Mapping[Parameter, float]) -> str:
    """The values, the errors of each curve, and of each point."""
    return "\n".join(
        [
            "| parameter | value | between | is |",
            "|---|---|---|---|",
            *(
                f"| `{each.name}` | {_time(seconds)} | {_time(each.low)} to {_time(each.high)} "
                f"| {each.meaning} |"
                for each, seconds in values.items()
            ),
            "",
            "| curve | saturation, published | simulated | error | medians, typical error | worst "
            "| beyond 20 % |",
            "|---|---|---|---|---|---|---|",
            *map(_curve, found),
            "",
            _summary(found),
            "",
            "Errors of the medians, by offered rate; those in brackets count in no error:",
            "",
            "| curve | requests/s: error |",
            "|---|---|",
            *map(_points, found),
            "",
        ]
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


def _name(found: Comparison) -> str:
    return f"{found.curve.line.benchmark} `{found.curve.line.protocol}`"


def _curve(found: Comparison) -> str:
    published, error = found.curve.saturation, found.saturation
    simulated = ("-", "-") if error is None else (f"{published * (1 + error):.0f}", f"{error:+.0%}")
    medians = found.medians
    worst = max(medians, key=abs) if medians else 0.0
    off = sum(abs(each) > MEDIAN for each in medians)
    return (
        f"| {_name(found)} | {published:.0f} | {simulated[0]} | {simulated[1]} "
        f"| {found.typical:.0%} | {worst:+.0%} | {off} of {len(medians)} |"
    )


def _summary(found: Sequence[Comparison]) -> str:
    known = [each.saturation for each in found if each.saturation is not None]
    good = sum(abs(error) <= SATURATION for error in known)
    medians = [error for each in found for error in each.medians]
    near = sum(abs(error) <= MEDIAN for error in medians)
    return (
        f"Saturation is within {SATURATION:.0%} on {good} of {len(known)} curves, and "
        f"{near} of {len(medians)} medians below it are within {MEDIAN:.0%}."
    )


def _points(found: Comparison) -> str:
    return f"| {_name(found)} | {', '.join(_errors(found))} |"


def _errors(found: Comparison) -> Iterator[str]:
    for point in found.curve.points:
        error = found.error(point)
        if error is not None:
            text = f"{point.offered:g}: {error:+.0%}"
            yield text if found.curve.counts(point) else f"({text})"


def after_the_fit(fitted: Fitted) -> str:
    """How the search went, and how well curves are predicted that it has not seen."""
    return "\n".join(
        [
            f"The search took {fitted.evaluations} evaluations; half the sum of squares fell from "
            f"{fitted.began:.3f} to {fitted.cost:.3f}. Each curve left out in turn:",
            "",
            "| curve | error in the fit | error when left out |",
            "|---|---|---|",
            *(f"| {each.name} | {each.seen:.0%} | {each.predicted:.0%} |" for each in fitted.left),
            "",
        ]
    )
