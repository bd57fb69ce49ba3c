"""Faults strike by the simulator's rules, in many processes as in one."""

import os

import msgspec
import pytest

from backends.drill.injection import Injection, Strike
from backends.drill.shared import Shared
from compiler.application import load
from experiment.scenario.model import Fault, Scenario, Selector
from tests.backends.drill.apps import COUNTER


@pytest.fixture(scope="module")
def program():
    return load(COUNTER).program


class Bench:
    def __init__(self, program, *faults):
        self.shared = Shared(program, 2, len(faults), ["Counter", "client", "store", "platform"])
        self.read, write = os.pipe()
        scenario = Scenario("t", "apps/counter", seed=3, faults=list(faults))
        self.injections = [Injection(scenario, self.shared, write, [str(n)]) for n in range(3)]
        self.shared.start()

    def strikes(self, times, point="before_commit", method="increment"):
        """How often each of three processes is struck, and the numbers that were told."""
        struck = [0] * len(self.injections)
        for _ in range(times):
            for number, injection in enumerate(self.injections):
                faults = injection.method("Counter", method)
                for armed in faults.points[3]:  # before_commit
                    struck[number] += injection.strike(armed, faults.where(point)) is not None
        return struck

    def told(self):
        os.set_blocking(self.read, False)
        try:
            data = os.read(self.read, 1 << 20)
        except BlockingIOError:
            return []
        found = []
        while data:
            size = 2 + int.from_bytes(data[:2], "big")
            found.append(msgspec.msgpack.decode(data[2:size], type=Strike))
            data = data[size:]
        return found


def crash(**fields):
    return Fault("crash", at="before_commit", **fields)


def test_nth_counts_over_all_processes(program):
    bench = Bench(program, crash(nth=[0, 4, 5]))
    assert bench.strikes(10) == [1, 1, 1]  # opportunities 0, 4 and 5, taken in turns
    assert [strike.nth for strike in bench.told()] == [0, 4, 5]


def test_a_limit_holds_over_all_processes(program):
    bench = Bench(program, crash(probability=1.0, limit=4))
    assert sum(bench.strikes(10)) == 4


def test_a_schedule_strikes_once_a_tick_over_all_processes(program):
    bench = Bench(program, crash(schedule=3600.0, probability=1.0, start=0.0))
    with bench.shared.together(0) as cells:
        cells[2] = 1  # the first tick is due
    assert sum(bench.strikes(10)) == 1


def test_probability_is_decided_by_each_process_for_itself(program):
    bench = Bench(program, crash(probability=0.3))
    struck = bench.strikes(300)
    assert all(50 < each < 140 for each in struck)
    assert len(set(struck)) > 1 or struck[0] > 0


def test_what_is_aimed_elsewhere_does_not_strike(program):
    bench = Bench(program, crash(probability=1.0, selector=Selector("Counter", "read")))
    assert bench.strikes(5) == [0, 0, 0]
    assert bench.strikes(5, method="read") == [5, 5, 5]


def test_nothing_strikes_before_the_start_or_after_the_end(program):
    bench = Bench(program, crash(probability=1.0, start=3600.0), crash(probability=1.0))
    bench.shared.stop_faults()
    assert bench.strikes(5) == [0, 0, 0]
    assert bench.told() == []


def test_a_fault_waits_for_its_time(program):
    bench = Bench(program, crash(probability=1.0, start=3600.0))
    assert bench.strikes(5) == [0, 0, 0]


def test_a_strike_is_told_before_it_takes_effect(program):
    bench = Bench(program, crash(probability=1.0))
    bench.strikes(1)
    first = bench.told()[0]
    assert (first.fault, first.where, first.pid) == (0, "Counter.increment@before_commit", 0)
