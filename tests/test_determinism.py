"""One seed, one trace: from the source of an application to the last byte of its history.

Python's hash seed differs from process to process, and with it the order of sets.
Nothing may depend on it: not what the compiler emits, not what a run does.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HASH_SEEDS = ("0", "1", "4242")

RUN = """
import sys
from msgspec.structs import replace
from compiler.application import load
from experiment.record.history import trace_hash
from sim.run import run
from experiment.scenario.file import read

name, app = sys.argv[1:]
scenario = read(f"scenarios/{name}.yaml", app).scenario
load_ = [replace(each, duration=min(each.duration, 3.0)) for each in scenario.load]
print(trace_hash(run(replace(scenario, load=load_), load(app)).history))
"""


def outputs(*words):
    """What a Python command prints under each hash seed."""
    found = []
    for hash_seed in HASH_SEEDS:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        found.append(done.stdout)
    return found


@pytest.mark.parametrize(
    ("scenario", "app"),
    [
        ("crash", "apps/hotel"),
        ("zombie", "apps/bank"),
        ("duplicate", "apps/tree"),
        ("crash", "tests/compiler/labels"),
    ],
)
def test_a_run(scenario, app):
    first, *others = outputs("-c", RUN, scenario, app)
    assert len(first.strip()) >= 32
    assert others == [first] * len(others)


@pytest.mark.parametrize("app", ["apps/hotel", "apps/bank", "apps/counter_paper"])
def test_the_compiler(app):
    first, *others = outputs("-m", "compiler", "graph", app)
    assert b"digraph" in first
    assert others == [first] * len(others)


def test_emitted_python(tmp_path):
    emitted = []
    for hash_seed in HASH_SEEDS:
        folder = tmp_path / hash_seed
        command = [sys.executable, "-m", "compiler", "build", "apps/hotel", "-o", str(folder)]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        emitted.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert emitted[0]
    assert emitted[1:] == [emitted[0]] * (len(emitted) - 1)


def test_the_hash_seed_makes_a_difference_to_python():
    """Otherwise the other tests would show nothing."""
    assert len(set(outputs("-c", "print(list({'a', 'b', 'c', 'd', 'e', 'f'}))"))) > 1
