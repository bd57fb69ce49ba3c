"""The numbers of a figure: lines of measured points beside the published ones, and their CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from figures.evaluation.benchmarks import Line
from figures.evaluation.points import Measured, measured
from figures.evaluation.published import Published, PublishedPoint
from figures.evaluation.ways import SEQUENTIAL
from figures.results import read
from own_files import MARK

__all__ = ["Series", "as_csv", "collect"]

_COLUMNS = (
    "benchmark", "protocol", "source", "offered_rps", "achieved_rps", "p50_ms", "p75_ms", "p90_ms",
    "not_answered", "command",
)  # fmt: skip


@dataclass(slots=True)
class Series:
    """One line of a figure.

    :ivar backend: where it was measured; empty if it was not.
    :ivar sequential: answers per second to one client that asks one thing after the other.
    """

    line: Line
    backend: str = ""
    points: list[Measured] = field(default_factory=list)
    published: list[PublishedPoint] = field(default_factory=list)
    sequential: Measured | None = None
    published_sequential: float | None = None


def collect(folder: Path, line: Line, published: Published, *, sequential: bool = True) -> Series:
    """All that is known of a line: the results below ``folder``, whoever wrote them.

    Points that were asked in another way than at a rate are other figures'.

    :param sequential: whether the throughput of one client alone is wanted.
    :raises BadResult: one of them is damaged.
    """
    found = Series(line)
    for path in sorted((folder / line.benchmark / line.protocol).glob("*/result.json")):
        alone = path.parent.name == SEQUENTIAL.name
        if not (_is_rate(path.parent.name) or (alone and sequential)):
            continue
        result = read(path)
        found.backend = result.backend
        if alone:
            found.sequential = measured(result)
        else:
            found.points.append(measured(result))
    found.points.sort(key=lambda point: point.offered)
    found.published = published.curves.get(line, [])
    if sequential:
        found.published_sequential = published.sequential.get(line)
    return found


def _is_rate(name: str) -> bool:
    return name.replace(".", "", 1).isdecimal()


def as_csv(series: Sequence[Series]) -> str:
    """Every point of a figure, a row each, with the command that measured it."""
    text = io.StringIO()
    text.write(f"# {MARK}\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for each in series:
        for row in _rows(each):
            rows.writerow(["" if value is None else value for value in row])
    return text.getvalue()


def _rows(series: Series) -> list[list[object]]:
    who: list[object] = [series.line.benchmark, series.line.protocol]
    own = ([series.sequential] if series.sequential else []) + series.points
    rows = [
        [
            *who, series.backend, f"{point.offered:g}" if point.offered else "sequential",
            f"{point.achieved:.2f}", *map(_short, (point.p50, point.p75, point.p90)),
            f"{point.error:.4f}", point.command,
        ]
        for point in own
    ]  # fmt: skip
    if series.published_sequential is not None:
        rows.append([*who, "published", "sequential", series.published_sequential, *[None] * 5])
    for each in series.published:
        numbers = (each.offered, each.achieved, each.p50, each.p75, each.p90)
        rows.append([*who, "published", *map("{:g}".format, numbers), None, None])
    return rows


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
