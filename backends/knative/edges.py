"""Who may call whom, from the graph: what the network has to allow, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from backends.knative.names import GATEWAY, UPKEEP
from compiler.application import Application
from compiler.edges import called_services, circular_services

__all__ = ["Edges", "edges"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Calls between the parts of an application.

    :ivar callees: for every service, the gateway and upkeep: the services it may call.
    :ivar circular: services that a call they make may come back to, directly or not.
    """

    callees: Mapping[str, frozenset[str]]
    circular: frozenset[str]

    def callers(self, service: str) -> list[str]:
        """Who may call the service, in a stable order."""
        return sorted(caller for caller, callees in self.callees.items() if service in callees)

    def ordered(self) -> list[str]:
        """The services, those that are called before those that call them as far as it goes."""
        calls: nx.DiGraph[str] = nx.DiGraph()
        services = sorted(self.callees.keys() - {GATEWAY, UPKEEP})
        calls.add_nodes_from(services)
        calls.add_edges_from((a, b) for a in services for b in sorted(self.callees[a]))
        groups = nx.condensation(calls)
        order = reversed(list(nx.lexicographical_topological_sort(groups)))
        return [service for group in order for service in sorted(groups.nodes[group]["members"])]


def edges(application: Application) -> Edges:
    """The calls that the application's graph has.

    A client's request enters at a public method, through the gateway; upkeep drives such a
    request again. Everything else is a call in some method.
    """
    program = application.program
    callees = called_services(program)
    public = frozenset(
        service.name
        for service in program.services.values()
        if any(method.public for method in service.methods.values())
    )
    return Edges({**callees, GATEWAY: public, UPKEEP: public}, circular_services(callees))
