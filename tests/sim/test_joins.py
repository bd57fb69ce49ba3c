"""Who waits how long for whom in the model: attempts joined, deep rows of calls, slots."""

import pytest

from compiler.application import load
from experiment.scenario.model import (
    Call,
    Fault,
    Load,
    Platform,
    Retry,
    Scenario,
    Selector,
    ServicePlatform,
    StoreModel,
)
from sim.run import run

APP = """
from compiler import Persistent, call, service


@service
class Well:
    def __init__(self) -> None:
        self.seen: Persistent[dict[int, int]] = {}

    def down(self, n: int) -> int:
        self.seen[n] = self.seen.get(n, 0) + 1
        return 0 if n == 0 else 1 + call(Well.down, n - 1)


@service
class Ping:
    def go(self, n: int) -> int:
        return 0 if n == 0 else 1 + call(Pong.go, n - 1)


@service
class Pong:
    def go(self, n: int) -> int:
        return 0 if n == 0 else 1 + call(Ping.go, n - 1)
"""

ONE_POD = ServicePlatform(replicas=1, concurrency=4, workers=4)
SLOW_STORE = StoreModel(commit=1.2, spread=0.0)
"""A commit takes longer than a try may be silent."""
IMPATIENT = Retry(attempts=20, timeout=0.5)


@pytest.fixture(scope="module")
def wells(tmp_path_factory):
    path = tmp_path_factory.mktemp("app") / "wells.py"
    path.write_text(APP)
    return load(path)


def ask(application, method, *args, users=1, faults=(), **platform):
    mix = [Call(method, args=list(args))]
    asked = Load("x", "shared-iterations", vus=users, iterations=users, mix=mix)
    model = Platform(defaults=ONE_POD, **platform)
    scenario = Scenario(
        "x", "-", load=[asked], platform=model, faults=list(faults), retry=IMPATIENT
    )
    return run(scenario, application)


def begun(done, method):
    """How many attempts at a method there were."""
    return done.history.points[f"{method}@start"]


def test_an_attempt_under_way_is_joined(wells):
    done = ask(wells, "Well.down", 0, store=SLOW_STORE)
    (result,) = done.results
    assert result.status == "succeeded"
    assert result.tries == 3  # one each half second
    assert begun(done, "Well.down") == 1


def test_who_comes_just_too_late_is_told_what_took_long(wells):
    """All answers that are under way when the attempt ends are lost."""
    lost = Fault("drop", nth=[0, 1], selector=Selector("Well", target="response"))
    done = ask(wells, "Well.down", 0, store=SLOW_STORE, faults=[lost])
    (result,) = done.results
    assert result.status == "succeeded"
    assert result.tries == 3
    assert done.fault_strikes == [2]
    assert begun(done, "Well.down") == 1


def test_an_attempt_that_is_frozen_is_not_joined(wells):
    """In a process that stands still nobody could: the next try begins anew."""
    frozen = Fault("pause", at="before_commit", nth=[0], duration=4.0)
    done = ask(wells, "Well.down", 0, faults=[frozen])
    (result,) = done.results
    assert (result.status, result.tries) == ("succeeded", 2)
    assert begun(done, "Well.down") == 2


def test_an_attempt_whose_process_died_is_not_joined(wells):
    dead = Fault("crash", at="after_commit", nth=[0])
    done = ask(wells, "Well.down", 0, faults=[dead])
    (result,) = done.results
    assert result.status == "succeeded"
    assert begun(done, "Well.down") == 2


def test_self_calls_deeper_than_the_slots_make_progress(wells):
    """Four users, each forty deep, in one pod of four slots."""
    done = ask(wells, "Well.down", 40, users=4)
    assert [result.status for result in done.results] == ["succeeded"] * 4
    assert max(result.finished for result in done.results) < 1.0
    assert begun(done, "Well.down") == 4 * 41


def test_services_that_call_one_another_in_a_circle_make_progress(wells):
    done = ask(wells, "Ping.go", 40, users=4)
    assert [result.status for result in done.results] == ["succeeded"] * 4
    assert max(result.finished for result in done.results) < 1.0


def test_a_row_of_forwarders_takes_its_hops_and_no_more(wells):
    """Nearly as long as a try may be silent: nobody down the row is given up for that."""
    done = ask(wells, "Ping.go", 10, hop=0.02, spread=0.0)
    (result,) = done.results
    assert result.status == "succeeded"
    assert result.finished < 1.1 * 22 * 0.02
    assert begun(done, "Ping.go") + begun(done, "Pong.go") == 11


def test_a_lost_message_is_sent_again_by_who_lost_it(wells):
    """Not by everybody above, whose callees are all still waiting."""
    lost = Fault("drop", nth=[10], selector=Selector(target="request"))
    done = ask(wells, "Ping.go", 20, faults=[lost])
    (result,) = done.results
    assert (result.status, result.tries) == ("succeeded", 1)
    assert result.finished < 0.5
    assert begun(done, "Ping.go") + begun(done, "Pong.go") == 21
