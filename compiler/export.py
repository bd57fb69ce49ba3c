"""Writes an application's graph to a file: DOT, GraphML, JSON, or a picture."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import networkx as nx

from compiler.analysis.graph import portable
from compiler.errors import BadInput
from own_files import MARK, write

if TYPE_CHECKING:
    from compiler.application import Application

__all__ = ["graph_writer", "to_dot"]

Writer = Callable[["Application", Path], None]

_SHAPES: Final = {
    "method": "shape=box, style=rounded",
    "function": "shape=box, style=dashed",
    "field": "shape=cylinder",
    "effect": "shape=ellipse, fontsize=10",
}
_STYLES: Final = {
    "contains": "style=dotted, arrowhead=none",
    "control": "color=gray40",
    "data": "color=blue",
    "calls": "color=red, penwidth=2",
    "helper": "color=red, style=dashed",
}


def graph_writer(path: Path) -> Writer:
    """What writes the kind of file that ``path`` names by its suffix.

    :raises BadInput: no such kind.
    """
    writers: dict[str, Writer] = {
        ".dot": _write_dot,
        ".graphml": _write_graphml,
        ".json": _write_json,
        ".png": _draw,
        ".svg": _draw,
        ".pdf": _draw,
    }
    if path.suffix not in writers:
        raise BadInput(
            f"{path}: a graph can be written as {', '.join(writers)}, not as {path.suffix or '?'!r}"
        )
    return writers[path.suffix]


def to_dot(graph: nx.MultiDiGraph[str]) -> str:
    """The graph in the DOT language, one cluster for each service."""
    lines = ["digraph application {", "  rankdir=LR; node [fontname=Helvetica];"]
    services = [node for node, data in graph.nodes(data=True) if data["kind"] == "service"]
    placed: set[str] = set()
    for service in services:
        lines.append(f"  subgraph {_quote('cluster_' + service)} {{ label={_quote(service)};")
        for member in _below(graph, service):
            placed.add(member)
            lines.append(f"    {_node(graph, member)}")
        lines.append("  }")
    lines += [
        f"  {_node(graph, node)}"
        for node, data in graph.nodes(data=True)
        if data["kind"] != "service" and node not in placed
    ]
    for start, end, data in graph.edges(data=True):
        if start not in services:
            lines.append(f"  {_quote(start)} -> {_quote(end)} [{_STYLES[data['kind']]}];")
    return "\n".join([*lines, "}", ""])


def _below(graph: nx.MultiDiGraph[str], node: str) -> list[str]:
    found = []
    for _, child, data in graph.out_edges(node, data=True):
        if data["kind"] == "contains":
            found += [child, *_below(graph, child)]
    return found


def _node(graph: nx.MultiDiGraph[str], node: str) -> str:
    data = graph.nodes[node]
    label = node.split(".", 1)[-1]
    if data["kind"] == "effect":
        label = " ".join(part for part in (data["effect"], data["target"]) if part)
    return f"{_quote(node)} [label={_quote(label)}, {_SHAPES[data['kind']]}];"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_dot(application: Application, path: Path) -> None:
    write(path, f"{to_dot(application.graph)}// {MARK}\n")


def _write_graphml(application: Application, path: Path) -> None:
    text = io.BytesIO()
    nx.write_graphml(portable(application.graph), text)
    head, _, rest = text.getvalue().partition(b"\n")
    write(path, b"%b\n<!-- %b -->\n%b" % (head, MARK.encode(), rest))


def _write_json(application: Application, path: Path) -> None:
    data: dict[str, Any] = nx.node_link_data(application.graph, edges="edges")
    data["graph"]["note"] = MARK
    write(path, json.dumps(data, indent=1) + "\n")


def _draw(application: Application, path: Path) -> None:
    try:
        from compiler.drawing import draw
    except ModuleNotFoundError as error:
        raise BadInput(
            f"drawing a picture needs {error.name}, which is not installed: "
            "pip install 'mu2sls[graph]' (or pip install matplotlib), or write .dot, .graphml or "
            ".json"
        ) from None
    draw(application.graph, application.name, path)
