"""Same scenario, same seed: the same history, byte for byte, in any process."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from experiment.record.history import trace_hash
from experiment.scenario.model import Fault
from sim.run import run
from tests.experiment.checks.agency import Application, scenario

FAULTS = [
    Fault("crash", at="any", probability=0.01),
    Fault("pause", at="after_commit", schedule=0.4, duration=3.0),
    Fault("drop", probability=0.02),
    Fault("duplicate", probability=0.05),
    Fault("delay", probability=0.02, duration=0.5),
    Fault("partition", between=["Hotel", "store"], schedule=0.9, duration=0.3),
    Fault("store_error", error="commit_unknown_result_applied", probability=0.03),
    Fault("kill", schedule=0.7),
]
PROGRAM = """
from experiment.record.history import trace_hash
from sim.run import run
from tests.experiment.checks.agency import Application, scenario
from tests.sim.test_determinism import FAULTS
print(trace_hash(run(scenario(faults=FAULTS), Application()).history))
"""


def hash_in_a_process(hash_seed):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_two_processes_with_different_hash_seeds_see_the_same():
    first, second = hash_in_a_process("1"), hash_in_a_process("4242")
    assert first == second
    assert first == trace_hash(run(scenario(faults=FAULTS), Application()).history)


def test_another_seed_is_another_run():
    hashes = {
        trace_hash(run(scenario(faults=FAULTS, seed=seed), Application()).history)
        for seed in range(3)
    }
    assert len(hashes) == 3


@pytest.mark.parametrize("seed", range(4))
def test_strikes_replayed_by_number_do_the_same(seed):
    original = run(scenario(faults=FAULTS, seed=seed), Application())
    exactly = [
        msgspec.structs.replace(
            fault,
            nth=[f.nth for f in original.history.faults if f.fault == index] or [10**9],
            schedule=0.0,
            probability=1.0,
        )
        for index, fault in enumerate(FAULTS)
    ]
    replayed = run(scenario(faults=exactly, seed=seed), Application())
    assert original.history.faults
    assert [(f.fault, f.nth, f.where) for f in replayed.history.faults] == [
        (f.fault, f.nth, f.where) for f in original.history.faults
    ]
    assert trace_hash(replayed.history) == trace_hash(original.history)
