import random
from collections import Counter

import pytest

from experiment.record.history import History
from experiment.scenario.model import Fault, Platform, Selector
from experiment.strikes import Faults
from sim.durations import Duration
from sim.environment import SeededEnvironment
from sim.platform.network import Network
from sim.platform.timers import Wheel, at, later


class Wire:
    """A network, and what it delivered when."""

    def __init__(self, *faults, **model):
        self.env = SeededEnvironment(random.Random(1))
        self.faults = Faults(list(faults), 1, History(), lambda: self.env.now)
        self.network = Network(self.env, Platform(**model), self.faults, random.Random(2))
        self.arrived = []

    def send(self, what, source="A", target="B", response=False):
        method = self.faults.method(target, "m")
        self.network.send(source, target, method, response, self._arrive, what)

    def _arrive(self, what):
        self.arrived.append((what, self.env.now))

    def names(self):
        self.env.run()
        return [what for what, _ in self.arrived]


def test_durations_are_lognormal():
    draw = Duration(0.002, 0.5, random.Random(1)).draw
    found = sorted(draw() for _ in range(4000))
    assert found[2000] == pytest.approx(0.002, rel=0.05)
    assert found[int(4000 * 0.841)] == pytest.approx(0.002 * 2.718**0.5, rel=0.08)
    assert all(round(duration, 9) == duration for duration in found)


def test_messages_take_a_hop_and_are_counted_on_their_way():
    wire = Wire(hop=0.01, spread=0.0)
    wire.send("hello")
    assert wire.network.in_flight == 1
    assert wire.names() == ["hello"]
    assert wire.arrived[0][1] == pytest.approx(0.01)
    assert wire.network.in_flight == 0


@pytest.mark.parametrize("cut", [("A", "B"), ("A", "*"), ("*", "B")])
def test_a_cut_goes_one_way_until_it_is_mended(cut):
    wire = Wire()
    wire.network.cut(*cut)
    wire.network.cut(*cut)
    wire.send("lost")
    wire.send("back", source="B", target="A")
    wire.network.mend(*cut)
    wire.send("still lost")
    wire.network.mend(*cut)
    wire.send("there")
    assert sorted(wire.names()) == ["back", "there"]


def test_drop():
    wire = Wire(Fault("drop", nth=[1]))
    for number in range(3):
        wire.send(number)
    assert sorted(wire.names()) == [0, 2]


def test_drop_of_responses_spares_requests():
    wire = Wire(Fault("drop", probability=1.0, selector=Selector(target="response")))
    wire.send("request")
    wire.send("response", response=True)
    assert wire.names() == ["request"]


def test_duplicates_may_come_much_later():
    wire = Wire(Fault("duplicate", probability=1.0))
    for number in range(50):
        wire.send(number)
    assert set(Counter(wire.names()).values()) == {2}
    assert wire.arrived[-1][1] > 10.0


def test_delays_are_at_most_the_duration():
    wire = Wire(Fault("delay", probability=1.0, duration=3.0))
    for number in range(100):
        wire.send(number)
    assert sorted(wire.names()) == list(range(100))
    assert 2.0 < wire.arrived[-1][1] < 3.1


def test_when_faults_stop_cuts_heal_and_late_messages_arrive_once():
    wire = Wire(Fault("delay", probability=1.0, duration=500.0))
    for number in range(100):
        wire.send(number)
    wire.network.cut("A", "B")
    wire.env.run(until=1.0)
    wire.faults.active = False
    wire.network.heal(5.0)
    wire.send("after")
    wire.env.run(until=7.0)
    assert sorted(map(str, wire.names())) == sorted(map(str, [*range(100), "after"]))
    assert wire.network.in_flight == 0
    assert wire.arrived[-1][1] < 6.0


def test_the_wheel_never_fires_early_and_hardly_late():
    env = SeededEnvironment(random.Random(1))
    wheel = Wheel(env, grain=0.01)
    rng = random.Random(3)
    fired = []
    for _ in range(200):
        due = rng.uniform(0, 3)
        wheel.after(due, lambda due: fired.append((due, env.now)), due)
    env.run()
    assert len(fired) == 200
    assert all(due <= now <= due + 0.0101 for due, now in fired)


def test_what_is_set_at_a_time_comes_before_what_is_due_then():
    for seed in range(10):
        env, order = SeededEnvironment(random.Random(seed)), []
        later(env, 0.5, order.append, "later")
        at(env, 0.5, order.append, "at")
        env.run()
        assert order == ["at", "later"]
