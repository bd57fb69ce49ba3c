"""``run``: pods are deleted, and what nodes of this machine recorded is judged.

Pods are objects of a real API server with nothing behind them; what answers is a gateway of
this machine, which ``--url`` names.
"""

import json
from random import Random

import pytest

from backends.knative.commands.drill import Pods
from backends.knative.names import Names
from backends.knative.settings import Settings
from compiler.application import load
from tests.backends.drill.apps import ROOT
from tests.backends.knative.cluster.running import run
from tests.backends.knative.cluster.test_failures import RULES, edit_kubeconfig, limited
from tests.backends.knative.test_drill import Deployment

__all__ = ["edit_kubeconfig", "limited"]  # fixtures


@pytest.fixture
def names(namespace):
    settings = Settings(image="hotel:1", namespace=namespace)
    return Names(load(ROOT / "apps" / "hotel"), settings)


def make_pod(admin, names, name, part):
    metadata = {"name": name, "labels": names.labels(names.components[part])}
    containers = [{"name": "node", "image": "hotel:1"}]
    admin.create("v1:pods", metadata=metadata, spec={"containers": containers})


@pytest.mark.no_controllers
def test_one_pod_of_a_service_is_deleted(admin, objects, names):
    for number in range(2):
        make_pod(admin, names, f"hotel-{number}", "Hotel")
        make_pod(admin, names, f"flight-{number}", "Flight")
    (killed,) = Pods(objects, names).kill("Hotel", "one", Random(1))
    assert admin.names("v1:pods") == {"hotel-0", "hotel-1", "flight-0", "flight-1"} - {killed}
    assert killed.startswith("hotel")


@pytest.mark.no_controllers
def test_all_pods_of_a_service_are_deleted(admin, objects, names):
    make_pod(admin, names, "hotel-0", "Hotel")
    make_pod(admin, names, "hotel-1", "Hotel")
    make_pod(admin, names, "upkeep-0", "upkeep")
    assert sorted(Pods(objects, names).kill("Hotel", "all", Random(1))) == ["hotel-0", "hotel-1"]
    assert Pods(objects, names).kill("platform", "one", Random(1)) == ["upkeep-0"]
    assert admin.names("v1:pods") == set()


@pytest.mark.no_controllers
def test_pods_of_other_deployments_stay(admin, objects, names):
    labels = {**names.labels("hotel"), "app.kubernetes.io/instance": "motel"}
    containers = [{"name": "node", "image": "motel:1"}]
    admin.create(
        "v1:pods", metadata={"name": "motel", "labels": labels}, spec={"containers": containers}
    )
    assert Pods(objects, names).kill("", "all", Random(1)) == []
    assert admin.names("v1:pods") == {"motel"}


@pytest.mark.no_controllers
def test_pods_that_have_ended_or_are_about_to_are_left_alone(admin, objects, names):
    for name in ("ended", "ending"):
        make_pod(admin, names, name, "Hotel")
    admin.ask("PATCH", "v1:pods/ended/status", {"status": {"phase": "Failed"}})
    admin.ask("PATCH", "v1:pods/ending", {"metadata": {"finalizers": ["example.com/held"]}})
    admin.ask("DELETE", "v1:pods/ending")
    assert Pods(objects, names).kill("Hotel", "all", Random(1)) == []
    admin.ask("PATCH", "v1:pods/ending", {"metadata": {"finalizers": None}})


SCENARIO = """
name: trip
app: apps/hotel
load: [{name: steady, executor: constant-arrival-rate, rate: 30/s, duration: 2s}]
retry: {attempts: 10, timeout: 1s}
faults:
  - {kind: crash, at: any, probability: 1%}
  - {kind: kill, selector: {service: Hotel}, mode: one, schedule: "@every 500ms"}
  - {kind: duplicate, probability: 20%}
heal: 20s
check: [{invariant: hotel.no_overselling}]
"""


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "trip.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def nodes(tmp_path):
    found = []

    def start(**named):
        found.append(Deployment(tmp_path / "data", "hotel", **named))
        return found[-1]

    yield start
    for each in found:
        each.end()


def make_key(admin, key):
    data = {"wire-key": key.decode("latin-1")}
    assert data["wire-key"].isascii()
    admin.create("v1:secrets", metadata={"name": "hotel-wire-key"}, stringData=data)


@pytest.mark.real
@pytest.mark.no_controllers
def test_a_scenario_from_end_to_end(admin, names, namespace, scenario, nodes, tmp_path):
    deployed = nodes(key=b"k" * 32)
    make_key(admin, deployed.key)
    for number in range(20):
        make_pod(admin, names, f"hotel-{number}", "Hotel")
    make_pod(admin, names, "flight-0", "Flight")
    out = tmp_path / "out"
    seen = run("run", scenario, "-n", namespace, "--url", deployed.url + "/", "--out", out)
    assert seen.status == 0, seen.out + seen.err
    assert "crash at any, 1%" in seen.out[seen.out.index("Not injected") :]
    assert "Task exception" not in seen.err
    assert json.loads((out / "result.json").read_text())["backend"] == "knative"
    assert "flight-0" in admin.names("v1:pods")
    assert 1 <= 21 - len(admin.names("v1:pods")) <= 5
    assert (out / "history.jsonl").stat().st_size > 0
    assert "k" * 32 not in seen.out + seen.err


@pytest.mark.real
@pytest.mark.no_controllers
def test_pods_that_may_not_be_deleted_end_the_run(
    admin, names, namespace, scenario, nodes, limited
):
    deployed = nodes(key=b"k" * 32)
    make_key(admin, deployed.key)
    make_pod(admin, names, "hotel-0", "Hotel")
    limited(*RULES)
    seen = run("run", scenario, "-n", namespace, "--url", deployed.url)
    assert seen.status == 1
    assert 'resources: ["pods"], verbs: ["delete"]' in seen.err
    assert "Task exception" not in seen.err
    assert "Verdict" not in seen.out


@pytest.mark.real
def test_nodes_that_do_not_record_are_named(admin, namespace, scenario, nodes):
    deployed = nodes(recording=False)
    make_key(admin, b"k" * 32)
    seen = run("run", scenario, "-n", namespace, "--url", deployed.url)
    assert (seen.status, seen.out) == (2, "")
    assert "--record" in seen.err


def test_what_is_missing_for_a_run_is_said_in_one_line(admin, namespace, scenario):
    def says(*arguments):
        seen = run("run", scenario, "-n", namespace, *arguments)
        assert seen.out == ""
        return seen.status, seen.err.splitlines()[-1]

    status, said = says()
    assert (status, "deploy it, or give its address with --url" in said) == (1, True)
    status, said = says("--url", "http://127.0.0.1:1")
    assert (status, "no secret hotel-wire-key" in said) == (2, True)
    make_key(admin, b"k" * 32)
    status, said = says("--url", "http://127.0.0.1:1")
    assert (status, "cannot be reached" in said) == (1, True)
    status, said = says("--url", "127.0.0.1:1")
    assert (status, "http://host:port" in said) == (2, True)
    status, said = says("--name", "Not a name")
    assert (status, "Not a name" in said) == (2, True)
    status, said = says("--url", "http://127.0.0.1:1", "--out", "/proc/nowhere")
    assert (status, "--out" in said) == (2, True)
