import random

import pytest
import simpy
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT, Event

from core.errors import NondeterminismError
from experiment.randomness import stream
from sim.environment import SeededEnvironment


def order(seed, count=20):
    """The order in which processes that sleep the same time wake up, for several rounds."""
    env = SeededEnvironment(stream(seed, "environment"))
    woken = []

    def sleeper(name):
        for _ in range(3):
            yield env.timeout(1.0)
            woken.append((env.now, name))

    for name in range(count):
        env.process(sleeper(name))
    env.run()
    return woken


def test_the_same_seed_gives_the_same_order():
    assert order(1) == order(1)


def test_another_seed_gives_another_order():
    orders = {tuple(order(seed)) for seed in range(10)}
    assert len(orders) == 10


def test_time_comes_first():
    for seed in range(5):
        times = [time for time, _ in order(seed)]
        assert times == [1.0] * 20 + [2.0] * 20 + [3.0] * 20


def test_both_orders_of_two_simultaneous_events_happen():
    firsts = [order(seed, count=2)[0][1] for seed in range(40)]
    assert 8 < sum(firsts) < 32


def test_priorities_are_respected():
    for seed in range(20):
        env = SeededEnvironment(stream(seed))
        happened = []
        for number in range(10):
            for priority in (NORMAL, URGENT):
                event = Event(env)
                event._ok, event._value = True, (priority, number)
                event.callbacks.append(lambda event, to=happened: to.append(event.value))
                env.schedule(event, priority)
        env.run()
        priorities = [priority for priority, _ in happened]
        assert priorities == [URGENT] * 10 + [NORMAL] * 10


def test_a_process_begins_before_it_is_interrupted():
    """SimPy's promise: otherwise no process could protect itself from an interrupt."""
    for seed in range(30):
        env = SeededEnvironment(stream(seed))
        seen = []

        def process(seen=seen, env=env):
            seen.append("begun")
            try:
                yield env.timeout(1.0)
            except simpy.Interrupt as interrupt:
                seen.append(interrupt.cause)

        env.process(process()).interrupt("interrupted")
        env.run()
        assert seen == ["begun", "interrupted"]


def test_what_is_scheduled_at_the_beginning_of_an_instant_comes_first_and_changes_nothing():
    def happened(*, extra):
        env = SeededEnvironment(stream(3))
        seen = []
        for number in range(10):
            env.timeout(1.0, number).callbacks.append(lambda event: seen.append(event.value))
        if extra:
            event = Event(env)
            event._ok, event._value = True, "first"
            event.callbacks.append(lambda event: seen.append(event.value))
            env.schedule_at(event, 1.0)
        env.run()
        assert env.events == 10 + extra
        return seen

    assert happened(extra=True) == ["first", *happened(extra=False)]


def test_running_until_a_time_stops_before_what_happens_then():
    for seed in range(20):
        env = SeededEnvironment(stream(seed))
        happened = []
        for delay in (1.0, 2.0, 3.0):
            env.timeout(delay).callbacks.append(lambda _, env=env, to=happened: to.append(env.now))
        env.run(until=2.0)
        assert env.now == 2.0
        assert happened == [1.0]
        assert env.peek() == 2.0
        env.run()
        assert happened == [1.0, 2.0, 3.0]


def test_running_until_an_event_keeps_its_other_waiters():
    env = SeededEnvironment(random.Random(1))
    seen = []

    def waiter(event):
        seen.append((yield event))

    event = env.timeout(1.0, "value")
    assert env.run(until=1.0) is None
    env.process(waiter(event))
    assert env.run(until=event) == "value"
    env.run()
    assert seen == ["value"]


def test_an_empty_environment():
    env = SeededEnvironment(random.Random(1), initial_time=5.0)
    assert env.now == 5.0
    assert env.peek() == float("inf")
    env.run()
    with pytest.raises(EmptySchedule):
        env.step()


def test_an_exception_that_nobody_handles_is_raised_as_itself():
    """Its type takes three arguments, so that SimPy could not copy it."""
    env = SeededEnvironment(random.Random(1))
    error = NondeterminismError("this", "that", "file:1")

    def process():
        yield env.timeout(1.0)
        raise error

    env.process(process())
    with pytest.raises(NondeterminismError) as caught:
        env.run()
    assert caught.value is error
