"""Throughput against latency, as the paper draws it: one panel for each benchmark.

Each point stands at what was achieved, not at what was offered; its height is the median latency,
and a bar leads up to the 90th percentile. Latency is logarithmic: what lies past saturation is so
much slower that on a straight axis nothing else could be seen. Published points are hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.evaluation import looks
from figures.evaluation.benchmarks import BENCHMARKS, LABELS
from figures.evaluation.benchmarks import Figure as Wanted
from figures.evaluation.looks import FONT, LOOKS
from figures.evaluation.series import Series
from figures.style import INK

__all__ = ["draw"]


def draw(wanted: Wanted, panels: Mapping[str, Sequence[Series]]) -> Figure:
    """Draw a figure.

    :param panels: the lines of each benchmark, each in the order of the figure's protocols.
    """
    entries = len(wanted.protocols) + 2
    per_row = 3 if len(panels) > 1 else 2
    with mpl.rc_context(FONT):
        figure, places = looks.panels(len(panels), entries, left=0.66)
        for axes, (benchmark, series) in zip(places, panels.items(), strict=True):
            _panel(axes, BENCHMARKS[benchmark].title, series)
        places[0].set_ylabel("Latency (ms)", labelpad=2)
        looks.legend(figure, _legend(wanted, panels), per_row)
    return figure


def _panel(axes: Axes, title: str, series: Sequence[Series]) -> None:
    looks.plain(axes, title)
    looks.logarithmic(axes)
    for each in series:
        _line(axes, each)
    if not axes.has_data():
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
    axes.set_xlim(left=0)
    axes.set_xlabel("Throughput (requests/s)", labelpad=2)


def _line(axes: Axes, series: Series) -> None:
    colour, dash, mark, _ = LOOKS[series.line.protocol]
    drawn = [each for each in series.points if each.p50 is not None and each.p90 is not None]
    medians = [each.p50 or 0.0 for each in drawn]
    bars = [max((each.p90 or 0.0) - (each.p50 or 0.0), 0.0) for each in drawn]
    style: dict[str, Any] = {"color": colour, "markersize": 3.2, "zorder": 3}
    if drawn:
        axes.errorbar(
            [each.achieved for each in drawn], medians, yerr=[[0.0] * len(bars), bars],
            linestyle=dash, linewidth=1.1, marker=mark, elinewidth=0.6, capsize=1.4,
            capthick=0.6, **style,
        )  # fmt: skip
    if series.published:
        axes.plot(
            [each.achieved for each in series.published], [each.p50 for each in series.published],
            linestyle="none", marker=mark, markerfacecolor="white", markeredgewidth=0.7,
            **{**style, "markersize": 4.0, "zorder": 2},
        )  # fmt: skip
    if series.sequential is not None:
        axes.axvline(series.sequential.achieved, color=colour, linewidth=0.8, linestyle=(0, (1, 2)))
    if series.published_sequential is not None:
        axes.plot(
            [series.published_sequential], [0.0], marker=mark, markerfacecolor="white",
            color=colour, markersize=4.0, clip_on=False, linestyle="none",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _legend(wanted: Wanted, panels: Mapping[str, Sequence[Series]]) -> list[Line2D]:
    handles = []
    for protocol in wanted.protocols:
        colour, dash, mark, _ = LOOKS[protocol]
        handles.append(
            Line2D(
                [], [], color=colour, linestyle=dash, marker=mark, markersize=3.2, linewidth=1.1,
                label=LABELS[protocol],
            )
        )  # fmt: skip
    every = [each for series in panels.values() for each in series]
    grey: dict[str, Any] = {"color": INK["quiet"]}
    if any(each.published for each in every):
        handles.append(
            Line2D(
                [], [], marker="o", markerfacecolor="white", linestyle="none", markersize=4.0,
                label="published", **grey,
            )
        )  # fmt: skip
    if any(each.sequential for each in every):
        handles.append(
            Line2D([], [], linestyle=(0, (1, 2)), linewidth=0.8, label="sequential", **grey)
        )
    return handles
