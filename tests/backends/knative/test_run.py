"""The command ``run`` on its way to a deployment: which gateway it asks, and what it shows."""

import base64

import pytest

from backends.knative.commands import drill
from backends.knative.drill import GatewaySilent
from tests.backends.knative.cluster.running import run
from tests.backends.knative.cluster.standin import Answer, StandIn, listing
from tests.backends.knative.manifests import KEY, ROOT
from tests.backends.knative.test_cli import configure

OWN = "http://hotel-gateway.default.example.com"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A cluster with a deployment; what the scenario would have been run with."""
    found = []

    def play(scenario, _application, url, key, _kill, progress, host, _protocol):
        found.append((scenario.name, url, host, key))
        progress(1.0, 4.0)
        raise GatewaySilent("that is all")

    def answer(request):
        if "/secrets/" in request.path:
            data = {"wire-key": base64.b64encode(KEY).decode()}
            return Answer(200, {"kind": "Secret", "metadata": {"name": "x"}, "data": data})
        gateway = {"kind": "Service", "metadata": {"name": "g"}, "status": {"url": OWN}}
        return listing([gateway])

    monkeypatch.setattr(drill, "run_scenario", play)
    monkeypatch.chdir(ROOT)
    with StandIn(answer) as server:
        configure(monkeypatch, tmp_path / "kubeconfig", server.url)
        yield found


def test_the_cluster_s_own_address(asked):
    seen = run("run", "scenarios/smoke.yaml")
    assert (seen.status, seen.out) == (1, "")
    assert asked == [("smoke", OWN, "", KEY)]
    assert f"at {OWN}\n" in seen.err


def test_an_ingress_and_the_gateway_s_name(asked):
    given = ("--url", "http://127.0.0.1:8080/", "--host", "hotel.example.com")
    seen = run("run", "scenarios/smoke.yaml", *given)
    assert asked == [("smoke", "http://127.0.0.1:8080", "hotel.example.com", KEY)]
    assert "http://127.0.0.1:8080 (hotel.example.com)" in seen.err


def test_progress_is_for_terminals_and_may_be_left_out(asked, monkeypatch):
    assert "1 of 4 s" not in run("run", "scenarios/smoke.yaml").err
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    assert "1 of 4 s" in run("run", "scenarios/smoke.yaml").err
    seen = run("run", "scenarios/smoke.yaml", "--quiet")
    assert "1 of 4 s" not in seen.err
    assert "load on" not in seen.err
    assert seen.err.count("\n") == 1
