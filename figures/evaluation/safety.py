"""Figure 16: the price of safety: our protocol over none at all, by application.

From the points of many clients at once, for throughput, and of one alone, for latency. A folder of
the simulator's results and one of real processes can stand beside one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.made import Made, Picture, as_text, result_of
from figures.evaluation.points import measured
from figures.evaluation.published import Published
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import SEQUENTIAL, clients

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BUSY", "PICTURE"]

BUSY: Final = clients(16)
_PROTOCOLS: Final = ("mu2sls", "unsafe")
_COLUMNS: Final = (
    "benchmark", "protocol", "source", "throughput_of_16_rps", "p50_of_1_ms", "command_of_16",
    "command_of_1",
)  # fmt: skip
Ratios = dict[tuple[str, str], tuple[float | None, float | None]]
"""Ours over none: throughput and latency, by source and benchmark."""
_PANELS: Final = (
    ("Throughput of 16 clients", "this system / unsafe"),
    ("Median latency of one", "this system / unsafe"),
)
_NAMES: Final = {"simulator": "simulated", "local": "real processes, SQLite", "knative": "Knative"}


def _demands() -> list[Demand]:
    ways = (SEQUENTIAL, BUSY)
    return [Demand(Line(name, each), ways) for name in BENCHMARKS for each in _PROTOCOLS]


def _made(folders: Sequence[Path], _: Published) -> Made:
    rows: list[tuple[object, ...]] = []
    ratios: Ratios = {}
    for folder in folders:
        for name in BENCHMARKS:
            found = [_numbers(folder, Line(name, each)) for each in _PROTOCOLS]
            rows += [each.row for each in found if each is not None]
            ours, none = found
            if ours is not None and none is not None:
                ratios[ours.source, name] = (
                    _over(ours.throughput, none.throughput), _over(ours.latency, none.latency)
                )  # fmt: skip
    return Made(_picture(ratios), as_text(_COLUMNS, rows))


class _Numbers(NamedTuple):
    """Of one application with one protocol."""

    source: str
    throughput: float
    latency: float | None
    row: tuple[object, ...]


def _numbers(folder: Path, line: Line) -> _Numbers | None:
    """What was measured; None if it was not."""
    busy, alone = (result_of(folder, line, way) for way in (BUSY, SEQUENTIAL))
    if busy is None or alone is None:
        return None
    most, soon = measured(busy).achieved, measured(alone).p50
    row = (line.benchmark, line.protocol, busy.backend, most, soon, busy.command, alone.command)
    return _Numbers(busy.backend, most, soon, row)


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _picture(ratios: Ratios) -> Figure:
    import matplotlib as mpl

    from figures.evaluation import looks

    names = list(BENCHMARKS)
    sources = list(dict.fromkeys(source for source, _ in ratios)) or ["simulator"]
    paints = [("mu2sls", "popl23")[number % 2] for number in range(len(sources))]
    with mpl.rc_context(looks.FONT):
        figure, places = looks.panels(2, 1 + len(sources), per_row=3, bottom=0.25)
        for which, (axes, (title, label)) in enumerate(zip(places, _PANELS, strict=True)):
            looks.plain(axes, title, "y")
            values = [
                [
                    ratios[source, name][which] if (source, name) in ratios else None
                    for name in names
                ]
                for source in sources
            ]
            looks.bars(axes, names, paints, values)
            axes.axhline(1.0, color=looks.QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.set_ylabel(label, labelpad=2)
        labels = dict(zip(paints, [_NAMES.get(each, each) for each in sources], strict=True))
        looks.legend(figure, [*looks.patches(paints, labels), looks.line_at("no price")], 3)
    return figure


PICTURE: Final = Picture(16, "The price of safety", _demands, _made, most=2)
