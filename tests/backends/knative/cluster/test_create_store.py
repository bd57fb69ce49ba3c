"""``deploy --create-store``: a cluster by FoundationDB's operator, played by the test."""

import json
from pathlib import Path

import pytest
import yaml

from backends.knative.cluster.create_store import PROFILES, connection_string, store_manifest
from backends.knative.cluster.errors import NotInstalled, NotReady
from backends.knative.cluster.kinds import FDB_CLUSTER
from backends.knative.cluster.plan import rehearse
from backends.knative.cluster.readiness import readiness
from backends.knative.cluster.wait import Waiting
from backends.knative.names import Names
from backends.knative.settings import Settings
from compiler.application import load
from tests.backends.knative.cluster.standin import Answer, StandIn, listing, status
from tests.backends.knative.schema import crd_problems
from tests.patience import until

NAMES = Names(load("apps/counter"), Settings(image="counter:1", namespace="here"))
DEFINITION = Path(__file__).parents[5] / "shared/fdb/operator/foundationdbclusters.crd.yaml"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CLUSTERS = "apps.foundationdb.org/v1beta2:foundationdbclusters"
READY = {
    "generations": {"reconciled": 1},
    "health": {"available": True},
    "connectionString": "counter:abc@10.0.0.1:4501",
}


def cluster(**status):
    metadata = {"name": "counter-store", "generation": 1, "resourceVersion": "1"}
    return {"metadata": metadata, "status": status}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_operator_s_definition_takes_it(profile):
    if not DEFINITION.exists():
        pytest.skip(f"the operator's definition is not there: {DEFINITION}")
    versions = yaml.safe_load(DEFINITION.read_text())["spec"]["versions"]
    (schema,) = [each["schema"] for each in versions if each["name"] == "v1beta2"]
    manifest = json.loads(json.dumps(store_manifest(NAMES, profile)))
    assert crd_problems(manifest, schema["openAPIV3Schema"]) == []


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (cluster(), "the operator is not done with it"),
        (cluster(**{**READY, "generations": {"reconciled": 0, "needsGrow": 1}}), "(needsGrow)"),
        (cluster(**{**READY, "health": {"available": False}}), "does not answer yet"),
        (cluster(**{**READY, "connectionString": ""}), "no connection string"),
    ],
)
def test_what_is_waited_for(item, why):
    found = readiness(FDB_CLUSTER, item)
    assert found.state == "waiting"
    assert why in found.why


def test_the_connection_string_is_the_cluster_file():
    steps = [cluster(), cluster(generations={"reconciled": 1}), cluster(**READY)]

    def handle(asked):
        if asked.query.get("watch") == "true":
            return status(410, "too old", "Expired")  # so that it lists again
        if asked.path.endswith("/pods"):
            return listing([])
        found = steps.pop(0) if len(steps) > 1 else steps[0]
        return listing([found]) if asked.path.endswith("clusters") else Answer(200, found)

    told = []
    with StandIn(handle) as server:
        waiting = Waiting(60, sleep=lambda _: None)
        content = connection_string(
            server.objects(), NAMES, store_manifest(NAMES, "small"), waiting,
            lambda _kind, _name, found: told.append(found.state),
        )  # fmt: skip
    assert content == b"counter:abc@10.0.0.1:4501\n"
    assert told == ["waiting", "waiting", "ready"]


def test_a_cluster_that_does_not_come_is_told():
    handle = lambda asked: listing([cluster()] if asked.path.endswith("clusters") else [])  # noqa: E731
    time = iter(range(1000))
    with StandIn(handle) as server:
        waiting = Waiting(20, clock=lambda: float(next(time)), sleep=lambda _: None)
        manifest = store_manifest(NAMES, "small")
        with pytest.raises(NotReady, match="FoundationDB cluster counter-store is not ready after"):
            connection_string(server.objects(), NAMES, manifest, waiting, lambda *_: None)


def test_without_the_operator_its_lines_are_told():
    missing = StandIn(lambda _: Answer(404, "404 page not found\n"))
    with missing as server, pytest.raises(NotInstalled) as caught:
        rehearse(server.objects(), [store_manifest(NAMES, "small")])
    said = str(caught.value)
    assert said.count("kubectl apply -f") == 3
    assert "foundationdbclusters.yaml" in said
    assert "samples/deployment.yaml" in said
    assert "--cluster-file" in said


def test_two_stores_are_one_too_many(shop):
    seen = shop.deploy("--create-store")
    assert seen.status == 2
    assert "give one of them" in seen.err


@pytest.fixture
def operator(admin):
    """The operator's definition on the server."""
    if not DEFINITION.exists():
        pytest.skip(f"the operator's definition is not there: {DEFINITION}")
    definition = yaml.safe_load(DEFINITION.read_text())
    name = definition["metadata"]["name"]
    if name not in admin.names(DEFINITIONS):
        admin.ask("POST", DEFINITIONS, definition)

    def is_served():
        conditions = admin.ask("GET", f"{DEFINITIONS}/{name}").get("status") or {}
        found = {each["type"]: each["status"] for each in conditions.get("conditions") or []}
        return found.get("Established") == "True"

    until(is_served, what="the definition")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.no_controllers
def test_a_real_server_takes_it_and_deploys_with_its_address(shop, admin, operator, profile):
    shop.cluster_file = None
    dry = shop.run("deploy", "--image", "r.example/shop:1", f"--create-store={profile}",
                   "--dry-run=server")  # fmt: skip
    assert dry.lines == ["FoundationDB cluster shop-store created (dry run)"], dry.err
    given = ("--image", "r.example/shop:1", f"--create-store={profile}", "--no-wait")
    late = shop.run("deploy", *given, "--timeout", "1")
    assert late.status == 1
    assert "the operator is not done with it" in late.err
    generation = admin.ask("GET", f"{CLUSTERS}/shop-store")["metadata"]["generation"]
    ready = {**READY, "generations": {"reconciled": generation}}
    path = f"{CLUSTERS}/shop-store/status"
    admin.ask("PATCH", path, {"status": {**ready, "requiredAddresses": {}}})
    seen = shop.run("deploy", *given)
    assert seen.status == 0, seen.err
    assert "FoundationDB cluster shop-store unchanged" in seen.lines
    content = admin.secret("shop-cluster-file")["data"]["cluster-file"]
    assert content == "Y291bnRlcjphYmNAMTAuMC4wLjE6NDUwMQo="
    assert shop.run("delete", "--yes", "--no-wait").status == 0
    assert admin.names(CLUSTERS) == {"shop-store"}  # it holds the data
