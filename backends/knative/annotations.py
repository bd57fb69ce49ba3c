"""Annotations of Knative's autoscaler that have no setting of their own.

Which there are and what they take is checked here, as Knative's webhook would after the fact, and
as it would not for a name that it does not know (Knative Serving, "Autoscaling", ``pkg/apis/
autoscaling``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from backends.knative.errors import RenderProblem

__all__ = ["check_annotations"]

_DURATION = re.compile(r"((?P<h>\d+)h)?((?P<m>\d+)m)?((?P<s>\d+)s)?", re.ASCII)


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return math.nan
    hours, minutes, seconds = (int(found[unit] or 0) for unit in "hms")
    return 3600.0 * hours + 60.0 * minutes + seconds


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII) else math.nan


def _whole(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else math.nan


_Rule = tuple[Callable[[str], float], float, float, str]
_HOUR = 3600.0
_KNOWN: dict[str, _Rule] = {
    "activation-scale": (_whole, 1, 2**31 - 1, "a whole number from 1"),
    "initial-scale": (_whole, 0, 2**31 - 1, "a whole number from 0"),
    "panic-threshold-percentage": (_number, 110, 1000, "a number from 110 to 1000"),
    "panic-window-percentage": (_number, 1, 100, "a number from 1 to 100"),
    "scale-down-delay": (_seconds, 0, _HOUR, "a time up to 1h, as 90s or 15m"),
    "scale-to-zero-pod-retention-period": (_seconds, 0, _HOUR, "a time up to 1h, as 90s or 15m"),
    "target-burst-capacity": (_number, -1, math.inf, "a number from 0, or -1"),
    "window": (_seconds, 6, _HOUR, "a time from 6s to 1h, as 90s or 15m"),
}


def check_annotations(place: tuple[str, ...], part: str, given: Mapping[str, str]) -> None:
    """See that Knative knows the annotations and takes their values.

    :param place: where in the settings they stand.
    :raises RenderProblem: one that it does not, and what it does.
    """
    for name, value in given.items():
        if name not in _KNOWN:
            raise RenderProblem(
                f"{part} has the annotation {name!r}, which Knative's autoscaler does not have, or "
                f"which is a setting of its own: choose among {', '.join(_KNOWN)}",
                *place,
                name,
            )
        read, least, most, wanted = _KNOWN[name]
        if not least <= read(value) <= most:  # false for what is no number
            raise RenderProblem(
                f"{part} cannot have a {name} of {value!r}: write {wanted}", *place, name
            )
