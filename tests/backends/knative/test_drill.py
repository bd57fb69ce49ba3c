"""A scenario against a deployment, played by recording nodes of this machine."""

import asyncio
import contextlib
import os
import signal
from dataclasses import replace

import msgspec
import pytest

from backends.drill.recording import Recording
from backends.knative.drill import GatewaySilent, NotRecording, injectable, run
from backends.local.background import background
from backends.local.folder import Folder
from backends.local.up import Wanted, prepare
from compiler.application import load
from core.errors import MuError
from core.protocol import Protocol
from experiment.judgement import judge
from experiment.scenario.model import Call, Fault, Load, Retry, Scenario
from tests.backends.drill.apps import ROOT
from tests.backends.knative.ingress import HOST, Ingress

pytestmark = pytest.mark.real

RATE = Load("steady", "constant-arrival-rate", rate=40.0, duration=2.5)


class Deployment:
    """Nodes of this machine, in place of pods."""

    def __init__(self, path, app, recording=True, protocol=None, key=None):
        self.application = load(ROOT / "apps" / app)
        self.folder = Folder(path)
        wanted = Wanted(app, path, 0, default_workers=2)
        if protocol is not None:
            wanted = replace(wanted, protocol=protocol)
        plan = prepare(wanted, self.application, self.folder)
        if key is not None:
            plan = replace(plan, key=key)
        self.key = plan.key
        if recording:
            plan = replace(plan, make_for=lambda *_: Recording())
        self._running = contextlib.ExitStack()
        self._up = self._running.enter_context(background(plan, self.folder))
        self.url = self._up.url
        asyncio.run(self._up.ready())

    def kill(self, service, mode, rng):
        """As pods are deleted: a process of the service dies."""
        nodes = [n for n in self.folder.running().nodes if n.name.startswith(service)]
        node = rng.choice(nodes)
        os.kill(node.pid, signal.SIGKILL)
        return [node.name]

    def end(self):
        self._running.close()


@pytest.fixture
def deployed(tmp_path):
    made = []

    def deploy(*arguments, **named):
        made.append(Deployment(tmp_path / "data", *arguments, **named))
        return made[-1]

    yield deploy
    for each in made:
        each.end()


def scenario(app, *faults, load=RATE):
    retry = Retry(attempts=10, timeout=1.0)
    return Scenario(app, app, seed=4, heal=20.0, load=[load], faults=list(faults), retry=retry)


def statuses(outcome):
    return {verdict.name: verdict.status for verdict in outcome.checks}


def test_pods_are_deleted_and_every_check_holds(deployed):
    nodes = deployed("hotel")
    faults = (Fault("kill", schedule=0.7), Fault("drop", probability=0.05))
    done = run(scenario("hotel", *faults), nodes.application, nodes.url, nodes.key, nodes.kill)
    outcome = judge(done, nodes.application)
    assert set(statuses(outcome).values()) == {"holds"}
    assert all(done.fault_strikes)
    assert outcome.metrics.commits > 50
    assert outcome.metrics.sent == 100


def test_a_gateway_behind_an_ingress_is_asked_for_by_its_name(deployed):
    nodes = deployed("counter")
    told = []

    def run_through(url, host):
        return run(
            scenario("counter"),
            nodes.application,
            url,
            nodes.key,
            nodes.kill,
            lambda *seconds: told.append(seconds),
            host,
        )

    with Ingress(nodes.url) as ingress:
        done = run_through(ingress.url, HOST)
        assert set(ingress.hosts) == {HOST}
        assert len(ingress.hosts) > 100
        with pytest.raises(NotRecording, match="404"):
            run_through(ingress.url, "motel-gateway.default.example.com")
    outcome = judge(done, nodes.application)
    assert set(statuses(outcome).values()) == {"holds"}
    assert (outcome.metrics.sent, outcome.metrics.succeeded) == (100, 100)
    assert told[-1][0] > 2.0
    assert {end for _now, end in told} == {2.5}


def test_what_was_there_before_is_not_judged(deployed):
    nodes = deployed("counter")
    quiet = scenario("counter")
    first = run(quiet, nodes.application, nodes.url, nodes.key, nodes.kill)
    second = run(quiet, nodes.application, nodes.url, nodes.key, nodes.kill)
    assert set(statuses(judge(second, nodes.application)).values()) == {"holds"}
    assert len(second.history.commits) < 2 * len(first.history.commits)


def test_a_protocol_that_loses_updates_is_seen(deployed):
    nodes = deployed("counter", protocol=Protocol.unsafe())
    hot = Load(
        "hot", "constant-vus", vus=8, duration=2.0, mix=[Call("Counter.increment", args=["one"])]
    )
    done = run(scenario("counter", load=hot), nodes.application, nodes.url, nodes.key, nodes.kill)
    assert "fails" in statuses(judge(done, nodes.application)).values()


def test_a_deployment_that_does_not_record_is_refused(deployed):
    nodes = deployed("counter", recording=False)
    with pytest.raises(NotRecording, match="--record"):
        run(scenario("counter"), nodes.application, nodes.url, nodes.key, nodes.kill)


def test_another_key_opens_nothing(deployed):
    nodes = deployed("counter")
    with pytest.raises(MuError, match="401"):
        run(scenario("counter"), nodes.application, nodes.url, b"x" * 32, nodes.kill)


def test_a_gateway_that_goes_away_ends_the_run(deployed):
    nodes = deployed("counter")

    def end(*_):
        nodes.end()
        return ["gateway"]

    quick = msgspec.structs.replace(scenario("counter", Fault("kill", nth=[300])), heal=0.5)
    with pytest.raises(GatewaySilent, match="broke off"):
        run(quick, nodes.application, nodes.url, nodes.key, end)


def test_what_cannot_be_injected_is_named():
    faults = [Fault("crash", at="any"), Fault("kill", schedule=1.0), Fault("pause", at="any")]
    able, rest = injectable(msgspec.structs.replace(scenario("hotel"), faults=faults))
    assert [fault.kind for fault in able.faults] == ["kill"]
    assert [fault.kind for fault in rest] == ["crash", "pause"]
