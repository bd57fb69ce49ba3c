"""A small evaluator of NetworkPolicies: may a pod open a connection to another?

A connection needs the leave of the sender's policies (egress) and of the receiver's (ingress).
A pod that no policy selects for a direction may do everything in that direction. Whatever one
policy allows is allowed (Kubernetes, Network Policies).
"""

import ipaddress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    """A pod, by its labels and namespace, or an address outside of the cluster."""

    namespace: str = ""
    labels: dict = field(default_factory=dict)
    address: str = "10.1.1.1"


def selects(selector, labels):
    assert set(selector) <= {"matchLabels"}, "the evaluator knows matchLabels alone"
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def applies(policy, pod, direction):
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and direction in spec["policyTypes"]
        and selects(spec["podSelector"], pod.labels)
    )


def peer_matches(rule, peer, own):
    if "ipBlock" in rule:
        assert set(rule) == {"ipBlock"}
        return ipaddress.ip_address(peer.address) in ipaddress.ip_network(rule["ipBlock"]["cidr"])
    if not peer.namespace:
        return False
    if "namespaceSelector" in rule:
        name = {"kubernetes.io/metadata.name": peer.namespace}
        if not selects(rule["namespaceSelector"], name):
            return False
    elif peer.namespace != own:
        return False
    return selects(rule.get("podSelector", {}), peer.labels)


def port_matches(rule, port, protocol):
    return any(
        (each.get("protocol", "TCP"), each["port"]) == (protocol, port)
        for each in rule.get("ports", [{"protocol": protocol, "port": port}])
    )


def one_way(policies, pod, peer, port, protocol, direction):
    applying = [policy for policy in policies if applies(policy, pod, direction)]
    if not applying:
        return True
    key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        port_matches(rule, port, protocol)
        and (
            not rule.get(peers)
            or any(peer_matches(each, peer, pod.namespace) for each in rule[peers])
        )
        for policy in applying
        for rule in policy["spec"].get(key, [])
    )


def allowed(policies, sender, receiver, port, protocol="TCP"):
    """Whether the policies let ``sender`` connect to ``receiver`` on a port."""
    return one_way(policies, sender, receiver, port, protocol, "Egress") and one_way(
        policies, receiver, sender, port, protocol, "Ingress"
    )
