"""Draws an application: services as boxes, methods and fields as rows, calls as arrows.

Services stand in columns by how deep they are called. A thin line joins a
method to the fields it reads (blue) and writes (orange); an arrow leads to each
method it calls, solid for a call, dashed for a spawn, green if the callee only
reads.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import networkx as nx
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from own_files import MARK, write

__all__ = ["draw"]

_ROW, _HEAD, _PAD = 0.42, 0.55, 0.25
_LETTER, _GUTTER = 0.115, 0.9
_COLUMN_GAP, _BOX_GAP = 1.7, 0.55
_INK: Final = {
    "box": "#f6f7f9",
    "edge": "#c3c8d0",
    "head": "#26374f",
    "reads only": "#2f855a",
    "writes": "#c05621",
    "read": "#3b6fb6",
    "write": "#dd7a1e",
    "text": "#1c2430",
    "field": "#e7ecf4",
}


@dataclass(slots=True)
class _Box:
    """A service on the page; ``rows`` are the middles of its methods and fields."""

    service: str
    methods: list[str]
    fields: list[str]
    column: int = 0
    left: float = 0.0
    top: float = 0.0
    rows: dict[str, float] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Of the whole box."""
        fields = _GUTTER + self.field_width if self.fields else 0.0
        return self.method_width + 2 * _PAD + fields

    @property
    def method_width(self) -> float:
        """Of the column of methods."""
        return max(_LETTER * _longest(self.methods), _LETTER * 1.4 * len(self.service))

    @property
    def field_width(self) -> float:
        """Of the column of fields."""
        return _LETTER * (_longest(self.fields) + len(": value")) + 0.15

    @property
    def height(self) -> float:
        """Of the whole box."""
        return _HEAD + _ROW * max(len(self.methods), len(self.fields), 1) + _PAD


def _longest(names: list[str]) -> int:
    return max((len(name.split(".", 1)[1]) for name in names), default=0)


def draw(graph: nx.MultiDiGraph[str], name: str, path: Path) -> None:
    """Draw ``graph`` into a picture file; its kind is told by the suffix."""
    boxes = _boxes(graph)
    _columns(graph, boxes)
    width, height = _place(boxes)
    figure = Figure(figsize=(max(width, 6.5), height + 1.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.4, max(width, 6.5) - 0.4)
    axes.set_ylim(-height - 0.6, 0.6)
    axes.axis("off")
    axes.text(0, 0.3, name, fontsize=15, fontweight="bold", color=_INK["head"], va="center")
    for box in boxes.values():
        _draw_box(axes, box, graph)
    for arrow in _arrows(graph):
        _draw_arrow(axes, boxes, graph, *arrow)
    _legend(axes)
    drawn = io.BytesIO()
    metadata: dict[str, str | None] = {"Subject" if path.suffix == ".pdf" else "Description": MARK}
    metadata |= {"Date": None} if path.suffix == ".svg" else {}
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(drawn, format=path.suffix[1:], dpi=160, metadata=metadata)
    write(path, drawn.getvalue())


def _boxes(graph: nx.MultiDiGraph[str]) -> dict[str, _Box]:
    boxes = {}
    for node, kind in graph.nodes(data="kind"):
        if str(kind) == "service":
            members = [child for _, child in graph.out_edges(node)]
            methods = [m for m in members if graph.nodes[m]["kind"] == "method"]
            fields = [m for m in members if graph.nodes[m]["kind"] == "field"]
            boxes[node] = _Box(node, methods, fields)
    return boxes


def _arrows(graph: nx.MultiDiGraph[str]) -> list[tuple[str, str, str]]:
    """Caller, callee, and how it is called; helpers count as their callers' own."""
    found = []
    for node, data in graph.nodes(data=True):
        if data["kind"] == "effect" and data["effect"] in ("call", "spawn"):
            caller = node.split("#")[0]
            arrow = (caller, data["target"], data["effect"])
            if arrow not in found and graph.nodes[caller]["kind"] == "method":
                found.append(arrow)
    return found


def _place(boxes: dict[str, _Box]) -> tuple[float, float]:
    """Put the boxes into columns; the size of the page."""
    columns: dict[int, list[_Box]] = {}
    for box in boxes.values():
        columns.setdefault(box.column, []).append(box)
    left = tallest = 0.0
    for column in sorted(columns):
        top = 0.0
        for box in columns[column]:
            box.left, box.top = left, top
            for index, row in enumerate(box.methods):
                box.rows[row] = top - _HEAD - _ROW * (index + 0.5)
            for index, row in enumerate(box.fields):
                box.rows[row] = top - _HEAD - _ROW * (index + 0.5)
            top -= box.height + _BOX_GAP
        tallest = max(tallest, -top)
        left += max(box.width for box in columns[column]) + _COLUMN_GAP
    return left - _COLUMN_GAP + 0.8, tallest


def _columns(graph: nx.MultiDiGraph[str], boxes: dict[str, _Box]) -> None:
    """Give each box the longest way by which it is called as its column."""
    calls: nx.DiGraph[str] = nx.DiGraph()
    calls.add_nodes_from(boxes)
    for caller, callee, _ in _arrows(graph):
        calls.add_edge(caller.split(".")[0], callee.split(".")[0])
    condensed = nx.condensation(calls)
    for column, generation in enumerate(nx.topological_generations(condensed)):
        for component in generation:
            for service in condensed.nodes[component]["members"]:
                boxes[service].column = column


def _draw_box(axes: Any, box: _Box, graph: nx.MultiDiGraph[str]) -> None:
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(
        FancyBboxPatch(
            (box.left, box.top - box.height),
            box.width,
            box.height,
            boxstyle=style,
            facecolor=_INK["box"],
            edgecolor=_INK["edge"],
        )
    )
    axes.text(
        box.left + _PAD, box.top - _HEAD / 2, box.service,
        fontsize=12, fontweight="bold", color=_INK["head"], va="center",
    )  # fmt: skip
    for method in box.methods:
        reads = graph.nodes[method]["read_only"]
        axes.text(
            box.left + _PAD, box.rows[method], method.split(".", 1)[1],
            fontsize=10, color=_INK["reads only" if reads else "writes"], va="center",
        )  # fmt: skip
    for each in box.fields:
        x = box.left + _PAD + box.method_width + _GUTTER
        shape = "round,pad=0,rounding_size=0.08"
        corner = (x, box.rows[each] - 0.15)
        patch = FancyBboxPatch(
            corner, box.field_width - 0.1, 0.3, boxstyle=shape, color=_INK["field"]
        )
        axes.add_patch(patch)
        label = f"{each.split('.', 1)[1]}: {graph.nodes[each]['stored']}"
        axes.text(x + 0.1, box.rows[each], label, fontsize=9, color=_INK["text"], va="center")
    _draw_accesses(axes, box, graph)


def _draw_accesses(axes: Any, box: _Box, graph: nx.MultiDiGraph[str]) -> None:
    start = box.left + _PAD + box.method_width + 0.05
    end = box.left + _PAD + box.method_width + _GUTTER
    for method in box.methods:
        effects = [graph.nodes[n] for _, n in graph.out_edges(method) if "#" in str(n)]
        for each in box.fields:
            for kind, shift in (("read", 0.04), ("write", -0.04)):
                if any(e["target"] == each and e["effect"] == kind for e in effects):
                    axes.plot(
                        [start, end],
                        [box.rows[method] + shift, box.rows[each] + shift],
                        color=_INK[kind],
                        linewidth=1.1,
                    )


def _draw_arrow(
    axes: Any,
    boxes: dict[str, _Box],
    graph: nx.MultiDiGraph[str],
    caller: str,
    callee: str,
    how: str,
) -> None:
    source, target = boxes[caller.split(".")[0]], boxes[callee.split(".")[0]]
    forward = target.column > source.column
    start = (source.left + source.width, source.rows[caller])
    end = (target.left if forward else target.left + target.width, target.rows[callee])
    bend = "arc3,rad=0" if forward else "arc3,rad=-0.45"
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=bend,
            arrowstyle="-|>",
            mutation_scale=11,
            linestyle="--" if how == "spawn" else "-",
            linewidth=1.3,
            color=_INK["reads only" if graph.nodes[callee]["read_only"] else "writes"],
            shrinkA=1,
            shrinkB=1,
        )
    )


def _legend(axes: Any) -> None:
    entries = [
        Line2D([], [], color=_INK["writes"], label="call of a method that writes"),
        Line2D([], [], color=_INK["reads only"], label="call of a method that only reads"),
        Line2D([], [], color=_INK["text"], linestyle="--", label="spawn"),
        Line2D([], [], color=_INK["read"], linewidth=1, label="reads the field"),
        Line2D([], [], color=_INK["write"], linewidth=1, label="writes the field"),
    ]
    axes.legend(handles=entries, loc="lower left", ncols=3, fontsize=8, frameon=False)
