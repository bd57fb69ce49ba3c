"""What a run measured, and the thresholds on it."""

import pytest

from core.ids import RequestId
from experiment.record.history import History
from experiment.record.metrics import Metrics, load_seconds, measure, verdict
from experiment.record.requests import Result
from experiment.record.run import Run
from experiment.scenario.model import Load, Scenario, Stage
from experiment.scenario.thresholds import parse
from experiment.verdict import Verdict
from tests.experiment.outcomes import a_run, metrics


def test_requests_are_counted_by_what_became_of_them():
    measured = measure(a_run())
    assert measured.sent == 6
    assert (measured.succeeded, measured.raised, measured.failed, measured.unknown) == (2, 1, 1, 2)


def test_latency_is_that_of_answers_and_goodput_of_those_in_time():
    measured = measure(a_run())
    assert measured.latency.count == 3
    assert measured.latency.highest == 10.5
    assert measured.load_seconds == 10.0
    assert measured.goodput == pytest.approx(0.2)


def test_every_commit_of_the_run_counts_and_none_of_the_closing_retention():
    measured = measure(a_run())
    assert (measured.commits, measured.upkeep) == (3, 1)
    assert measured.trips == 10 + 4 + 3 + 2


def test_crash_points():
    measured = measure(a_run())
    assert measured.passed == {"Hotel.reserve@start": 5, "Hotel.reserve@after_commit": 2}
    assert measured.struck == {"Hotel.reserve@after_commit": 1}
    assert (measured.points, measured.strikes) == (12, [1, 0])


def test_adding_up():
    total = Metrics()
    total.add(metrics(passed={"a@start": 1}, refused={"Conflict": 1}))
    total.add(metrics(passed={"a@start": 2, "b@start": 3}, refused={"TooOld": 4}, strikes=[1, 2]))
    assert (total.sent, total.commits, total.load_seconds) == (1000, 2040, 20.0)
    assert total.passed == {"a@start": 3, "b@start": 3}
    assert total.refused == {"Conflict": 1, "TooOld": 4}
    assert (total.strikes, total.points) == ([15, 5], 12)
    assert total.latency.count == 1000
    assert total.latency.percentile(50) == pytest.approx(0.025, rel=0.002)
    assert total.goodput == metrics().goodput


def test_how_long_there_is_load():
    ramp = Load("b", "ramping-vus", start=2.0, stages=[Stage(3.0, 5), Stage(4.0, 0)])
    steady = Load("a", "constant-vus", duration=5.0)
    endless = Load("c", "shared-iterations", iterations=5)
    assert load_seconds(Scenario("x", "a", load=[steady, ramp])) == 9.0
    assert load_seconds(Scenario("x", "a", load=[steady, ramp], duration=4.0)) == 4.0
    assert load_seconds(Scenario("x", "a", load=[endless])) == 0.0


@pytest.mark.parametrize(
    ("metric", "text", "status", "detail"),
    [
        ("latency", "p(99)<500ms", "holds", "measured 49.5 ms"),
        ("latency", "p(99)<5ms", "fails", "measured 49.5 ms"),
        ("latency", "avg<=24ms", "fails", "measured 25.0 ms"),
        ("latency", "med<26ms", "holds", "measured 25.0 ms"),
        ("latency", "max<1s", "holds", "measured 50.0 ms"),
        ("latency", "min>0s", "holds", "measured 100 us"),
        ("goodput", "rate>49/s", "holds", "measured 50.0/s"),
        ("goodput", "rate>51/s", "fails", "measured 50.0/s"),
        ("goodput", "kept>50%", "holds", "measured 96.15%"),
        ("failed", "rate<1%", "holds", "measured 0.00%"),
        ("failed", "count<1", "holds", "measured 0"),
        ("commits_per_request", "avg<2.1", "holds", "measured 2.04"),
        ("trips_per_request", "avg<5", "fails", "measured 5.84"),
    ],
)
def test_thresholds(metric, text, status, detail):
    name = f"{metric} {text}"
    assert verdict(parse(metric, text), metrics()) == Verdict(name, status, detail)


def test_a_bound_on_the_modelled_platform_says_nothing_of_a_real_one():
    bound = parse("goodput", "rate>1000/s", modelled=True)
    assert verdict(bound, metrics()).status == "fails"
    assert verdict(bound, metrics(), modelled=False).status == "not applicable"


def test_what_is_kept_is_the_last_quarter_against_the_best():
    scenario = Scenario("x", "x", load=[Load("a", "constant-arrival-rate", rate=5.0, duration=4.0)])
    finished = [0.1, 1.5, 1.6, 1.7, 1.8, 2.5, 3.9, 4.1]
    results = [
        Result(RequestId(bytes((n,)) * 16), "A.b", "a", 0.0, time, "succeeded", 1)
        for n, time in enumerate(finished)
    ]
    found = measure(Run(scenario, History(), results=results))
    assert found.quarters == [1, 4, 1, 1]
    assert found.kept == 0.25
    found.add(found)
    assert found.quarters == [2, 8, 2, 2]


def test_a_threshold_on_nothing_is_inconclusive():
    for metric, text in (("latency", "avg<1s"), ("goodput", "rate>1/s"), ("failed", "rate<1%")):
        assert verdict(parse(metric, text), Metrics()).status == "inconclusive"
