"""Thresholds in k6's words: ``latency: ["p(99)<500ms"]``.

=========================  ===================================  ==========
metric                     aggregates                           bound
=========================  ===================================  ==========
``latency``                ``p(N)`` ``avg`` ``min`` ``med``     a duration
                           ``max``
``goodput``                ``rate`` ``kept``                    a rate; a ratio
``failed``                 ``rate`` ``count``                   a ratio; a count
``commits_per_request``    ``avg``                              a number
``trips_per_request``      ``avg``                              a number
=========================  ===================================  ==========

``kept`` is the goodput in the last quarter of the load, relative to that in the best one.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from experiment.scenario.model import Threshold
from experiment.scenario.quantities import (
    QuantityError,
    count,
    duration,
    number,
    rate,
    ratio,
    show_latency,
    show_rate,
    show_value,
)

__all__ = ["METRICS", "exceeds", "parse", "show_measured"]

METRICS: dict[str, dict[str, Callable[[object], float]]] = {
    "latency": dict.fromkeys(("p(N)", "avg", "min", "med", "max"), duration),
    "goodput": {"rate": rate, "kept": ratio},
    "failed": {"rate": ratio, "count": count},
    "commits_per_request": {"avg": number},
    "trips_per_request": {"avg": number},
}
"""The aggregates of each metric, with the reader of its bound."""

_EXAMPLES = {
    "latency": "p(99)<500ms",
    "goodput": "rate>100/s",
    "failed": "rate<1%",
    "commits_per_request": "avg<2.1",
    "trips_per_request": "avg<6",
}
_RATIOS = (("goodput", "kept"), ("failed", "rate"))
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXPRESSION = re.compile(r"\s*([a-z]+|p\(\s*[\d.]+\s*\))\s*([<>=!]+)\s*(.*?)\s*")
_PLAIN = re.compile(r"\d+(\.\d+)?")


def parse(metric: str, text: object, *, modelled: bool = False) -> Threshold:
    """The threshold that ``text`` sets on ``metric``, one of METRICS.

    :param modelled: whether it is about the modelled platform only.
    :raises QuantityError: it cannot be read.
    """
    example = f'write an aggregate, a comparison and a bound: "{_EXAMPLES[metric]}"'
    match = _EXPRESSION.fullmatch(text) if isinstance(text, str) else None
    if match is None or not match[3]:
        raise QuantityError(f"{show_value(text)} is not a threshold", example)
    aggregate, compare, written = match[1].replace(" ", ""), match[2], match[3]
    if compare not in _OPERATORS:
        raise QuantityError(
            f"'{compare}' is not a comparison", f"write one of {' '.join(_OPERATORS)}"
        )
    read = METRICS[metric].get("p(N)" if aggregate.startswith("p(") else aggregate)
    if read is None:
        known = ", ".join(METRICS[metric])
        raise QuantityError(f"{metric} has no aggregate '{aggregate}'", f"write one of {known}")
    if aggregate.startswith("p("):
        _check_percentile(aggregate)
    bound = read(_plain(written) if read in (ratio, number, count) else written)
    text = f"{aggregate}{compare}{written}"
    return Threshold(metric, aggregate, compare, bound, text, modelled)


def _plain(written: str) -> object:
    """A number without a unit as a number, everything else as it is written."""
    if not _PLAIN.fullmatch(written):
        return written
    return float(written) if "." in written else int(written)


def _check_percentile(aggregate: str) -> None:
    inside = aggregate[2:-1]
    if not _PLAIN.fullmatch(inside) or not 0 < float(inside) <= 100:
        raise QuantityError(f"there is no percentile '{aggregate}'", "write one such as p(99)")


def exceeds(threshold: Threshold, measured: float) -> bool:
    """Whether the measured value is on the wrong side of the bound."""
    return not _OPERATORS[threshold.operator](measured, threshold.bound)


def show_measured(threshold: Threshold, measured: float) -> str:
    """The measured value in the threshold's unit."""
    if threshold.metric == "latency":
        return show_latency(measured)
    if (threshold.metric, threshold.aggregate) in _RATIOS:
        return f"{measured:.2%}"
    if threshold.metric == "goodput":
        return show_rate(measured)
    return f"{measured:,.4g}"
