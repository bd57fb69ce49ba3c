"""What processes of an experiment share survives them, and is never half-written."""

import os
import signal

import pytest

from backends.drill.shared import Shared
from compiler.application import load
from tests.backends.drill.apps import COUNTER


@pytest.fixture(scope="module")
def program():
    return load(COUNTER).program


def shared(program, slots=3, faults=2):
    return Shared(program, slots, faults, ["Counter", "client", "store", "platform"])


def in_child(what):
    pid = os.fork()
    if pid == 0:
        try:
            what()
        finally:
            os._exit(0)
    return pid


def test_counts_of_a_killed_process_are_there(program):
    memory = shared(program)

    def count():
        memory.count(1, "reads", 5)
        memory.count(1, "Counter.increment@start")
        os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(in_child(count), 0)
    memory.count(0, "reads")
    assert memory.total("reads") == 6
    assert memory.total("Counter.increment@start") == 1


def test_a_new_process_in_a_slot_has_nothing_under_way(program):
    memory = shared(program)
    memory.count(1, "active", 3)
    memory.count(2, "active")
    memory.begin(1)
    assert memory.total("active") == 1


def test_time_passes_from_the_start(program):
    memory = shared(program)
    assert memory.now() == 0.0
    assert not memory.is_active
    memory.start()
    assert memory.is_active
    assert 0.0 <= memory.now() < 5.0


def test_partitions(program):
    memory = shared(program)
    memory.start()
    assert not memory.is_cut("Counter", "store")
    memory.cut("Counter", "store")
    assert memory.is_cut("Counter", "store")
    assert not memory.is_cut("store", "Counter")
    memory.cut("*", "store")
    memory.cut("Counter", "store", -1)
    assert memory.is_cut("Counter", "store")
    assert memory.is_cut("client", "store")
    assert not memory.is_cut("client", "Counter")
    memory.cut("*", "store", -1)
    assert not memory.is_cut("client", "store")
    memory.cut("client", "*")
    memory.stop_faults()
    assert not memory.is_cut("client", "Counter")
    memory.cut("client", "*")  # too late: faults have stopped
    assert not memory.is_cut("client", "Counter")


def test_processes_decide_together_without_losing_a_step(program):
    memory = shared(program)

    def step():
        for _ in range(200):
            with memory.together(1) as cells:
                seen = cells[0]
                os.sched_yield()
                cells[0] = seen + 1

    children = [in_child(step) for _ in range(4)]
    for child in children:
        os.waitpid(child, 0)
    with memory.together(1) as cells:
        assert cells[0] == 800


def test_a_process_killed_while_it_decides_leaves_nobody_waiting(program):
    memory = shared(program)

    def hold():
        with memory.together(0):
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(in_child(hold), 0)
    with memory.together(0) as cells:
        assert cells[0] == 0


def test_one_process_at_a_time_may_stop(program):
    memory = shared(program)
    assert memory.may_stop(60.0)
    assert not memory.may_stop(1.0)
    other = shared(program)
    assert other.may_stop(0.0)
    assert other.may_stop(0.0)
