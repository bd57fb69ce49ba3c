"""The comparison as a picture: latency, throughput, commits, faults and verdicts of 1 to 6 runs.

::

    title, and who is who
    latency by percentile          | throughput
                                   | commits per request
    faults that struck             | verdicts
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from figures.comparison import Cell, strikes_cell, verdict_cell, verdicts_by_name
from figures.distribution import by_percentile, stretched
from figures.quantities import show_number, show_rate
from figures.runs import Run, shared
from figures.style import COLOURS, DASHES, INK, MOODS, plain

__all__ = ["draw_comparison"]

_WIDTH = 11.5
_TOP, _ROW, _LEGEND = 4.3, 0.235, 0.235
_PERCENTS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_SPREAD = 8.0
"""Latencies that differ by more than this factor are drawn on a logarithmic axis."""

_LETTER = 10.0
"""Points that a letter at the end of a curve takes."""
_LONGEST_TITLE = 95
"""Letters that fit into one line."""

_Matrix = list[tuple[str, list[Cell]]]


def draw_comparison(runs: Sequence[Run]) -> Figure:
    """Draw the runs side by side."""
    faults, verdicts = _faults(runs), _verdicts(runs)
    rows = max(len(faults), len(verdicts), 1)
    head = 1.0 + _LEGEND * len(runs)
    bottom = 0.75 + _ROW * (rows + 1)
    height = head + _TOP + bottom + 0.2
    ink = INK["text"]
    with mpl.rc_context({"font.family": "sans-serif", "text.color": ink, "text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH, height), facecolor="white")
        _head(figure, runs, height)
        grid: dict[str, Any] = {"left": 0.07, "right": 0.975, "top": 1 - head / height}
        upper = figure.add_gridspec(
            2, 2, width_ratios=(1.75, 1), wspace=0.16, hspace=0.5,
            bottom=(bottom + 0.55) / height, **grid,
        )  # fmt: skip
        _latency(figure.add_subplot(upper[:, 0]), runs)
        _throughput(figure.add_subplot(upper[0, 1]), runs)
        _commits(figure.add_subplot(upper[1, 1]), runs)
        grid["top"] = (bottom - 0.3) / height
        lower = figure.add_gridspec(
            1, 2, width_ratios=(1, 1.4), wspace=0.1, bottom=0.15 / height, **grid
        )
        letters = [run.letter for run in runs]
        _matrix(figure.add_subplot(lower[0]), "Faults that struck", letters, faults, rows)
        _matrix(figure.add_subplot(lower[1]), "Verdicts", letters, verdicts, rows)
    return figure


# --- the title and the legend


def _head(figure: Figure, runs: Sequence[Run], height: float) -> None:
    def place(inches: float) -> float:
        return 1 - inches / height

    figure.text(
        0.03, place(0.2), _title(runs), fontsize=14, fontweight="bold", va="top", color=INK["text"]
    )
    for index, run in enumerate(runs):
        y = place(0.68 + _LEGEND * index)
        line = Line2D(
            [0.032, 0.06], [y, y], color=COLOURS[index], linestyle=DASHES[index], linewidth=2.2,
            transform=figure.transFigure,
        )  # fmt: skip
        figure.add_artist(line)
        figure.text(0.067, y, run.letter, fontsize=9.5, fontweight="bold", va="center")
        figure.text(0.085, y, _described(run), fontsize=9.5, va="center")


def _title(runs: Sequence[Run]) -> str:
    """What all runs share, and for two of them what they do not."""
    same = shared(runs)
    words = [same.get("application", "")]
    words += [f"scenario {same['scenario']}"] if "scenario" in same else []
    words += [same.get(name, "") for name in ("load", "backend", "protocol")]
    if not any(words[:2]):
        words.insert(0, f"{len(runs)} runs")
    what = ", ".join(filter(None, words))
    whole = f"{what}: {runs[0].label} against {runs[1].label}" if len(runs) == 2 else what
    return whole if len(whole) <= _LONGEST_TITLE else what


def _described(run: Run) -> str:
    measured = run.result.measurements
    unanswered = measured.failed + measured.unknown
    text = f"{run.label}   {measured.sent:,} requests in {measured.load_seconds:g} s"
    return f"{text}, {unanswered:,} of them not answered" if unanswered else text


# --- latency


def _latency(axes: Axes, runs: Sequence[Run]) -> None:
    plain(axes, "Latency by percentile, from the intended start of each request")
    drawn = [run for run in runs if run.result.measurements.latency.count]
    if not drawn:
        _nothing(axes, "no request was answered")
        return
    axes.set_xscale("log")
    ends: list[tuple[int, float, float]] = []
    farthest = lowest = highest = 0.0
    for index, run in enumerate(runs):
        latency = run.result.measurements.latency
        places, seconds = by_percentile(latency.buckets, latency.highest)
        if not places:
            continue
        axes.plot(
            places, [value * 1e3 for value in seconds],
            color=COLOURS[index], linestyle=DASHES[index], linewidth=1.8, label=run.letter,
        )  # fmt: skip
        ends.append((index, places[-1], seconds[-1] * 1e3))
        farthest = max(farthest, places[-1])
        lowest = min(lowest or seconds[0], seconds[0])
        highest = max(highest, seconds[-1])
    _percentile_axis(axes, farthest)
    _millisecond_axis(axes, lowest * 1e3, highest * 1e3)
    axes.grid(True, color=INK["grid"], linewidth=0.8)
    _name_ends(axes, runs, ends)


def _name_ends(axes: Axes, runs: Sequence[Run], ends: list[tuple[int, float, float]]) -> None:
    """Write each letter behind the end of its curve; those that would collide, above each other."""
    points = 72 / axes.figure.dpi
    taken: list[tuple[float, float]] = []
    for index, x, y in sorted(ends, key=lambda end: end[2]):
        across, up = axes.transData.transform((x, y)) * points
        free = up
        for other, height in taken:
            if abs(other - across) < _LETTER and free < height + _LETTER:
                free = height + _LETTER
        taken.append((across, free))
        axes.annotate(
            runs[index].letter, (x, y), xytext=(4, free - up), textcoords="offset points",
            fontsize=9, fontweight="bold", color=COLOURS[index], va="center",
            annotation_clip=False,
        )  # fmt: skip


def _percentile_axis(axes: Axes, farthest: float) -> None:
    ticks = [percent for percent in _PERCENTS if stretched(percent) <= max(farthest, 10.0)]
    axes.set_xlim(1.0, max(farthest, 10.0) * 1.08)
    axes.set_xticks([stretched(percent) for percent in ticks], [f"{each:g} %" for each in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("share of the answered requests that were at least as fast")


def _millisecond_axis(axes: Axes, lowest: float, highest: float) -> None:
    """Linear from zero, or logarithmic if little could be seen otherwise."""
    if lowest > 0 and highest > _SPREAD * lowest:
        axes.set_yscale("log")
        axes.set_ylim(lowest * 0.8, highest * 1.25)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        few = highest < 30 * lowest
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: f"{value:,g}") if few else NullFormatter()
        )
        axes.tick_params(which="minor", colors=INK["quiet"], labelsize=8, length=2)
        axes.set_ylabel("latency, ms (logarithmic)")
    else:
        axes.set_ylim(0, (highest or 1.0) * 1.08)
        axes.set_ylabel("latency, ms")


# --- bars


def _throughput(axes: Axes, runs: Sequence[Run]) -> None:
    plain(axes, "Answered in time, of what was sent")
    offered = [run.offered for run in runs]
    goodput = [run.result.measurements.goodput for run in runs]
    texts = [
        f"{show_rate(got)} of {show_rate(asked)}"
        for got, asked in zip(goodput, offered, strict=True)
    ]
    _bars(axes, runs, goodput, texts, offered)
    axes.set_xlabel("requests per second of load")


def _commits(axes: Axes, runs: Sequence[Run]) -> None:
    plain(axes, "Commits per request")
    commits = [run.result.measurements.commits_per_request for run in runs]
    texts = [
        f"{show_number(each)}, {show_number(run.result.measurements.trips_per_request)} round trips"
        for each, run in zip(commits, runs, strict=True)
    ]
    _bars(axes, runs, commits, texts)
    axes.set_xlabel("store commits, those of upkeep included")


def _bars(
    axes: Axes,
    runs: Sequence[Run],
    values: Sequence[float],
    texts: Sequence[str],
    outlines: Sequence[float] = (),
) -> None:
    """A bar for each run, the first on top, with its numbers behind it."""
    rows = range(len(runs))
    longest = max(*values, *outlines, 0.0, 0.0)
    colours = COLOURS[: len(runs)]
    if outlines:
        axes.barh(rows, outlines, height=0.62, color="white", edgecolor=INK["line"], linewidth=1)
    axes.barh(rows, values, height=0.62, color=colours)
    for row, value, text in zip(rows, values, texts, strict=True):
        end = max(value, outlines[row] if outlines else 0.0)
        axes.annotate(
            text, (end, row), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=8.5, color=INK["text"],
        )  # fmt: skip
    axes.set_yticks(rows, [run.letter for run in runs])
    axes.set_ylim(max(len(runs), 2) - 0.4, -0.6)
    axes.set_xlim(0, (longest or 1.0) * 1.75)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(axis="y", length=0)
    for tick in axes.get_yticklabels():
        tick.set_fontweight("bold")
        tick.set_color(INK["text"])


# --- tables


def _faults(runs: Sequence[Run]) -> _Matrix:
    kinds = dict.fromkeys(kind for run in runs for kind in run.strikes)
    return [(kind, [strikes_cell(run, kind) for run in runs]) for kind in kinds]


def _verdicts(runs: Sequence[Run]) -> _Matrix:
    found: _Matrix = []
    for verdicts in (
        verdicts_by_name([run.result.verdicts for run in runs]),
        verdicts_by_name([run.result.thresholds for run in runs]),
    ):
        found += [(name, list(map(verdict_cell, each))) for name, each in verdicts.items()]
    if not found or any(len(run.result.seeds) > 1 for run in runs):
        found.append(("all seeds", [verdict_cell(run.result.status) for run in runs]))
    return found


_SHORT = {"not applicable": "n/a", "inconclusive": "unclear"}


def _matrix(axes: Axes, title: str, letters: Sequence[str], matrix: _Matrix, rows: int) -> None:
    """Words in rows and columns; ``rows`` is how many there is room for."""
    plain(axes, title)
    axes.set_xlim(0, 1)
    axes.set_ylim(rows + 0.5, -0.5)
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK["text"])
    if not matrix:
        axes.text(0.0, 0.7, "none was declared", fontsize=9, color=INK["quiet"], va="center")
        return
    step = min(0.16, 0.58 / len(letters))
    places = [1 - step * (len(letters) - index - 0.5) for index in range(len(letters))]
    for index, (letter, x) in enumerate(zip(letters, places, strict=True)):
        axes.text(
            x, 0, letter, fontsize=9, fontweight="bold", color=COLOURS[index], ha="center",
            va="center",
        )  # fmt: skip
    for row, (name, cells) in enumerate(matrix, 1):
        axes.axhline(row - 0.5, color=INK["grid"], linewidth=0.8)
        axes.text(0.0, row, _shortened(name), fontsize=9, va="center", color=INK["text"])
        for x, cell in zip(places, cells, strict=True):
            axes.text(
                x, row, _SHORT.get(cell.text, cell.text), fontsize=8.5, ha="center", va="center",
                color=MOODS[cell.mood], fontweight="bold" if cell.mood == "bad" else "normal",
            )  # fmt: skip


def _shortened(name: str, longest: int = 30) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _nothing(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=INK["quiet"]
    )
