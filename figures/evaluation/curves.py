"""Throughput against latency, as the paper draws it: one panel for each benchmark.

Each point stands at what was achieved, not at what was offered; its height is the median latency,
and a bar leads up to the 90th percentile. Latency is logarithmic: what lies past saturation is so
much slower that on a straight axis nothing else could be seen. Published points are hollow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from figures.evaluation.benchmarks import BENCHMARKS, LABELS
from figures.evaluation.benchmarks import Figure as Wanted
from figures.evaluation.series import Series
from figures.style import COLOURS, DASHES, INK

__all__ = ["draw"]

_PANEL, _HEIGHT, _LEGEND_ROW = 2.75, 2.15, 0.17
"""Inches: two panels fill a page's text, one a column."""
_BLACK, _GREY = "#000000", "#8a8a8a"
_LOOKS: Final[dict[str, tuple[str, Any, str]]] = {
    "mu2sls": (COLOURS[1], DASHES[0], "o"),
    "unsafe": (COLOURS[4], DASHES[1], "p"),
    "popl23": (COLOURS[0], DASHES[1], "s"),
    "popl23-no-fault-tolerance": (COLOURS[2], DASHES[2], "^"),
    "popl23-no-optimized-dict": (COLOURS[3], DASHES[3], "D"),
    "popl23-transactions-only": (COLOURS[5], DASHES[4], "v"),
    "popl23-unsafe-with-fault-tolerance": (_BLACK, DASHES[5], "<"),
    "popl23-unsafe": (_GREY, DASHES[2], "h"),
}
"""Colour, dashes and mark of a protocol: the same in every figure."""
_FONT: Final[Any] = {
    "font.family": "sans-serif", "font.size": 7.5, "pdf.fonttype": 42, "ps.fonttype": 42,
    "text.color": INK["text"], "text.parse_math": False, "axes.linewidth": 0.6,
}  # fmt: skip


def draw(wanted: Wanted, panels: Mapping[str, Sequence[Series]]) -> Figure:
    """Draw a figure.

    :param panels: the lines of each benchmark, each in the order of the figure's protocols.
    """
    columns = len(panels)
    entries = len(wanted.protocols) + 2
    per_row = 3 if columns > 1 else 2
    rows = -(-entries // per_row)
    head = _LEGEND_ROW * rows
    height = _HEIGHT + head
    with mpl.rc_context(_FONT):
        figure = Figure(figsize=(_PANEL * columns, height), facecolor="white")
        grid = figure.add_gridspec(
            1, columns, left=0.66 / (_PANEL * columns), right=1 - 0.08 / (_PANEL * columns),
            bottom=0.42 / height, top=1 - (head + 0.2) / height, wspace=0.24,
        )  # fmt: skip
        for index, (benchmark, series) in enumerate(panels.items()):
            axes = figure.add_subplot(grid[index])
            _panel(axes, BENCHMARKS[benchmark].title, series)
            if not index:
                axes.set_ylabel("Latency (ms)", labelpad=2)
        handles = _legend(wanted, panels)
        figure.legend(
            handles=handles, loc="upper center", ncols=per_row, frameon=False,
            bbox_to_anchor=(0.5, 1.0), handlelength=2.6, columnspacing=1.4, borderaxespad=0.3,
            labelspacing=0.35,
        )  # fmt: skip
    return figure


def _panel(axes: Axes, title: str, series: Sequence[Series]) -> None:
    axes.set_title(title, fontsize=8, pad=3, color=INK["text"])
    axes.set_yscale("log")
    for each in series:
        _line(axes, each)
    if not axes.has_data():
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
    axes.set_xlim(left=0)
    axes.set_xlabel("Throughput (requests/s)", labelpad=2)
    axes.yaxis.set_major_locator(LogLocator(base=10.0))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="both", color=INK["grid"], linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=2.5, width=0.6, pad=2)


def _line(axes: Axes, series: Series) -> None:
    colour, dash, mark = _LOOKS[series.line.protocol]
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
        colour, dash, mark = _LOOKS[protocol]
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
