import random
from collections import Counter
from itertools import pairwise

import pytest
from msgspec.structs import replace

from core.messages import Failed, Reply
from experiment.load.arrivals import arrivals, load_end
from experiment.scenario.model import (
    Call,
    Fault,
    Load,
    Platform,
    Retry,
    Selector,
    ServicePlatform,
    Stage,
)
from sim.run import run
from tests.experiment.checks.agency import Application, scenario

INCREMENT = [Call("Counter.increment")]


def times(load):
    return list(arrivals(load, random.Random(3)))


def test_a_constant_rate_is_even():
    found = times(Load("x", "constant-arrival-rate", rate=10.0, start=1.0, duration=2.0))
    assert len(found) == 20
    assert found[:3] == [1.0, 1.1, 1.2]


def test_poisson_arrivals_have_the_rate():
    found = times(Load("x", "poisson-arrival-rate", rate=100.0, duration=50.0))
    assert 4700 < len(found) < 5300
    gaps = [b - a for a, b in pairwise(found)]
    assert sum(gap < 0.0069 for gap in gaps) / len(gaps) == pytest.approx(0.5, abs=0.03)


def test_a_ramp_follows_its_stages():
    stages = [Stage(10.0, 20.0), Stage(5.0, 20.0), Stage(10.0, 0.0)]
    found = times(Load("x", "ramping-arrival-rate", stages=stages))
    assert found == sorted(found)
    by_stage = Counter("first" if t < 10 else "second" if t < 15 else "third" for t in found)
    assert by_stage["first"] == pytest.approx(100, abs=1)
    assert by_stage["second"] == pytest.approx(100, abs=1)
    assert by_stage["third"] == pytest.approx(100, abs=1)
    assert sum(t < 5 for t in found) == pytest.approx(25, abs=1)


def test_when_loads_end():
    assert load_end(Load("x", "constant-vus", start=1.0, duration=2.0)) == 3.0
    assert load_end(Load("x", "ramping-vus", stages=[Stage(1.0, 2.0), Stage(2.0, 0.0)])) == 3.0
    assert load_end(Load("x", "shared-iterations", iterations=5)) == 0.0


def finished(load, **changes):
    return run(scenario(load=[load], **changes), Application())


def test_shared_iterations_are_done_once():
    done = finished(Load("x", "shared-iterations", vus=4, iterations=50, mix=INCREMENT))
    assert Counter(result.status for result in done.results) == {"succeeded": 50}


@pytest.mark.parametrize(
    "load",
    [
        Load("x", "shared-iterations", vus=9, mix=INCREMENT),
        Load("x", "constant-vus", vus=9, duration=2.0, mix=INCREMENT),
        Load("x", "constant-arrival-rate", rate=50.0, duration=2.0, mix=INCREMENT),
    ],
)
@pytest.mark.parametrize("most", [5, 20])
def test_there_are_no_more_requests_than_the_load_says(load, most):
    assert len(finished(replace(load, iterations=most)).results) == most


def test_requests_wait_for_a_connection_and_are_not_sent_when_the_load_is_over():
    load = Load(
        "x", "constant-arrival-rate", rate=200.0, duration=1.0, mix=INCREMENT, connections=2
    )
    slow = Platform(cpu=0.1, services={"Counter": ServicePlatform(workers=2, concurrency=2)})
    done = finished(load, platform=slow)
    sent = {each.id: each.time for each in done.history.sent if not each.attempt}
    assert len(sent) == len(done.results)
    assert 10 <= len(sent) <= 24
    assert max(sent.values()) < 1.0
    for moment in (0.25, 0.5, 0.75):
        assert sum(sent[r.id] <= moment < r.finished for r in done.results) == 2
    last = max(done.results, key=lambda each: each.finished)
    assert last.intended < 0.2
    assert last.finished - last.intended > 0.8


def test_connections_that_are_enough_change_nothing():
    load = Load("x", "constant-arrival-rate", rate=50.0, duration=1.0, mix=INCREMENT)
    assert finished(load).results == finished(replace(load, connections=50)).results


def test_virtual_users_have_one_request_at_a_time():
    done = finished(Load("x", "constant-vus", vus=3, duration=0.5, mix=INCREMENT))
    spans = sorted((r.intended, r.finished) for r in done.results)
    assert len(spans) > 50
    for moment in (0.1, 0.25, 0.4):
        assert sum(begin <= moment < end for begin, end in spans) == 3


def test_ramping_users_come_and_go():
    load = Load("x", "ramping-vus", stages=[Stage(1.0, 10.0), Stage(1.0, 0.0)], mix=INCREMENT)
    spans = [(r.intended, r.finished) for r in finished(load).results]

    def at(moment):
        return sum(begin <= moment < end for begin, end in spans)

    assert at(0.15) <= 2
    assert 8 <= at(1.0) <= 10
    assert at(1.9) <= 2


def test_given_arguments_and_weights():
    mix = [Call("Counter.increment", weight=3.0, args=["a"]), Call("Counter.look", args=["a"])]
    done = finished(Load("x", "shared-iterations", vus=1, iterations=400, mix=mix))
    share = Counter(result.call for result in done.results)
    assert share["Counter.increment"] == pytest.approx(300, abs=40)
    assert {sent.args for sent in done.history.sent} == {
        Application.program.codec.encode((("a",), {}))
    }


def test_retries_have_the_same_id_and_are_recorded():
    drop = Fault("drop", selector=Selector(target="request"), nth=[0, 1])
    load = Load("x", "shared-iterations", vus=1, iterations=1, mix=INCREMENT)
    done = finished(load, faults=[drop], duration=10.0, retry=Retry(timeout=0.3))
    (result,) = done.results
    assert (result.status, result.tries) == ("succeeded", 3)
    assert [sent.attempt for sent in done.history.sent] == [0, 1, 2]
    assert len({sent.id for sent in done.history.sent}) == 1
    assert result.finished > 0.6


def test_a_client_that_hears_nothing_gives_up_without_knowing():
    """As often as it says, and one after the other, until the time of all three is over."""
    drop = Fault("drop", selector=Selector(target="response"), probability=1.0)
    load = Load("x", "shared-iterations", vus=1, iterations=1, mix=INCREMENT)
    done = finished(load, faults=[drop], duration=30.0, retry=Retry(attempts=3, timeout=0.3))
    (result,) = done.results
    assert (result.status, result.tries) == ("indefinite", 3)
    first, second, third = (sent.time for sent in done.history.sent)
    assert (second - first, third - second) == pytest.approx((0.3, 0.3), abs=0.02)
    assert result.finished - result.intended == pytest.approx(3 * 0.3, abs=0.05)


def test_a_client_that_is_turned_away_every_time_knows_that_nothing_happened():
    one = ServicePlatform(replicas=1, concurrency=1, workers=1)
    load = Load("x", "constant-arrival-rate", rate=1000.0, duration=1.0, mix=INCREMENT)
    done = finished(
        load,
        platform=Platform(queue=2, cpu=0.02, services={"Counter": one}),
        retry=Retry(attempts=2, initial=0.05),
    )
    statuses = Counter(result.status for result in done.results)
    assert statuses["definite"] > 800
    assert statuses["succeeded"] > 30
    assert statuses["indefinite"] == 0
    refused = {result.id for result in done.results if result.status == "definite"}
    assert not refused & {commit.request for commit in done.history.commits}


def test_a_bad_request_ends_at_once():
    mix = [Call("Counter.nothing", args=["a"])]
    done = finished(Load("x", "shared-iterations", vus=1, iterations=1, mix=mix))
    (result,) = done.results
    assert (result.status, result.tries) == ("definite", 1)
    (answer,) = done.history.answers
    assert answer.outcome.kind == "BadRequest"
    assert isinstance(Reply(result.id, answer.outcome).outcome, Failed)


def test_requests_still_open_in_the_end_are_indefinite():
    one = ServicePlatform(replicas=1, concurrency=1, workers=1)
    load = Load("x", "constant-arrival-rate", rate=200.0, duration=1.0, mix=INCREMENT)
    slow = Platform(cpu=0.1, services={"Counter": one})
    done = finished(load, platform=slow, heal=3.0)
    assert len(done.results) == 200
    assert done.settled_after is None
    statuses = Counter(result.status for result in done.results)
    assert statuses["indefinite"] > 100
