"""A drawing of which service calls which, as SVG: callers to the left of those they call."""

from __future__ import annotations

from html import escape

import networkx as nx

from compiler.application import Application

__all__ = ["draw"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 150, 54, 90, 22, 6


def draw(application: Application) -> str:
    """The drawing; empty if there is only one service."""
    calls = _calls(application)
    if len(calls) < 2:
        return ""
    places = _places(calls)
    width = max(x for x, _ in places.values()) + _WIDTH + _MARGIN
    height = max(y for _, y in places.values()) + _HEIGHT + _MARGIN
    edges = "".join(_edge(places[a], places[b]) for a, b in calls.edges if a != b)
    boxes = "".join(
        _box(name, place, len(application.persistent.get(name, {})))
        for name, place in places.items()
    )
    return (
        f'<svg class="map" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="Which service calls which">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{edges}{boxes}</svg>"
    )


def _calls(application: Application) -> nx.DiGraph[str]:
    calls: nx.DiGraph[str] = nx.DiGraph()
    calls.add_nodes_from(application.program.services)
    for service in application.program.services.values():
        for method in service.methods.values():
            for callee in sorted(method.facts.callees):
                calls.add_edge(service.name, callee.partition(".")[0])
    return calls


def _places(calls: nx.DiGraph[str]) -> dict[str, tuple[int, int]]:
    """The upper left corner of each service's box."""
    groups = nx.condensation(calls)
    column: dict[int, int] = {}
    for group in nx.topological_sort(groups):
        column[group] = max(
            (column[before] + 1 for before in groups.predecessors(group)), default=0
        )
    columns: dict[int, list[str]] = {}
    for name in calls:
        columns.setdefault(column[groups.graph["mapping"][name]], []).append(name)
    tallest = max(map(len, columns.values()))
    places = {}
    for number, names in columns.items():
        top = (tallest - len(names)) * (_HEIGHT + _GAP_Y) // 2
        for row, name in enumerate(names):
            x = _MARGIN + number * (_WIDTH + _GAP_X)
            places[name] = (x, _MARGIN + top + row * (_HEIGHT + _GAP_Y))
    return places


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    middle = _HEIGHT // 2
    y1, y2 = start[1] + middle, end[1] + middle
    if start[0] == end[0]:  # services that call each other
        x = start[0] + _WIDTH
        curve = f"M{x} {y1}C{x + 50} {y1} {x + 50} {y2} {x} {y2}"
    else:
        x1, x2 = start[0] + _WIDTH, end[0]
        if x2 < x1:
            x1, x2 = start[0], end[0] + _WIDTH
        half = (x1 + x2) // 2
        curve = f"M{x1} {y1}C{half} {y1} {half} {y2} {x2} {y2}"
    return f'<path class="edge" d="{curve}" marker-end="url(#head)"/>'


def _box(name: str, place: tuple[int, int], fields: int) -> str:
    x, y = place
    kept = f"{fields} persistent field{'' if fields == 1 else 's'}" if fields else "keeps nothing"
    shown = name if len(name) <= 16 else name[:15] + "…"
    return (
        f'<a href="#{escape(name)}"><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'rx="8"/><text class="name" x="{x + 14}" y="{y + 23}">{escape(shown)}</text>'
        f'<text class="kept" x="{x + 14}" y="{y + 41}">{kept}</text></a>'
    )
