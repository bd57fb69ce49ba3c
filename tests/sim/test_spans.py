"""Where the time of a request goes: no moment is missing, and none is counted twice."""

from pathlib import Path

import msgspec
import pytest

from experiment.outcome import Task
from experiment.preparation import prepare
from experiment.record.metrics import measure
from experiment.scenario.model import Call, Load
from sim.execution import execute
from sim.platform.spans import Spans

SMOKE = str(Path(__file__).parent.parent.parent / "scenarios/smoke.yaml")
ANY, HOT = Call("Root.increment"), Call("Root.increment", args=["a"])
GATEWAY = {"ingress_cpu": 0.001, "client_cpu": 0.001, "call_cpu": 0.0002, "cores": 4}


def measured(protocol, call=ANY, users=1, platform=None):
    prepared = prepare(Task(SMOKE, "apps/tree", protocol=protocol))
    model = msgspec.structs.replace(prepared.scenario.platform, **(platform or {}))
    load = [Load("some", "shared-iterations", mix=[call], vus=users, iterations=20 * users)]
    changes = {"load": load, "faults": [], "platform": model, "heal": 5.0}
    done, _ = execute(prepared, msgspec.structs.replace(prepared.scenario, **changes))
    return measure(done)


@pytest.mark.parametrize("protocol", ["mu2sls", "popl23", "unsafe"])
@pytest.mark.parametrize("users", [1, 8])
@pytest.mark.parametrize("platform", [{}, GATEWAY])
def test_all_of_a_latency_is_accounted_for(protocol, users, platform):
    found = measured(protocol, ANY, users, platform)
    assert sum(found.times.values()) == pytest.approx(found.latency.total, rel=1e-9)
    assert ("ingress" in found.times) == ("ingress_cpu" in platform)
    assert min(found.times["store"], found.times["hops"], found.times["processor"]) > 0


def test_one_alone_waits_for_nobody():
    times = measured("mu2sls").times
    assert times.get("waiting", 0.0) == pytest.approx(0.0, abs=1e-9)
    assert "retries" not in times


@pytest.mark.parametrize("protocol", ["mu2sls", "popl23"])
def test_what_came_to_nothing_is_told_from_what_did_not(protocol):
    found = measured(protocol, HOT, 4)
    assert 0 < found.times["retries"] < found.latency.total


def test_who_waits_takes_over_what_was_waited_for():
    callee, caller = Spans(1.0), Spans(0.0)
    callee.add("hops", 2.0)
    callee.computed(0.5, 3.0)
    callee.add("store", 5.0)
    caller.add("processor", 2.25)  # beside it
    caller.take(callee, 0.25, 6.0)
    assert caller.sums() == {
        "processor": 2.25 + 0.5, "waiting": 0.25, "store": 2.0, "ingress": 0.25, "hops": 0.75,
    }  # fmt: skip
    caller.in_vain()
    assert caller.sums() == {"retries": 6.0}
    caller.add("store", 7.0)
    caller.in_vain()
    assert caller.sums() == {"retries": 7.0}
