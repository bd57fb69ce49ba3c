"""What processor time, gateway and cores do to requests, and what they must not do."""

import pytest

from experiment import checks
from experiment.record.history import trace_hash
from experiment.scenario.model import Call, Fault, Load, Platform, ServicePlatform, StoreModel
from sim.run import run
from tests.experiment.checks.agency import Application, scenario

STORE = StoreModel(read_version=0.0, read=0.0, commit=0.0, spread=0.0, commits_per_second=1e9)
BARE = {"hop": 0.0, "spread": 0.0, "cpu": 0.0, "store": STORE}
ONE = ServicePlatform(replicas=1, concurrency=1000, workers=1)


def latency(call, **platform):
    """What one request alone takes."""
    model = Platform(**{**BARE, "defaults": ONE, **platform})
    load = Load("one", "shared-iterations", [Call(call, args=["k1"])], vus=1, iterations=1)
    (result,) = run(scenario(platform=model, load=[load]), Application()).results
    assert result.status == "succeeded"
    return result.finished - result.intended


def store(**changes):
    return StoreModel(
        **{
            "read_version": 0.0,
            "read": 0.0,
            "commit": 0.0,
            "spread": 0.0,
            "commits_per_second": 1e9,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("platform", "seconds"),
    [
        ({}, 0.0),
        ({"hop": 0.01}, 0.02),
        ({"cpu": 0.01}, 0.01),
        ({"client_cpu": 0.01}, 0.01),
        ({"ingress_cpu": 0.01}, 0.01),
        ({"ingress_cpu": 0.01, "hop": 0.01}, 0.05),
        ({"call_cpu": 0.01}, 0.0),
        ({"store": store(read_version_cpu=0.01)}, 0.01),
        ({"store": store(read_cpu=0.01)}, 0.01),
        ({"store": store(commit_cpu=0.01)}, 0.01),
        ({"cpu": 0.01, "cpu_after": 0.5}, 0.0075),  # the first half whole, then half of the second
        ({"cpu": 0.01, "client_cpu": 0.01, "ingress_cpu": 0.01, "cores": 1}, 0.03),
    ],
)
def test_what_a_request_alone_takes(platform, seconds):
    assert latency("Counter.increment", **platform) == pytest.approx(seconds, abs=1e-9)


def test_a_call_costs_its_caller():
    """The front forwards to the counter: one call more, one execution more, two hops more."""
    assert latency("Front.forward", call_cpu=0.01) == pytest.approx(0.01)
    assert latency("Front.forward", cpu=0.01) == pytest.approx(0.02)
    assert latency("Front.forward", hop=0.01, ingress_cpu=1e-6) == pytest.approx(0.06, abs=1e-5)


def throughput(clients=32, seconds=2.0, **platform):
    model = Platform(**{**BARE, "defaults": ONE, **platform})
    loop = Load("loop", "constant-vus", [Call("Counter.look")], vus=clients, duration=seconds)
    done = run(scenario(platform=model, load=[loop]), Application())
    return sum(each.finished <= seconds for each in done.results) / seconds


COSTS = {"cpu": 0.002, "client_cpu": 0.001, "ingress_cpu": 0.003}


@pytest.mark.parametrize(("cores", "expected"), [(1, 1 / 0.006), (2, 1 / 0.003), (0, 1 / 0.003)])
def test_cores_bound_what_a_machine_can_do(cores, expected):
    """One core does all; with two, and without a bound, the gateway's one worker is the limit."""
    assert throughput(cores=cores, **COSTS) == pytest.approx(expected, rel=0.08)


def test_what_comes_after_the_answer_shortens_latency_and_not_the_work():
    whole = throughput(cores=1, **COSTS)
    assert throughput(cores=1, cpu_after=0.4, **COSTS) == pytest.approx(whole, rel=0.02)
    assert latency("Counter.look", cpu_after=0.4, **COSTS) < 0.9 * latency("Counter.look", **COSTS)


EVERYTHING = Platform(
    cpu=0.0002,
    call_cpu=0.0002,
    client_cpu=0.0003,
    ingress_cpu=0.0004,
    cpu_after=0.2,
    cores=2,
    store=StoreModel(read_version_cpu=0.00003, read_cpu=0.00002, commit_cpu=0.0002),
)
FAULTS = [
    Fault("crash", at="any", probability=0.02),
    Fault("pause", at="any", probability=0.01, duration=1.0),
    Fault("duplicate", probability=0.05, duration=2.0),
    Fault("drop", probability=0.02),
    Fault("store_error", probability=0.01),
    Fault("partition", between=["client", "*"], schedule=0.7, duration=0.2, probability=1.0),
    Fault("kill", schedule=0.5, probability=1.0),
]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_on_such_a_platform(seed):
    """Computing, waiting for a core and passing the gateway, requests can be struck as ever."""
    ask = scenario(platform=EVERYTHING, faults=FAULTS, seed=seed)
    done = run(ask, Application())
    assert len(done.history.faults) > 20
    assert done.settled_after is not None
    verdicts = checks.check(done, Application(), ask, ("exactly_once", "liveness", "atomicity"))
    assert [v.status for v in verdicts if v.status == "fails"] == []
    assert len(verdicts) == 3


def test_the_same_seed_gives_the_same_trace():
    ask = scenario(platform=EVERYTHING, faults=FAULTS)
    first, second = (trace_hash(run(ask, Application()).history) for _ in range(2))
    assert first == second


def test_what_is_not_asked_for_changes_no_trace():
    """The costs that are new are zero, and a machine with more cores than work has no limit."""
    plain = trace_hash(run(scenario(faults=FAULTS), Application()).history)
    roomy = Platform(cores=10_000)
    assert trace_hash(run(scenario(faults=FAULTS, platform=roomy), Application()).history) == plain
    slower = Platform(client_cpu=0.001)
    assert trace_hash(run(scenario(faults=FAULTS, platform=slower), Application()).history) != plain
