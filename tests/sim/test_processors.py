"""Workers and cores: who computes when."""

import random
from functools import partial

import pytest

from sim.environment import SeededEnvironment
from sim.platform.processors import Cores, Processor


class Machine:
    """Processes that share cores, and when each piece of work was done."""

    def __init__(self, cores=0, after=0.0):
        self.env = SeededEnvironment(random.Random(1))
        self.cores = Cores(cores)
        self.after = after
        self.done = []

    def process(self, workers=1):
        return Processor(self.env, self.cores, workers, self.after)

    def work(self, process, name, seconds=1.0):
        process.compute(seconds, partial(self._done, name))

    def _done(self, name):
        self.done.append((name, self.env.now))

    def times(self):
        self.env.run()
        return [time for _, time in self.done]


def test_a_process_computes_as_much_at_once_as_it_has_workers():
    machine = Machine()
    process = machine.process(workers=2)
    for number in range(4):
        machine.work(process, number)
    assert machine.times() == [1.0, 1.0, 2.0, 2.0]


def test_work_of_different_length_takes_its_own_time():
    machine = Machine()
    process = machine.process()
    for name, seconds in (("long", 3.0), ("short", 1.0)):
        machine.work(process, name, seconds)
    machine.env.run()
    assert machine.done == [("long", 3.0), ("short", 4.0)]


@pytest.mark.parametrize(("cores", "times"), [(0, [1, 1, 1]), (3, [1, 1, 1]), (2, [1, 1, 2])])
def test_processes_share_the_cores(cores, times):
    machine = Machine(cores)
    for number in range(3):
        machine.work(machine.process(), number)
    assert machine.times() == times


def test_a_core_goes_to_who_has_waited_longest():
    machine = Machine(cores=1)
    first, second = machine.process(), machine.process()
    for process, name in ((first, "a"), (second, "b"), (first, "c")):
        machine.work(process, name)
    machine.env.run()
    assert [name for name, _ in machine.done] == ["a", "b", "c"]


def test_what_comes_after_the_result_delays_only_the_next():
    machine = Machine(after=0.25)
    process = machine.process()
    machine.work(process, "first")
    machine.work(process, "second")
    assert machine.times() == [0.75, 1.75]


def test_what_comes_after_the_result_keeps_the_core():
    machine = Machine(cores=1, after=0.5)
    for number in range(2):
        machine.work(machine.process(), number)
    assert machine.times() == [0.5, 1.5]


@pytest.mark.parametrize("after", [0.0, 0.5])
@pytest.mark.parametrize("killed_at", [0.1, 0.9])
def test_the_dead_finish_nothing_and_give_the_core_back(after, killed_at):
    machine = Machine(cores=1, after=after)
    victim, other = machine.process(), machine.process()
    machine.work(victim, "under way")
    machine.work(victim, "waits for the worker")
    machine.work(other, "other")
    machine.env.run(until=killed_at)
    victim.kill()
    machine.work(victim, "reborn")
    machine.env.run()
    names = [name for name, _ in machine.done]
    assert names == (["under way"] if after > 0.1 < killed_at else []) + ["other", "reborn"]
    machine.work(other, "again")  # the core is still there
    machine.env.run()
    assert machine.done[-1][0] == "again"


def test_who_died_in_the_line_for_a_core_does_not_take_it():
    machine = Machine(cores=1)
    running, victim, other = (machine.process() for _ in range(3))
    machine.work(running, "running")
    machine.work(victim, "victim")
    machine.work(other, "other")
    victim.kill()
    assert machine.times() == [1.0, 2.0]
    assert [name for name, _ in machine.done] == ["running", "other"]
