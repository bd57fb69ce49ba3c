"""A process that dies is noticed by those who wait for it, unless they are cut off."""

import pytest

from compiler.application import load
from experiment.scenario.model import Call, Fault, Load, Retry, Scenario
from sim.run import run

COUNTER = load("apps/counter")
TIMEOUT = 1.5


def tries(*faults):
    """How long one request takes whose first try is struck, and how often it is sent."""
    one = Load(
        "one", "shared-iterations", [Call("Counter.increment", args=["a"])], vus=1, iterations=1
    )
    scenario = Scenario(
        "x",
        "apps/counter",
        load=[one],
        faults=list(faults),
        retry=Retry(timeout=TIMEOUT),
    )
    (result,) = run(scenario, COUNTER).results
    assert result.status == "succeeded"
    return result.finished - result.intended, result.tries


@pytest.mark.parametrize("at", ["start", "before_commit", "after_commit", "before_reply"])
def test_a_connection_breaks_with_the_process_behind_it(at):
    seconds, tried = tries(Fault("crash", at=at, nth=[0]))
    assert tried > 1
    assert seconds < TIMEOUT


def test_nobody_is_told_over_a_partition():
    crash = Fault("crash", at="before_commit", nth=[0])
    cut = Fault("partition", between=("Counter", "client"), duration=0.2, nth=[2])
    seconds, tried = tries(crash, cut)
    assert tried > 1
    assert seconds >= TIMEOUT


def test_nobody_is_told_of_a_sleeper():
    seconds, tried = tries(Fault("pause", at="before_commit", duration=60.0, nth=[0]))
    assert tried > 1
    assert seconds >= TIMEOUT
