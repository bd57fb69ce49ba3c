"""Who is who: letters, labels, and what goes into the title."""

from pathlib import Path

import msgspec
import pytest

from figures.errors import NotComparable
from figures.results import Result
from figures.runs import MOST, load, shared, side_by_side
from tests.figures import made


def runs(*changes):
    found = [msgspec.convert(made.result(**each), Result) for each in changes]
    return side_by_side([(Path(f"runs/{n}/result.json"), each) for n, each in enumerate(found)])


def labels(*changes):
    return [run.label for run in runs(*changes)]


def test_labels_say_what_is_different():
    assert labels({}, {"backend": "local"}) == ["simulator", "local"]
    assert labels({}, {"protocol": "unsafe"}) == ["mu2sls", "unsafe"]
    assert labels({}, {"planted": "no_intent"}) == ["mu2sls", "mu2sls with no_intent"]
    assert labels({}, {"seeds": [8]}) == ["seed 7", "seed 8"]
    assert labels({"durability": "synchronous=FULL"}, {"durability": "synchronous=NORMAL"}) == [
        "synchronous=FULL",
        "synchronous=NORMAL",
    ]
    assert labels({"scenario": {"app": "apps/bank"}}, {"backend": "local"}) == [
        "bank, simulator",
        "hotel, local",
    ]


def test_loads_are_told_apart():
    def with_load(**load):
        return {"scenario": {"load": [{"name": "x", "executor": "constant-vus", **load}]}}

    assert labels(with_load(vus=1), with_load(vus=16), with_load(rate=12.5)) == [
        "1 client",
        "16 clients",
        "12.5/s",
    ]
    assert labels({}, with_load(executor="ramping-vus", vus=1)) == ["10/s", "ramping load"]


def test_runs_that_differ_in_nothing_are_called_after_their_folders():
    assert labels({}, {}) == ["simulator, 0", "simulator, 1"]
    assert labels({}, {}, {"backend": "local"}) == ["simulator, 0", "simulator, 1", "local"]


def test_a_single_run_is_called_after_its_backend():
    assert labels({}) == ["simulator"]


def test_letters_and_what_is_shared():
    two = runs({}, made.other())
    assert [run.letter for run in two] == ["A", "B"]
    assert shared(two) == {
        "application": "hotel",
        "scenario": "crash",
        "load": "10/s",
        "seeds": "seed 7",
    }


def test_what_follows_from_the_measurements():
    (run,) = runs({})
    assert (run.offered, run.throughput) == (10.0, 9.8)
    assert run.strikes == {"crash": 15, "drop": 0}
    (idle,) = runs({"measurements": {"load_seconds": 0.0}})
    assert (idle.offered, idle.throughput) == (0.0, 0.0)


def test_a_sweep_and_a_single_run_do_not_compare():
    with pytest.raises(
        NotComparable, match=r"runs/1/result\.json: this is a sweep over many seeds"
    ):
        runs({}, {"seeds": [1, 2, 3]})
    assert labels({"seeds": [1, 2]}, {"seeds": [1, 2, 3]}) == ["2 seeds from 1", "3 seeds from 1"]


def test_too_many_runs(tmp_path):
    path = made.write(tmp_path)
    assert len(load([path] * MOST)) == MOST
    with pytest.raises(NotComparable, match="at most 6"):
        load([path] * (MOST + 1))
