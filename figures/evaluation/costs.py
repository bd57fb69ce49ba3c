"""Figure 13: what a request costs at the store, by protocol and application.

From the points of one client alone, where nothing is done again: it is the protocol's own cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.made import Made, Picture, as_text, result_of
from figures.evaluation.published import Published
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import SEQUENTIAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURE"]

_PROTOCOLS: Final = (
    "mu2sls",
    "popl23",
    "popl23-no-fault-tolerance",
    "popl23-no-optimized-dict",
    "popl23-unsafe-with-fault-tolerance",
    "popl23-unsafe",
)
_COLUMNS: Final = (
    "benchmark", "protocol", "source", "commits_per_request", "round_trips_per_request", "command"
)  # fmt: skip


def _demands() -> list[Demand]:
    return [Demand(Line(name, each), (SEQUENTIAL,)) for name in BENCHMARKS for each in _PROTOCOLS]


def _made(folders: Sequence[Path], _: Published) -> Made:
    found = {line: result_of(folders[0], line, SEQUENTIAL) for line, *_ in _demands()}
    rows = [
        (
            line.benchmark, line.protocol, each.backend, each.measurements.commits_per_request,
            each.measurements.trips_per_request, each.command,
        )
        for line, each in found.items()
        if each is not None
    ]  # fmt: skip
    cost = {(row[0], row[1]): (row[3], row[4]) for row in rows}
    return Made(_picture(cost), as_text(_COLUMNS, rows))


def _picture(cost: dict[tuple[str, str], tuple[float, float]]) -> Figure:
    import matplotlib as mpl

    from figures.evaluation import looks

    names = list(BENCHMARKS)
    with mpl.rc_context(looks.FONT):
        figure, places = looks.panels(2, len(_PROTOCOLS), bottom=0.25)
        for which, (axes, title) in enumerate(
            zip(places, ("Store commits", "Store round trips"), strict=True)
        ):
            looks.plain(axes, title, "y")
            values = [
                [cost[name, each][which] if (name, each) in cost else None for name in names]
                for each in _PROTOCOLS
            ]
            looks.bars(axes, names, _PROTOCOLS, values)
            if cost:
                looks.logarithmic(axes)
                axes.set_ylim(bottom=0.5)
        places[0].set_ylabel("per request", labelpad=2)
        looks.legend(figure, looks.patches(_PROTOCOLS), 3)
    return figure


PICTURE: Final = Picture(13, "What a request costs at the store", _demands, _made)
