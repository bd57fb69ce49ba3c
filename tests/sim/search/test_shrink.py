"""Delta debugging: what is left fails, and fails no more with anything taken away."""

from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.outcome import Task
from experiment.preparation import Prepared, prepare
from experiment.scenario.load import CLOSED
from experiment.scenario.model import Fault, Scenario
from sim.execution import execute, planting
from sim.search.shrink import minimal, shortest, shrink, with_strikes, write_scenario

ROOT = Path(__file__).parents[3]


@given(st.integers(0, 40))
def test_the_shortest_beginning_is_found_by_halving(needed):
    tries = []

    def fails(tried):
        tries.append(tried)
        return len(tried) >= needed

    assert shortest(list(range(40)), fails) == list(range(needed))
    assert len(tries) <= 6


@given(st.sets(st.integers(0, 40), max_size=6), st.integers(1, 41))
def test_what_is_needed_together_is_found(needed, size):
    items = list(range(41))[: max(size, max(needed, default=0) + 1)]
    assert minimal(items, lambda tried: needed <= set(tried)) == sorted(needed)


@given(st.lists(st.sets(st.integers(0, 20), min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_single_item_can_be_left_out(causes):
    def fails(tried):
        return any(cause <= set(tried) for cause in causes)

    found = minimal(list(range(21)), fails)
    assert fails(found)
    for item in found:
        assert not fails([other for other in found if other != item])


def test_it_takes_few_tries():
    tries = []

    def fails(tried):
        tries.append(tried)
        return {3, 200} <= set(tried)

    assert minimal(list(range(256)), fails) == [3, 200]
    assert len(tries) < 100


def test_faults_strike_at_exactly_the_strikes():
    faults = [
        Fault("crash", probability=0.1, start=3.0, limit=4),
        Fault("kill", schedule=5.0, probability=1.0),
        Fault("drop", probability=0.1),
    ]
    exact = with_strikes(Scenario("x", "a", faults=faults), [(1, 2000), (0, 9), (0, 2)])
    assert exact.faults == [
        Fault("crash", probability=1.0, nth=[2, 9]),
        Fault("kill", probability=1.0, nth=[2000]),
        Fault("drop", probability=1.0, nth=[10**9]),  # never
    ]


@contextmanager
def failing(file, **load):
    """A failure of another application than the scenario's own that needs faults: nobody
    completes what a crash left.
    """
    task = Task(file, app="apps/auction", planted="no_intent")
    with planting(task):
        found = prepare(task)
        loads = [msgspec.structs.replace(each, **load) for each in found.scenario.load]
        for seed in range(7, 30):
            scenario = msgspec.structs.replace(found.scenario, load=loads, seed=seed)
            prepared = Prepared(task, scenario, found.application)
            _, outcome = execute(prepared, scenario)
            if outcome.judged == "fails":
                assert not execute(prepared, with_strikes(scenario, []))[0].history.faults
                yield prepared, outcome
                return
    pytest.fail("no seed fails")


@pytest.fixture
def broken(monkeypatch):
    """A failure of a shipped scenario."""
    monkeypatch.chdir(ROOT)
    with failing("scenarios/crash.yaml", duration=6.0) as found:
        yield found


def test_a_real_failure_is_shrunk_to_a_file_that_fails(broken, tmp_path):
    prepared, outcome = broken
    found = shrink(prepared, outcome)
    assert 0 < len(found.strikes) < len(outcome.strikes) / 2
    assert found.outcome.judged == "fails"
    assert sum(len(fault.nth) for fault in found.needed) == len(found.strikes)
    path = tmp_path / "shrunk.yaml"
    write_scenario(path, found)
    again = prepare(Task(str(path)))
    done, judged = execute(again, again.scenario)
    assert judged.judged == "fails"
    assert len(done.history.faults) == len(found.strikes)
    assert {check.invariant for check in again.scenario.check} == {"", "auction.money_is_constant"}


SCENARIO = """
load:
  - {LOAD}
faults:
  - {kind: crash, at: any, probability: 5%}
retry: {attempts: 1, timeout: 1s}
heal: 10s
"""
LOADS = {
    "open": "executor: poisson-arrival-rate, rate: 50/s, duration: 2s",
    "closed": "executor: constant-vus, vus: 12, duration: 2s",
    "growing": "executor: ramping-vus, stages: [{duration: 1s, target: 16}]",
    "shared": "executor: shared-iterations, vus: 5, iterations: 60",
}


@pytest.mark.parametrize("kind", LOADS)
def test_no_step_makes_the_run_larger(kind, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    tried = []

    def watched(prepared, scenario, **only):
        done, outcome = execute(prepared, scenario, **only)
        tried.append((len(done.results), users(scenario), outcome.judged == "fails"))
        return done, outcome

    monkeypatch.setattr("sim.search.shrink.execute", watched)
    file, path = tmp_path / "case.yaml", tmp_path / "shrunk.yaml"
    file.write_text(SCENARIO.replace("LOAD", LOADS[kind]))
    with failing(str(file)) as (prepared, outcome):
        found = shrink(prepared, outcome)
        failed = [(requests, users) for requests, users, fails in tried if fails]
        for earlier, later in pairwise(failed):
            assert later[0] <= earlier[0]
            assert later[1] <= earlier[1]
        assert all(requests <= failed[0][0] for requests, _, _ in tried)
        assert found.requests == (failed[0][0], failed[-1][0])
        assert found.requests[1] < found.requests[0] / 2
        write_scenario(path, found)
        again = prepare(Task(str(path)))
        done, judged = execute(again, again.scenario)
        assert judged.judged == "fails"
        assert len(done.results) == found.requests[1]


def users(scenario):
    """How many users there are at most at the same time."""
    loads = [load for load in scenario.load if load.executor in CLOSED]
    return sum(max([load.vus, *(stage.target for stage in load.stages)]) for load in loads)


def test_interrupted_it_keeps_what_it_has(broken):
    prepared, outcome = broken

    def told(runs, _):
        if runs == 4:
            raise KeyboardInterrupt

    found = shrink(prepared, outcome, told)
    assert found.interrupted
    assert found.runs == 4
    assert 0 < len(found.strikes) <= len(outcome.strikes)
