"""What may talk to what on the network: the graph's edges, and what they need to work.

One NetworkPolicy for each part selects the part's pods and allows, and so denies all else:

=======  ==============================  ==================================================
way      with whom                       on which ports
=======  ==============================  ==================================================
in       Knative and its ingress         queue-proxy's: requests, probes, metrics
in       the parts that may call it      queue-proxy's for requests
out      the parts that it may call      queue-proxy's for requests
out      Knative and its ingress         80, 443 and the ports their pods listen on;
                                         only for parts that call anybody at all
out      the cluster's DNS               53
out      FoundationDB                    those in the cluster file, and more from settings
=======  ==============================  ==================================================

A request between Knative Services does not go from pod to pod: its address leads to Knative's
ingress, from there to the activator or to queue-proxy. So a policy sees the ingress, not the
caller: it can keep a part that calls nobody from calling, and a part that nobody calls from
being called, but which of several callers a request comes from is for the envelope's key to
say. Where pods are addressed directly (a mesh) the policies hold edge by edge.

Probes by the kubelet are not subject to policies: they come from the pod's own node
(Kubernetes, Network Policies). The API server is never needed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from backends.knative.edges import Edges
from backends.knative.errors import RenderProblem
from backends.knative.names import COMPONENT, GATEWAY, INSTANCE, UPKEEP, Names
from backends.knative.settings import Settings

__all__ = ["REQUEST_PORTS", "cidr_block", "network_policy", "store_ports"]

REQUEST_PORTS = (8012, 8013, 8112)
"""Where queue-proxy takes requests: HTTP/1, HTTP/2, TLS (knative.dev/networking, ports)."""
_METRIC_PORTS = (8022, 9090, 9091)
"""Its administration and metrics, which the autoscaler and probes ask for."""
_INGRESS_PORTS = (80, 443, 8080, 8081, 8443, 8444)
"""Services of ingresses, and what the pods behind them listen on, where policies apply."""
_ACTIVATOR_PORTS = REQUEST_PORTS
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""A label that Kubernetes itself puts on every namespace, since 1.21."""
_DEFAULT_STORE_PORT = 4500
_COORDINATOR = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[^\[\]:@,]+):(\d+)(?::tls)?(?:\(fromHostname\))?")


def network_policy(part: str, names: Names, edges: Edges, settings: Settings) -> dict[str, Any]:
    """The policy of a service's pods, the gateway's, or upkeep's."""
    component = names.components[part]
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": {INSTANCE: names.instance, COMPONENT: component}},
        "policyTypes": ["Ingress", "Egress"],
        "egress": _egress(part, names, edges, settings),
    }
    if part != UPKEEP:
        spec["ingress"] = _ingress(part, names, edges, settings)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": names.metadata(names.of(part), component),
        "spec": spec,
    }


def _ingress(part: str, names: Names, edges: Edges, settings: Settings) -> list[dict[str, Any]]:
    platform = [_namespace(name) for name in settings.platform_namespaces]
    ports = REQUEST_PORTS + _METRIC_PORTS
    # A rule that names nobody would let everybody in.
    rules: list[dict[str, Any]] = [{"from": platform, "ports": _tcp(ports)}] if platform else []
    callers = edges.callers(part) if part != GATEWAY else []
    if callers:
        rules.append({"from": _pods(callers, names), "ports": _tcp(REQUEST_PORTS)})
    return rules


def _egress(part: str, names: Names, edges: Edges, settings: Settings) -> list[dict[str, Any]]:
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    resolver = [_namespace(settings.dns_namespace)] if settings.dns_namespace else []
    rules: list[dict[str, Any]] = [
        {"ports": dns, **({"to": resolver} if resolver else {})},
        _store(settings),
    ]
    callees = sorted(edges.callees[part])
    if callees:
        platform = [_namespace(name) for name in settings.platform_namespaces]
        ports = sorted({*_INGRESS_PORTS, *_ACTIVATOR_PORTS})
        rules.append({"to": _pods(callees, names), "ports": _tcp(REQUEST_PORTS)})
        if platform:
            rules.append({"to": platform, "ports": _tcp(ports)})
    return rules


def _store(settings: Settings) -> dict[str, Any]:
    """To all of FoundationDB's processes: a client talks to many, not to coordinators alone."""
    rule: dict[str, Any] = {"ports": _tcp(store_ports(settings))}
    blocks = [cidr_block(network) for network in settings.store_networks]
    if blocks:
        rule["to"] = [{"ipBlock": {"cidr": block}} for block in blocks]
    return rule


def cidr_block(network: str) -> str:
    """A network as Kubernetes writes it.

    :raises RenderProblem: it is none.
    """
    try:
        return str(ipaddress.ip_network(network))
    except ValueError as error:
        raise RenderProblem(
            f"store_networks has {network!r}, which is no CIDR block ({error}): write 10.0.0.0/16",
            "store_networks",
        ) from None


def store_ports(settings: Settings) -> list[int]:
    """The ports of the coordinators in the cluster file, and those that settings add.

    :raises RenderProblem: the cluster file is none.
    """
    ports = set(settings.store_ports)
    if settings.cluster_file is not None:
        ports |= _coordinator_ports(settings.cluster_file)
    return sorted(ports or {_DEFAULT_STORE_PORT})


def _coordinator_ports(cluster_file: bytes) -> set[int]:
    """From ``description:id@address:port,...``; what follows a ``#`` is a comment."""
    text = cluster_file.decode("utf-8", "replace")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) == 1:
        name, at, coordinators = lines[0].partition("@")
        found = [_COORDINATOR.fullmatch(address) for address in coordinators.split(",")]
        if at and re.fullmatch(r"\w+:\w+", name) and all(found):
            ports = {int(match[1]) for match in found if match}
            if all(0 < port < 65536 for port in ports):
                return ports
    raise RenderProblem(
        "that is no cluster file of FoundationDB: it holds one line, "
        "description:id@address:port,...; copy it again from a machine of the cluster",
        "cluster_file",
    )


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}}


def _pods(parts: Iterable[str], names: Names) -> list[dict[str, Any]]:
    """Pods of the parts, in the application's own namespace."""
    return [
        {
            "podSelector": {
                "matchLabels": {INSTANCE: names.instance, COMPONENT: names.components[part]}
            }
        }
        for part in parts
    ]


def _tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
