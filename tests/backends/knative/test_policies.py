"""The network lets through what the graph has, and nothing more."""

import copy

import pytest

from backends.knative.edges import edges
from backends.knative.names import GATEWAY, UPKEEP
from backends.knative.policies import REQUEST_PORTS, store_ports
from backends.knative.render import render
from tests.backends.knative.manifests import APPS, application, of_kind, rendered, settings, written
from tests.backends.knative.network import Peer, allowed

NAMESPACE = "default"
OUTSIDE = Peer(address="93.184.216.34")
COORDINATOR = Peer(address="10.0.4.1")
DNS = Peer("kube-system", {"k8s-app": "kube-dns"})
ACTIVATOR = Peer("knative-serving", {"app": "activator"})
INGRESS = Peer("kourier-system", {"app": "3scale-kourier-gateway"})
STRANGER = Peer(NAMESPACE, {"app": "stranger"})
ELSEWHERE = Peer("elsewhere", {"app": "stranger"})


def policies(manifests):
    return list(of_kind(manifests, "NetworkPolicy", "networking.k8s.io/v1").values())


def pods(manifests):
    """The pods of every part, by the label that names it; Knative's carry the template's labels."""
    return {
        labels["app.kubernetes.io/component"].replace("-", ""): Peer(
            m["metadata"]["namespace"], labels
        )
        for m in manifests
        if m["kind"] in ("Service", "Deployment")
        for labels in [m["spec"]["template"]["metadata"]["labels"]]
    }


@pytest.mark.parametrize("app", APPS)
def test_exactly_the_graph_s_edges_are_open(app):
    manifests = rendered(app)
    rules, parts = policies(manifests), pods(manifests)
    callees = {
        caller.lower(): {name.lower() for name in called}
        for caller, called in edges(application(app)).callees.items()
    }
    assert set(parts) == set(callees)
    for caller, sender in parts.items():
        for callee, receiver in parts.items():
            for port in REQUEST_PORTS:
                open_ = allowed(rules, sender, receiver, port)
                assert open_ == (callee in callees[caller]), (caller, callee)


def test_the_graph_s_edges_are_those_of_the_program():
    callees = edges(application("apps/hotel")).callees
    everything = frozenset({"Frontend", "Hotel", "Flight", "Order"})
    assert callees == {
        "Frontend": everything - {"Frontend"},
        "Hotel": frozenset(),
        "Flight": frozenset(),
        "Order": frozenset(),
        GATEWAY: everything,
        UPKEEP: everything,
    }


HELPER = """
from compiler import Persistent, call, service

@service
class Inner:
    def __init__(self):
        self.n: Persistent[int] = 0

    def count(self) -> int:
        self.n += 1
        return self.n

async def ask() -> int:
    return call(Inner.count)

@service
class Outer:
    def __init__(self):
        self.n: Persistent[int] = 0

    async def go(self) -> int:
        return await ask()
"""


def test_a_call_in_a_helper_counts(tmp_path):
    shop = written(tmp_path, HELPER)
    callees = edges(shop).callees
    assert callees["Outer"] == {"Inner"}
    manifests = render(shop, settings())
    rules, parts = policies(manifests), pods(manifests)
    assert allowed(rules, parts["outer"], parts["inner"], 8012)
    assert not allowed(rules, parts["inner"], parts["outer"], 8012)


def test_a_stranger_is_kept_out_wherever_it_comes_from():
    manifests = rendered()
    rules = policies(manifests)
    for part in pods(manifests).values():
        for stranger in (STRANGER, ELSEWHERE, OUTSIDE):
            for port in (8012, 8080, 8022, 9090):
                assert not allowed(rules, stranger, part, port)


def test_another_deployment_of_the_same_application_is_a_stranger():
    manifests = rendered(name="one") + rendered(name="two")
    rules = policies(manifests)
    one, two = (pods(rendered(name=name)) for name in ("one", "two"))
    assert allowed(rules, one["frontend"], one["hotel"], 8012)
    assert not allowed(rules, one["frontend"], two["hotel"], 8012)


def test_nobody_reaches_the_world():
    manifests = rendered()
    rules = policies(manifests)
    for part in pods(manifests).values():
        for port in (80, 443, 22, 6443, 8080):
            assert not allowed(rules, part, OUTSIDE, port)
            assert not allowed(rules, part, STRANGER, port)


def test_knative_reaches_pods_and_pods_that_call_reach_its_ingress():
    manifests = rendered()
    rules, parts = policies(manifests), pods(manifests)
    for name, part in parts.items():
        for platform in (ACTIVATOR, INGRESS):
            assert allowed(rules, platform, part, 8012) == (name != "upkeep")
            assert allowed(rules, platform, part, 9090) == (name != "upkeep")
            calls = name in ("frontend", "gateway", "upkeep")
            assert allowed(rules, part, platform, 8081) == calls
            assert allowed(rules, part, platform, 8012) == calls


def test_everybody_resolves_names_and_reaches_the_store():
    manifests = rendered()
    rules = policies(manifests)
    for part in pods(manifests).values():
        assert allowed(rules, part, DNS, 53, "UDP")
        assert allowed(rules, part, DNS, 53)
        assert not allowed(rules, part, DNS, 80)
        for port in (4500, 4501):
            assert allowed(rules, part, COORDINATOR, port)
        assert not allowed(rules, part, COORDINATOR, 4502)


def test_the_store_s_network_can_be_fenced():
    manifests = rendered(store_networks=("10.0.4.0/24",), store_ports=(4600,))
    rules, parts = policies(manifests), pods(manifests)
    assert allowed(rules, parts["hotel"], COORDINATOR, 4600)
    assert not allowed(rules, parts["hotel"], Peer(address="10.0.5.1"), 4600)


def test_a_policy_that_is_lost_is_noticed():
    """The evaluator can say yes: without its policy a pod takes everything."""
    manifests = rendered()
    parts = pods(manifests)
    rules = [r for r in policies(manifests) if r["metadata"]["name"] != "hotel-hotel"]
    assert allowed(rules, STRANGER, parts["hotel"], 8012)
    assert not policies(rendered(network_policies=False))


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_an_edge_taken_out_of_either_side_is_closed(direction):
    manifests = copy.deepcopy(rendered())
    rules, parts = policies(manifests), pods(manifests)
    assert allowed(rules, parts["frontend"], parts["hotel"], 8012)
    name = "hotel-hotel" if direction == "ingress" else "hotel-frontend"
    policy = next(rule for rule in rules if rule["metadata"]["name"] == name)
    policy["spec"][direction] = [
        r for r in policy["spec"][direction] if "podSelector" not in str(r)
    ]
    assert not allowed(rules, parts["frontend"], parts["hotel"], 8012)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        (b"a:b@10.0.0.1:4500", [4500]),
        (b"a_b:c1@10.0.0.1:4500:tls,10.0.0.2:4501:tls\n", [4500, 4501]),
        (b"# a comment\n\na:b@[::1]:4689,fdb.example:4690  # and one more\n", [4689, 4690]),
    ],
)
def test_ports_are_those_of_the_cluster_file(text, ports):
    assert store_ports(settings(cluster_file=text)) == ports


def test_without_a_cluster_file_the_usual_port_is_open():
    assert store_ports(settings(cluster_file=None)) == [4500]
    assert store_ports(settings(cluster_file=None, store_ports=(4700,))) == [4700]
