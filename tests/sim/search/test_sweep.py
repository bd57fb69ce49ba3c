"""Sweeps in parallel processes: the same as one after the other."""

import os
import signal

import pytest

from experiment.outcome import Task
from experiment.preparation import prepare
from sim.execution import planting
from sim.search.sweep import sweep

SCENARIO = """\
app: apps/counter
load: [{executor: constant-arrival-rate, rate: 20/s, duration: 1s}]
faults: [{kind: crash, probability: 2%}]
heal: 5s
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "case.yaml"
    path.write_text(SCENARIO)
    return str(path)


def shown(found):
    return [
        (each.seed, each.judged, each.strikes, each.metrics.latency.buckets(), each.error)
        for each in found.outcomes
    ]


def test_parallel_or_not_is_the_same(file):
    prepared = prepare(Task(file))
    one_by_one = sweep(prepared, range(3, 9), 1)
    together = sweep(prepared, range(3, 9), 2)
    assert shown(together) == shown(one_by_one)
    assert together.metrics.sent == one_by_one.metrics.sent == 6 * 20
    assert not any(each.error for each in together.outcomes)
    assert len({str(each) for each in shown(together)}) == 6


def test_bugs_are_planted_in_every_process(file):
    task = Task(file, planted="retention_clears_nothing")
    with planting(task):
        found = sweep(prepare(task), range(2), 2)
    failed = [{v.name for v in each.checks if v.status == "fails"} for each in found.outcomes]
    assert all("bounded_storage" in names for names in failed)


def test_an_interrupt_keeps_what_is_known(file):
    told = []

    def interrupt(found):
        told.append(len(found.outcomes))
        if len(found.outcomes) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    found = sweep(prepare(Task(file)), range(500), 2, told=interrupt)
    assert found.interrupted
    assert len(found.outcomes) == told[-1] < 100
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
