"""Which services call which, and which of them in a circle: what platforms have to know."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from core.program import Program

__all__ = ["called_services", "circular_services"]


def called_services(program: Program) -> dict[str, frozenset[str]]:
    """For every service, the services that some method of it may call."""
    found = {}
    for service in program.services.values():
        called = {name for method in service.methods.values() for name in method.facts.callees}
        found[service.name] = frozenset(name.partition(".")[0] for name in called)
    return found


def circular_services(callees: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The services that a call they make may come back to, directly or not.

    None of them may hold requests back because others fill all its places: those may be waiting
    for one that finds none.
    """
    calls: nx.DiGraph[str] = nx.DiGraph()
    calls.add_edges_from((a, b) for a, names in callees.items() for b in names)
    return frozenset(
        service
        for group in nx.strongly_connected_components(calls)
        for service in group
        if len(group) > 1 or calls.has_edge(service, service)
    )
