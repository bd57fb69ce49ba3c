"""``result.json`` and ``history.jsonl``: written, read back, and refused when they are not ours."""

import io
import json

import msgspec
import pytest

from experiment import result
from experiment.outcome import Sweep, Task
from experiment.record import trace
from experiment.record.histogram import Histogram
from tests.experiment.outcomes import CODEC, FAILS, SCENARIO, a_run, outcome, read_result

TASK = Task("scenarios/crash.yaml")


def test_a_result_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "result.json"
    made = result.of_run(TASK, SCENARIO, outcome())
    result.write(path, made)
    assert read_result(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_what_stands_in_a_result():
    made = msgspec.to_builtins(result.of_run(TASK, SCENARIO, outcome(checks=FAILS)))
    assert (made["format"], made["version"]) == ("mu2sls-result", 1)
    assert (made["backend"], made["store"], made["durability"]) == ("simulator", "model", "")
    assert made["protocol"] == "mu2sls"
    assert (made["status"], made["seeds"]) == ("fails", [7])
    assert made["scenario"]["load"][0]["executor"] == "constant-arrival-rate"
    measurements = made["measurements"]
    assert (measurements["sent"], measurements["commits_per_request"]) == (500, 2.04)
    assert measurements["latency"]["count"] == 500
    assert measurements["latency"]["percentiles"]["p99"] == pytest.approx(0.0495, rel=0.001)
    assert sum(bucket[2] for bucket in measurements["latency"]["buckets"]) == 500
    assert made["faults"][0] == {
        "kind": "crash",
        "description": "crash at after_commit of Hotel, 2%",
        "strikes": 14,
    }
    assert made["points_total"] == 12
    assert made["verdicts"][0]["evidence"] == ["request 1 happened twice", "and again"]
    assert made["thresholds"][0]["status"] == "holds"
    assert made["command"] == "python -m sim scenarios/crash.yaml --seed 7"
    assert made["environment"]["wall_seconds"] == 1.5


def test_a_run_elsewhere_says_where():
    task = Task("scenarios/crash.yaml", protocol="unsafe")
    place = result.Place("local", "sqlite", "synchronous=FULL", {"workers": 4, "cores": 64})
    made = result.of_run(task, SCENARIO, outcome(), place)
    assert (made.backend, made.protocol, made.store) == ("local", "unsafe", "sqlite")
    assert made.durability == "synchronous=FULL"
    assert (made.environment["workers"], made.environment["cores"]) == (4, 64)
    assert made.environment["wall_seconds"] == 1.5
    assert made.command.endswith("--protocol unsafe")


def test_a_file_from_before_there_was_a_choice_of_protocol_is_read(tmp_path):
    made = msgspec.to_builtins(result.of_run(TASK, SCENARIO, outcome()))
    for name in ("protocol", "store", "durability"):
        del made[name]
    path = tmp_path / "result.json"
    path.write_bytes(msgspec.json.encode(made))
    assert (read_result(path).protocol, read_result(path).store) == ("mu2sls", "")


def test_the_histogram_comes_back():
    made = result.of_run(TASK, SCENARIO, outcome())
    latency = made.measurements.latency
    again = Histogram.of(latency.buckets, latency.total, latency.lowest, latency.highest)
    assert again.percentile(90) == outcome().metrics.latency.percentile(90)


def test_a_sweep_names_its_failing_seeds():
    sweep = Sweep(SCENARIO, TASK, 2)
    sweep.add(outcome(8, FAILS))
    sweep.add(outcome(7))
    made = result.of_sweep(sweep)
    assert (made.seeds, made.status, made.measurements.sent) == ([7, 8], "fails", 1000)
    (failing,) = made.failing
    assert (failing.seed, failing.command) == (8, "python -m sim scenarios/crash.yaml --seed 8")
    assert made.command == "python -m sim scenarios/crash.yaml --seed 7 --seeds 2"


@pytest.fixture
def history():
    file = io.BytesIO()
    trace.write(file, a_run(), CODEC)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_a_history_begins_with_what_was_run(history):
    assert history[0] == {
        "event": "run",
        "version": 1,
        "backend": "simulator",
        "protocol": "mu2sls",
        "scenario": "crash",
        "app": "apps/hotel",
        "seed": 7,
    }
    assert history[1]["event"] == "initial"
    assert history[1]["value"] == "7"


def test_a_history_is_in_the_order_of_time(history):
    times = [line["time"] for line in history if "time" in line]
    assert len(times) == 7 + 4 + 1 + 1
    assert times == sorted(times)


def test_a_history_is_readable(history):
    first, second, third, _ = [line for line in history if line["event"] == "committed"]
    assert first["writes"][0]["set"].startswith("Hotel.rooms[")
    assert first["writes"][0]["to"] == "6"
    assert first["writes"][1] == {"clear": "the intent " + "00" * 16}
    assert second["writes"][0]["operand"] == "hex:01ff"
    assert second["reads"][0] == "A.b"
    assert second["reads"][1] == ["j", "k"]
    assert third["request"] is None
    assert third["writes"] == [{"clear_range": ["j", "k"]}]
    (unit,) = [line for line in history if line["event"] == "unit"]
    assert unit["reads"][0][1] == "7"
    (fault,) = [line for line in history if line["event"] == "fault"]
    assert (fault["where"], fault["nth"]) == ("Hotel.reserve@after_commit", 3)
