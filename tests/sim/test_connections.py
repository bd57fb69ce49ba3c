"""Kept connections: paced requests come in bursts; acknowledgements are delayed in use."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from experiment.load.arrivals import schedules
from experiment.scenario.file import ScenarioError, read
from experiment.scenario.model import Call, Fault, Load, Platform, ServicePlatform, StoreModel
from sim.platform.connections import Connections
from sim.run import run
from tests.experiment.checks.agency import Application, scenario

STORE = StoreModel(read_version=0.0, read=0.0, commit=0.0, spread=0.0, commits_per_second=1e9)
BARE = Platform(
    hop=0.0, spread=0.0, cpu=0.01, store=STORE,
    defaults=ServicePlatform(replicas=1, concurrency=1000, workers=1000),
)  # fmt: skip
PACED = Load(
    "paced", "constant-arrival-rate", [Call("Counter.look")],
    rate=16.0, duration=3.0, connections=4, threads=2,
)  # fmt: skip
STEADY = "executor: constant-arrival-rate, rate: 5/s, duration: 1s"


def results(load, platform=BARE):
    done = run(scenario(platform=platform, load=[load]), Application())
    return sorted(done.results, key=lambda each: each.intended)


def test_each_connection_has_a_schedule_of_its_own():
    found = [list(times) for times in schedules(PACED)]
    assert [times[0] for times in found] == [0.0, 0.0, 0.005, 0.005]
    assert [len(times) for times in found] == [12] * 4
    assert all(b - a == pytest.approx(0.25) for times in found for a, b in pairwise(times))


def test_paced_requests_come_in_bursts_at_the_rate():
    done = results(PACED)
    assert len(done) == 48
    assert {round(each.intended % 0.25, 6) for each in done} == {0.0, 0.005}
    assert all(each.finished - each.intended == pytest.approx(0.01) for each in done)


def test_a_connection_that_is_late_sends_at_once_and_nothing_when_the_load_is_over():
    """Each of four takes 0.31 s for what is due every 0.25 s."""
    done = results(PACED, replace(BARE, cpu=0.31))
    sent = sorted(each.finished - 0.31 for each in done)
    assert len(done) == 4 * 10
    assert max(sent) < 3.0
    assert max(each.finished - each.intended for each in done) == pytest.approx(0.31 + 9 * 0.06)


def test_paced_requests_are_no_more_than_the_load_says():
    assert len(results(replace(PACED, iterations=5))) == 5


def test_a_connection_that_rested_is_quick_and_one_in_use_is_not():
    kept = Connections(0.01)
    assert not kept.take(0.0)
    kept.give(1.0)
    assert kept.take(1.009)
    kept.give(2.0)
    assert not kept.take(2.011)


def test_the_connection_that_was_free_last_is_used_next():
    kept = Connections(0.01)
    kept.give(1.0)
    kept.give(2.0)
    assert kept.take(2.005)
    assert not kept.take(2.005)


@pytest.mark.parametrize(("recent", "delayed"), [(0.0, 0), (1.0, 9)])
def test_answers_wait_for_a_delayed_acknowledgement(recent, delayed):
    """One client that asks again at once: all of its requests but the first wait."""
    load = Load("one", "shared-iterations", [Call("Counter.look")], vus=1, iterations=10)
    done = results(load, replace(BARE, ack_delay=0.04, ack_recent=recent))
    took = [round(each.finished - each.intended, 9) for each in done]
    assert sorted(took) == [0.01] * (10 - delayed) + [0.05] * delayed


def test_a_new_process_has_new_connections():
    """Pods are killed while the only client rests for less than would be new: nothing is held."""
    load = Load("one", "constant-arrival-rate", [Call("Counter.look")], rate=5.0, duration=2.0)
    platform = replace(BARE, ack_delay=0.04, ack_recent=1.0, restart=0.02)

    def held(*faults):
        done = run(scenario(platform=platform, load=[load], faults=list(faults)), Application())
        return sum(each.finished - each.intended > 0.04 for each in done.results)

    assert held() == 9
    assert held(Fault("kill", schedule=0.2, start=0.1, mode="all")) == 0


def test_a_worker_does_not_wait_for_the_acknowledgement():
    """Two clients, one worker: it computes while the other's answer is held back."""
    one = ServicePlatform(replicas=1, concurrency=1, workers=1)
    platform = replace(BARE, cpu=0.04, defaults=one, ack_delay=0.04, ack_recent=1.0)
    load = Load("two", "constant-vus", [Call("Counter.look")], vus=2, duration=4.0)
    assert sum(each.finished <= 4.0 for each in results(load, platform)) == pytest.approx(98, abs=3)


@pytest.mark.parametrize(("ingress", "seconds"), [("clients", 0.06), ("all", 0.08)])
def test_calls_between_services_may_pass_the_gateway(ingress, seconds):
    load = Load(
        "one", "shared-iterations", [Call("Front.forward", args=["k"])], vus=1, iterations=1
    )
    platform = replace(BARE, cpu=0.0, hop=0.01, ingress_cpu=1e-6, ingress=ingress)
    (only,) = results(load, platform)
    assert only.finished - only.intended == pytest.approx(seconds, abs=1e-5)


def test_the_gateways_workers_bound_what_passes():
    load = Load("many", "constant-vus", [Call("Counter.look")], vus=32, duration=2.0)
    counts = [
        sum(
            each.finished <= 2.0
            for each in results(load, replace(BARE, ingress_cpu=0.02, ingress_workers=workers))
        )
        for workers in (1, 4)
    ]
    assert counts == [pytest.approx(100, rel=0.1), pytest.approx(400, rel=0.1)]


@pytest.mark.parametrize(
    ("load", "what"),
    [
        ("executor: constant-arrival-rate, rate: 5/s, duration: 1s, threads: 2", "no connections"),
        (
            "executor: constant-arrival-rate, rate: 5/s, duration: 1s, connections: 2, threads: 3",
            "3 threads share out 2 connections",
        ),
        (
            "executor: constant-vus, vus: 1, duration: 1s, threads: 1",
            "means nothing to constant-vus",
        ),
    ],
)
def test_threads_without_connections_are_a_mistake(tmp_path, load, what):
    file = tmp_path / "case.yaml"
    file.write_text(f"app: apps/counter\nload: [{{{load}}}]\n")
    with pytest.raises(ScenarioError, match=what):
        read(str(file))


@pytest.mark.parametrize(
    "platform",
    [
        "{profile: cloudlab, ack_delay: 0ms}",
        "{profile: cloudlab, ingress_cpu: 0ms}",
        "{ack_delay: 40ms, ack_recent: 10ms, ingress: all, ingress_cpu: 1ms, ingress_workers: 2}",
        "{ingress: clients, ingress_workers: 1, store: {backoff: 1s, backoff_most: 1s}}",
    ],
)
def test_what_is_a_platform(tmp_path, platform):
    file = tmp_path / "case.yaml"
    file.write_text(f"app: apps/counter\nplatform: {platform}\nload: [{{{STEADY}}}]\n")
    read(str(file))


@pytest.mark.parametrize(
    ("platform", "what"),
    [
        ("{ingress: some}", "ingress"),
        ("{ingress_workers: 0}", "ingress_workers"),
        ("{ack_delay: 40}", "no unit"),
        ("{store: {backoff: -1ms}}", "backoff"),
        ("{ack_delay: 40ms}", "ack_delay means nothing while ack_recent is 0"),
        ("{profile: cloudlab, ack_recent: 0ms}", "ack_delay means nothing while ack_recent is 0"),
        ("{ack_recent: 10ms}", "'ack_recent' means nothing without ack_delay"),
        ("{ingress: all}", "'ingress' means nothing without ingress_cpu"),
        ("{ingress_workers: 3}", "'ingress_workers' means nothing without ingress_cpu"),
        ("{store: {backoff: 20ms, backoff_most: 10ms}}", "backoff_most is 10ms, below backoff"),
        ("{store: {backoff: 1s}}", "write backoff_most: 1s, or more"),
    ],
)
def test_what_is_no_platform(tmp_path, platform, what):
    file = tmp_path / "case.yaml"
    file.write_text(f"app: apps/counter\nplatform: {platform}\nload: [{{{STEADY}}}]\n")
    with pytest.raises(ScenarioError, match=what):
        read(str(file))
