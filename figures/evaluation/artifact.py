"""``python -m figures eval``: the evaluation as the paper's artifact ran it.

The options are the artifact's. What comes out is drawn by ``python -m figures --source DIR``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from rich.console import Console

from figures.errors import FiguresError
from figures.evaluation.benchmarks import BENCHMARKS, FIGURES, Line
from figures.evaluation.command import SECONDS, add_measuring
from figures.evaluation.points import Place, Point, measured
from figures.evaluation.running import run
from figures.evaluation.sweeps import Demand, Sweep
from figures.evaluation.ways import SEQUENTIAL

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "evaluate"]

DESCRIPTION = """\
Run the paper's evaluation: each benchmark on each protocol, from one request a second to well past
saturation, and say what came out of each point. Without a benchmark: all of them.
"""

EXAMPLES = """\
examples:
  python -m figures eval --single-stateful --chain
      two of the benchmarks, in the simulator; results in figures/out/points
  python -m figures eval --seq --hotel --backend local --out runs/local
      one of them on real processes, with the throughput of a single client
  python -m figures 11 --source runs/local
      draw what was measured
"""

_OPTIONS: Final = {
    "single-stateful": "counter",
    "chain": "chain",
    "tree": "tree",
    "media": "media",
    "hotel": "hotel",
}
"""The benchmarks, by the artifact's options."""


def add_arguments(parser: argparse.ArgumentParser, jobs: int) -> None:
    """What the command takes."""
    add = parser.add_argument
    add("--seq", action="store_true", help="one client that asks one thing after the other, too")
    for option, name in _OPTIONS.items():
        add(f"--{option}", action="store_true", help=f"the benchmark '{BENCHMARKS[name].title}'")
    folder = Path("figures/out/points")
    add("--out", type=Path, default=folder, metavar="DIR", help="where to (%(default)s)")
    add_measuring(parser, jobs)


def evaluate(options: argparse.Namespace, console: Console, _: Console) -> None:
    """Measure what is missing, and print it point by point.

    :raises FiguresError: points could not be measured.
    """
    place = Place(options.out, options.backend, SECONDS, options.profile)
    ways = (SEQUENTIAL,) if options.seq else ()
    sweeps = [Sweep(place, Demand(line, ways, swept=True)) for line in _lines(options)]
    console.print(_HEAD, highlight=False, soft_wrap=True)

    def told(point: Point) -> None:
        console.print(_row(point), highlight=False, markup=False, soft_wrap=True)

    try:
        run(sweeps, options.jobs if options.backend == "sim" else 1, told)
    except OSError as error:
        raise FiguresError(
            f"{error.filename}: cannot be written: {error.strerror}; give another folder with --out"
        ) from None
    then = f"Draw it: python -m figures --source {options.out}"
    console.print(then, style="dim", markup=False, highlight=False, soft_wrap=True)


def _lines(options: argparse.Namespace) -> list[Line]:
    asked = [
        name for option, name in _OPTIONS.items() if getattr(options, option.replace("-", "_"))
    ]
    lines: dict[Line, None] = {}
    for figure in FIGURES.values():
        for line in figure.lines:
            if line.benchmark in (asked or BENCHMARKS):
                lines[line] = None
    return list(lines)


_HEAD = (
    f"{'benchmark':10}{'protocol':36}{'offered/s':>10}{'achieved/s':>12}{'p50 ms':>10}"
    f"{'p90 ms':>10}{'not answered':>14}"
)


def _row(point: Point) -> str:
    result = point.result()
    assert result is not None
    found = measured(result)
    offered = f"{found.offered:g}" if found.offered else "sequential"
    latencies = "".join(
        f"{'-' if value is None else f'{value:.1f}':>10}" for value in (found.p50, found.p90)
    )
    line = point.line
    return (
        f"{line.benchmark:10}{line.protocol:36}{offered:>10}{found.achieved:>12.1f}{latencies}"
        f"{found.error:>14.1%}"
    )
