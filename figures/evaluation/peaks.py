"""``python -m figures peaks``: what each protocol can do at most, and its median at half of that.

It reads what the figures or the evaluation have measured. A line's peak is the most that was
achieved at any rate; half load is the point whose offered rate is closest to half of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from figures.errors import CannotRun
from figures.evaluation.benchmarks import BENCHMARKS, LABELS, Line
from figures.evaluation.published import Published
from figures.evaluation.series import Series, collect
from figures.marked import insert

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "peaks"]

DESCRIPTION = """\
Tabulate, from measured points, how many requests each protocol can answer a second for each
benchmark, how that compares with the paper's protocol, and the median latency at half of it.
"""

EXAMPLES = """\
examples:
  python -m figures eval
  python -m figures peaks
      measure, and tabulate
  python -m figures peaks --source runs/local --page docs/performance.md
      put the table of other results between the marks of a page
"""

_BASE = "popl23"
"""What others are compared with."""


def add_arguments(parser: argparse.ArgumentParser, _: int) -> None:
    """What the command takes."""
    add = parser.add_argument
    source = Path("figures/out/points")
    add("--source", type=Path, default=source, metavar="DIR", help="the results (%(default)s)")
    add("--page", default="", metavar="PAGE", help="put the table into a page, between its marks")


def peaks(options: argparse.Namespace, console: Console, _: Console) -> None:
    """Print the table, or put it into a page.

    :raises FiguresError: there are no results, or a page without marks.
    """
    lines = [Line(benchmark, protocol) for benchmark in BENCHMARKS for protocol in LABELS]
    found = {line: collect(options.source, line, Published()) for line in lines}
    measured = {line: series for line, series in found.items() if series.points}
    if not measured:
        raise CannotRun(f"{options.source}: has no measured points; run python -m figures eval")
    text = "\n".join(_table(measured))
    if options.page:
        insert(Path(options.page), "peaks", text)
        console.print(f"Written: {options.page}", style="dim", markup=False, soft_wrap=True)
    else:
        console.print(text, markup=False, soft_wrap=True, highlight=False)


def _table(measured: Mapping[Line, Series]) -> Iterator[str]:
    yield f"| benchmark | protocol | peak, requests/s | of `{_BASE}`'s | median at half load |"
    yield "|---|---|---|---|---|"
    for line, series in measured.items():
        base = measured.get(Line(line.benchmark, _BASE))
        ratio = f"{_peak(series) / _peak(base):.2f}" if base is not None else "-"
        yield (
            f"| {line.benchmark} | `{line.protocol}` | {_peak(series):.0f} | {ratio} "
            f"| {_half(series)} |"
        )


def _peak(series: Series) -> float:
    return max(point.achieved for point in series.points)


def _half(series: Series) -> str:
    half = _peak(series) / 2
    point = min(series.points, key=lambda point: abs(point.offered - half))
    return "-" if point.p50 is None else f"{point.p50:.0f} ms at {point.offered:.0f}/s"
