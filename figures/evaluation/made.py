"""What a figure is: what it wants measured, and what it makes of the results."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from figures.evaluation.benchmarks import Line
from figures.evaluation.points import folder_of
from figures.evaluation.published import Published
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import Way
from figures.results import Result, read
from own_files import MARK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Made", "Picture", "as_text", "result_of"]


class Made(NamedTuple):
    """A figure as it is written: the picture, and its numbers as CSV."""

    picture: Figure
    numbers: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure.

    :ivar demands: what it wants measured.
    :ivar made: the figure, from the results in folders and what was published.
    :ivar most: so many folders can stand side by side.
    """

    number: int
    title: str
    demands: Callable[[], list[Demand]]
    made: Callable[[Sequence[Path], Published], Made]
    most: int = 1


def result_of(folder: Path, line: Line, way: Way) -> Result | None:
    """What a point measured; None if it was not measured.

    :raises BadResult: the result is damaged.
    """
    path = folder_of(folder, line, way) / "result.json"
    return read(path) if path.exists() else None


def as_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Numbers as CSV: floats with four digits, nothing for None."""
    text = io.StringIO()
    text.write(f"# {MARK}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4g}" if value < 1000 else f"{value:.1f}"
    return "" if value is None else value
