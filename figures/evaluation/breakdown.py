"""Figure 14: where the time of a request goes, by protocol and application.

Of one client alone, and of many at once, who wait for each other. The simulator writes it down
along the way on which time was lost; real processes do not know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures.evaluation.benchmarks import BENCHMARKS, Line
from figures.evaluation.made import Made, Picture, as_text, result_of
from figures.evaluation.published import Published
from figures.evaluation.safety import BUSY
from figures.evaluation.sweeps import Demand
from figures.evaluation.ways import SEQUENTIAL, Way

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["KINDS", "PICTURE"]

KINDS: Final = ("store", "hops", "ingress", "processor", "waiting", "retries")
_PROTOCOLS: Final = {"mu2sls": "this system", "popl23": "POPL 2023", "unsafe": "no protocol"}
_WAYS: Final = {"One client": SEQUENTIAL, "16 clients": BUSY}
Times = dict[tuple[str, str, str], dict[str, float]]
"""Milliseconds by kind, by way, benchmark and protocol."""


def _demands() -> list[Demand]:
    ways = tuple(_WAYS.values())
    return [Demand(Line(name, each), ways) for name in BENCHMARKS for each in _PROTOCOLS]


def _made(folders: Sequence[Path], _: Published) -> Made:
    rows: list[tuple[object, ...]] = []
    times: Times = {}
    for way in _WAYS.values():
        for line, *_ignored in _demands():
            found = _times(folders[0], line, way)
            if found is None:
                continue
            spent, source, command = found
            times[way.name, line.benchmark, line.protocol] = spent
            values = [spent.get(kind, 0.0) for kind in KINDS]
            rows.append((
                line.benchmark, line.protocol, source, way.name, sum(values), *values, command
            ))  # fmt: skip
    columns = ("benchmark", "protocol", "source", "asked", "mean_ms", *_columns(), "command")
    return Made(_picture(times), as_text(columns, rows))


def _columns() -> list[str]:
    return [f"{kind}_ms" for kind in KINDS]


def _times(folder: Path, line: Line, way: Way) -> tuple[dict[str, float], str, str] | None:
    result = result_of(folder, line, way)
    if result is None or not result.measurements.times or not result.measurements.latency.count:
        return None
    answered = result.measurements.latency.count
    spent = {kind: each * 1e3 / answered for kind, each in result.measurements.times.items()}
    return spent, result.backend, result.command


def _picture(times: Times) -> Figure:
    import matplotlib as mpl

    from figures.evaluation import looks

    with mpl.rc_context(looks.FONT):
        figure, places = looks.panels(2, len(KINDS), per_row=6, height=2.6, bottom=0.95)
        for axes, (title, way) in zip(places, _WAYS.items(), strict=True):
            looks.plain(axes, title, "y")
            _bars(axes, {key[1:]: value for key, value in times.items() if key[0] == way.name})
        places[0].set_ylabel("mean time of a request (ms)", labelpad=2)
        looks.legend(figure, looks.kinds(KINDS), 6)
    return figure


def _bars(axes: Axes, times: dict[tuple[str, str], dict[str, float]]) -> None:
    from figures.evaluation import looks

    places, names = [], []
    for number, benchmark in enumerate(BENCHMARKS):
        for index, (protocol, name) in enumerate(_PROTOCOLS.items()):
            place = number * (len(_PROTOCOLS) + 1) + index
            places.append(place)
            names.append(name)
            spent, foot = times.get((benchmark, protocol), {}), 0.0
            for kind in KINDS:
                axes.bar(place, spent.get(kind, 0.0), 0.86, bottom=foot, **looks.kind(kind))
                foot += spent.get(kind, 0.0)
        middle = number * (len(_PROTOCOLS) + 1) + (len(_PROTOCOLS) - 1) / 2
        axes.annotate(
            benchmark, (middle, 0), (0, -50), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", va="top",
        )  # fmt: skip
    axes.set_xticks(places, names, rotation=90, fontsize=6)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.7, places[-1] + 0.7)


PICTURE: Final = Picture(14, "Where the time of a request goes", _demands, _made)
