"""The application as one graph.

Nodes have a ``kind``: ``service``, ``method``, ``function``, ``field`` or
``effect``; effects have an ``effect`` besides (read, write, call, spawn, join, outside,
begin, commit, abort, rollback, time, random, uuid, helper). All have ``file``
and ``line``; methods have their facts.

Edges have a ``kind``:

* ``contains``: service to method and field, method to effect;
* ``control``: an effect to those that may come next, a method to its first;
* ``data``: a field to what reads it, what writes it to the field, a spawn to
  the joins that may wait for it;
* ``calls``: a call to the method it calls; ``helper`` likewise.
"""

from __future__ import annotations

from typing import Any

import networkx as nx

from compiler.analysis.facts import Analysis
from compiler.analysis.flow import Flow, Point
from compiler.model import Declared, Effect, EffectKind, Function

__all__ = ["build_graph", "portable"]


def build_graph(declared: Declared, analysis: Analysis) -> nx.MultiDiGraph[str]:
    """The graph of an analysed application."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for service in declared.services.values():
        file = str(service.plain.source.path)
        graph.add_node(service.name, kind="service", file=file, line=service.node.lineno)
        for field in service.fields.values():
            graph.add_node(
                field.full_name,
                kind="field",
                stored=field.kind.value,
                file=file,
                line=field.node.lineno,
            )
            graph.add_edge(service.name, field.full_name, kind="contains")
    functions = [each for each in declared.all_functions() if each.compiled is not None]
    for function in functions:
        _add_function(graph, function)
    for function in functions:
        if function.is_coroutine:
            _add_effects(graph, function, analysis.flow(function))
    return graph


def _add_function(graph: nx.MultiDiGraph[str], function: Function) -> None:
    attributes: dict[str, Any] = {}
    if function.service is not None:
        facts = function.facts
        attributes = {
            "read_only": facts.read_only,
            "single_region": facts.single_region,
            "recursive": facts.recursive,
            "footprint": tuple(sorted(facts.footprint)),
            "callees": tuple(sorted(facts.callees)),
            "starts": tuple(sorted(facts.starts)),
            "waits": facts.waits,
            "signals": tuple(sorted(facts.signals)),
            "asks": tuple(sorted(facts.asks)),
            "queue": function.queue.name if function.queue is not None else "",
            "public": function.is_public,
        }
    graph.add_node(
        function.full_name,
        kind="function" if function.service is None else "method",
        file=str(function.plain.source.path),
        line=function.node.lineno,
        **attributes,
    )
    if function.service is not None:
        graph.add_edge(function.service.name, function.full_name, kind="contains")


def _add_effects(graph: nx.MultiDiGraph[str], function: Function, flow: Flow) -> None:
    names: dict[Point, str] = {}
    for point, effect in flow.effects():
        name = f"{function.full_name}#{len(names)}"
        names[point] = name
        attributes: dict[str, Any] = {}
        if effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
            attributes = {"last": effect.last, "commit_due": effect.commit_due}
        graph.add_node(
            name,
            kind="effect",
            effect=effect.kind.value,
            target=effect.target,
            operation=effect.operation,
            file=str(function.plain.source.path),
            line=effect.line,
            **attributes,
        )
        graph.add_edge(function.full_name, name, kind="contains")
        _add_data(graph, name, effect)
    for first in _next_effects(flow.entry):
        graph.add_edge(function.full_name, names[first], kind="control")
    for point, name in names.items():
        for following in _next_effects(point):
            graph.add_edge(name, names[following], kind="control")
        if point.effect is not None and point.effect.kind is EffectKind.SPAWN:
            for other in sorted(flow.reachable([point]), key=lambda each: each.number):
                if other.effect is not None and other.effect.kind is EffectKind.JOIN:
                    graph.add_edge(name, names[other], kind="data")


def _add_data(graph: nx.MultiDiGraph[str], name: str, effect: Effect) -> None:
    if effect.kind in (EffectKind.CALL, EffectKind.SPAWN):
        graph.add_edge(name, effect.target, kind="calls")
    elif effect.kind is EffectKind.START:
        graph.add_edge(name, effect.target, kind="starts")
    elif effect.kind is EffectKind.HELPER:
        graph.add_edge(name, effect.target, kind="helper")
    elif effect.kind in (EffectKind.READ, EffectKind.WRITE):
        if effect.reads:
            graph.add_edge(effect.target, name, kind="data")
        if effect.kind is EffectKind.WRITE:
            graph.add_edge(name, effect.target, kind="data")


def _next_effects(start: Point) -> list[Point]:
    """The effects that may come right after a point, by number."""
    found: set[Point] = set()
    seen: set[Point] = set()
    waiting = [edge.target for edge in start.edges]
    while waiting:
        point = waiting.pop()
        if point in seen:
            continue
        seen.add(point)
        if point.effect is not None:
            found.add(point)
        else:
            waiting.extend(edge.target for edge in point.edges)
    return sorted(found, key=lambda point: point.number)


def portable(graph: nx.MultiDiGraph[str]) -> nx.MultiDiGraph[str]:
    """A copy whose attributes every file format can hold."""
    copied: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node, attributes in graph.nodes(data=True):
        plain = {
            key: ", ".join(value) if isinstance(value, tuple) else value
            for key, value in attributes.items()
        }
        copied.add_node(node, **plain)
    copied.add_edges_from(graph.edges(data=True))
    return copied
