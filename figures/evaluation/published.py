"""The points that the paper's authors published, from the CSV files of ``figures/paper``.

Whatever file there has the columns of a kind of points is read, whatever its name.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from figures.errors import BadResult
from figures.evaluation.benchmarks import BENCHMARKS, Line

__all__ = ["FOLDER", "Published", "PublishedPoint", "load"]

FOLDER: Final = Path(__file__).parents[1] / "paper"

CONFIGURATIONS: Final = {
    "mu2sls": "popl23",
    "mu2sls_no_fault_tolerance": "popl23-no-fault-tolerance",
    "mu2sls_no_optimized_dict": "popl23-no-optimized-dict",
    "transactions_only": "popl23-transactions-only",
    "unsafe_with_fault_tolerance": "popl23-unsafe-with-fault-tolerance",
    "unsafe": "popl23-unsafe",
}
"""The protocols by the names of the published files."""

_KEYS = ("benchmark", "configuration")
_CURVE = ("offered_rps", "achieved_rps", "p50_ms", "p75_ms", "p90_ms")
_SEQUENTIAL = ("throughput_rps",)


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """Requests per second and milliseconds."""

    offered: float
    achieved: float
    p50: float
    p75: float
    p90: float


@dataclass(slots=True)
class Published:
    """All that was published, by line; ``sequential`` is a throughput."""

    curves: dict[Line, list[PublishedPoint]] = field(default_factory=dict)
    sequential: dict[Line, float] = field(default_factory=dict)


def load(folder: Path = FOLDER) -> Published:
    """Read every CSV file of a folder.

    :raises BadResult: a file has other columns, or a value that is none.
    """
    found = Published()
    for path in sorted(folder.glob("*.csv")):
        for line, values in _rows(path):
            if len(values) == 1:
                found.sequential[line] = values[0]
            else:
                found.curves.setdefault(line, []).append(PublishedPoint(*values))
    for points in found.curves.values():
        points.sort(key=lambda point: point.offered)
    return found


def _rows(path: Path) -> Iterator[tuple[Line, list[float]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            columns = _columns(path, rows.fieldnames or ())
            for row in rows:
                where = f"{path}:{rows.line_num}"
                yield _line(where, row), [_number(where, row, name) for name in columns]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadResult(f"{path}: cannot be read: {error}; mend the file or remove it") from None


def _columns(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    for columns in (_CURVE, _SEQUENTIAL):
        if set(names) == {*_KEYS, *columns}:
            return columns
    kinds = " or ".join(",".join((*_KEYS, *columns)) for columns in (_CURVE, _SEQUENTIAL))
    raise BadResult(
        f"{path}:1: the columns are {','.join(names) or 'none'}; published points have {kinds}"
    )


def _line(where: str, row: dict[str, str]) -> Line:
    benchmark, configuration = row["benchmark"], row["configuration"]
    if benchmark not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise BadResult(f"{where}: there is no benchmark '{benchmark}'; write one of {known}")
    if configuration not in CONFIGURATIONS:
        known = ", ".join(CONFIGURATIONS)
        raise BadResult(
            f"{where}: there is no configuration '{configuration}'; write one of {known}"
        )
    return Line(benchmark, CONFIGURATIONS[configuration])


def _number(where: str, row: dict[str, str], name: str) -> float:
    text = row[name]
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise BadResult(f"{where}: {name} is '{text}'; write a number, such as 12.5")
    return value
