"""How figures of the evaluation look: as wide as columns, each protocol the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from figures.evaluation.benchmarks import LABELS
from figures.style import COLOURS, DASHES, INK

__all__ = [
    "FONT",
    "HEIGHT",
    "LEGEND_ROW",
    "LOOKS",
    "PANEL",
    "QUIET",
    "Look",
    "bars",
    "kind",
    "kinds",
    "legend",
    "line",
    "line_at",
    "lines",
    "logarithmic",
    "panels",
    "patches",
    "plain",
    "tick",
]

PANEL, HEIGHT, LEGEND_ROW = 2.75, 2.15, 0.17
"""Inches: two panels fill a page's text, one a column."""

FONT: Final[Any] = {
    "font.family": "sans-serif", "font.size": 7.5, "pdf.fonttype": 42, "ps.fonttype": 42,
    "text.color": INK["text"], "text.parse_math": False, "axes.linewidth": 0.6,
    "hatch.linewidth": 0.6,
}  # fmt: skip

QUIET: Final = INK["quiet"]
_BLACK, _GREY = "#000000", "#8a8a8a"


class Look(NamedTuple):
    """Of one protocol.

    :ivar hatch: of its bars, which tells them apart in grey.
    """

    colour: str
    dash: Any
    mark: str
    hatch: str


LOOKS: Final = {
    "mu2sls": Look(COLOURS[1], DASHES[0], "o", ""),
    "unsafe": Look(COLOURS[4], DASHES[1], "p", "..."),
    "popl23": Look(COLOURS[0], DASHES[1], "s", "////"),
    "mu2sls-no-turns": Look(COLOURS[2], DASHES[3], "^", "\\\\\\\\"),
    "popl23-wait-die": Look(_BLACK, DASHES[2], "D", "xxx"),
    "popl23-no-fault-tolerance": Look(COLOURS[2], DASHES[2], "^", "\\\\\\\\"),
    "popl23-no-optimized-dict": Look(COLOURS[3], DASHES[3], "D", "xxx"),
    "popl23-transactions-only": Look(COLOURS[5], DASHES[4], "v", "||||"),
    "popl23-unsafe-with-fault-tolerance": Look(_BLACK, DASHES[5], "<", "----"),
    "popl23-unsafe": Look(_GREY, DASHES[2], "h", "+++"),
}


def panels(
    count: int,
    entries: int,
    *,
    per_row: int = 0,
    left: float = 0.5,
    height: float = HEIGHT,
    gap: float = 0.24,
    bottom: float = 0.42,
    width: float = PANEL,
) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, and room above them for a legend.

    :param entries: of the legend, ``per_row`` in a row.
    :param left: inches for the first panel's axis.
    :param gap: between panels, as a part of one.
    :param bottom: inches below the panels.
    :param width: of a panel, in inches.
    """  # fmt: skip
    rows = -(-entries // (per_row or (3 if count > 1 else 2)))
    head = LEGEND_ROW * rows
    width, height = width * count, height + head
    figure = Figure(figsize=(width, height), facecolor="white")
    grid = figure.add_gridspec(
        1, count, left=left / width, right=1 - 0.08 / width, bottom=bottom / height,
        top=1 - (head + 0.2) / height, wspace=gap,
    )  # fmt: skip
    return figure, [figure.add_subplot(grid[index]) for index in range(count)]


def plain(axes: Axes, title: str, grid: str = "both") -> None:
    """The title, a quiet grid, and no frame."""
    axes.set_title(title, fontsize=8, pad=3, color=INK["text"])
    axes.grid(axis=grid, color=INK["grid"], linewidth=0.5)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=2.5, width=0.6, pad=2)


def logarithmic(axes: Axes, *, width: bool = False) -> None:
    """A height, or a width, that is logarithmic, with numbers as people write them."""
    (axes.set_xscale if width else axes.set_yscale)("log")
    axis = axes.xaxis if width else axes.yaxis
    axis.set_major_locator(LogLocator(base=10.0))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_formatter(NullFormatter())


def legend(figure: Figure, handles: Sequence[Any], per_row: int) -> None:
    """A legend above the panels."""
    figure.legend(
        handles=list(handles), loc="upper center", ncols=per_row, frameon=False,
        bbox_to_anchor=(0.5, 1.0), handlelength=2.6, columnspacing=1.4, borderaxespad=0.3,
        labelspacing=0.35,
    )  # fmt: skip


def bars(
    axes: Axes,
    groups: Sequence[str],
    protocols: Sequence[str],
    values: Sequence[Sequence[float | None]],
) -> None:
    """Groups of bars, in each a bar for each protocol; ``values`` by protocol, then by group."""
    width = 0.84 / len(protocols)
    for number, protocol in enumerate(protocols):
        look = LOOKS[protocol]
        places = [index - 0.42 + (number + 0.5) * width for index in range(len(groups))]
        axes.bar(places, [value or 0.0 for value in values[number]], width * 0.92, **_painted(look))
    axes.set_xticks(range(len(groups)), groups)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(groups) - 0.5)


def patches(protocols: Sequence[str], labels: Mapping[str, str] = LABELS) -> list[Patch]:
    """What bars of protocols look like, for a legend."""
    return [Patch(label=labels[each], **_painted(LOOKS[each])) for each in protocols]


def line(protocol: str) -> dict[str, Any]:
    """How the line of a protocol is drawn."""
    look = LOOKS[protocol]
    return {
        "color": look.colour, "linestyle": look.dash, "marker": look.mark, "markersize": 3.2,
        "linewidth": 1.1,
    }  # fmt: skip


def lines(protocols: Sequence[str], labels: Mapping[str, str] = LABELS) -> list[Line2D]:
    """What lines of protocols look like, for a legend."""
    return [Line2D([], [], label=labels[each], **line(each)) for each in protocols]


def line_at(label: str) -> Line2D:
    """What a line across a panel looks like, for a legend."""
    return Line2D([], [], color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)), label=label)


_KINDS: Final = {
    "store": (COLOURS[0], ""),
    "hops": (COLOURS[5], "////"),
    "ingress": (COLOURS[2], "xxx"),
    "processor": (COLOURS[4], ""),
    "waiting": ("#d0d0d0", "..."),
    "retries": (COLOURS[1], "\\\\\\\\"),
}
"""What time is spent on: dark and light beside each other."""


def kind(name: str) -> dict[str, Any]:
    """How time that is spent on something is painted."""
    colour, hatch = _KINDS[name]
    return {"facecolor": colour, "edgecolor": "white", "hatch": hatch, "linewidth": 0.3}


def kinds(names: Sequence[str]) -> list[Patch]:
    """What they look like, for a legend."""
    return [Patch(label=each, **kind(each)) for each in names]


def tick(label: str) -> Line2D:
    """What a short stroke at an axis looks like, for a legend."""
    return Line2D([], [], color=QUIET, marker="|", linestyle="none", markersize=5, label=label)


def _painted(look: Look) -> dict[str, Any]:
    return {"facecolor": look.colour, "edgecolor": "white", "hatch": look.hatch, "linewidth": 0.4}
