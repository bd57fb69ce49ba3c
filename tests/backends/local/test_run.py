"""Scenarios with real processes: what holds holds, what is broken is seen, nothing is left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import patience

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent.parent

LOAD = (
    "[{name: clock, executor: constant-arrival-rate, rate: 10/s, duration: 3s},"
    " {name: all, executor: shared-iterations, vus: 4, iterations: 90}]"
)
"""For so many seconds, so that what has a schedule strikes; and so many, however long they take."""


def run(tmp_path, faults, *options, app="apps/hotel", load=LOAD, more="", heal="300s"):
    """Run a scenario for real: the exit status, the result file, and what was printed."""
    file = tmp_path / "scenario.yaml"
    file.write_text(
        f"name: real\napp: {ROOT / app}\nseed: 5\nheal: {heal}\nload: {load}\n"
        f"retry: {{attempts: 10, timeout: 1s}}\n{more}\nfaults: {faults}\n"
    )
    out = tmp_path / "out"
    words = ["-m", "backends.local", "run", str(file), "--out", str(out), "--quiet", *options]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=patience()
    )
    result = json.loads((out / "result.json").read_text()) if out.exists() else {}
    assert processes_in(tmp_path) == []
    return done.returncode, result, done.stdout + done.stderr


def processes_in(tmp_path):
    """Processes that were started for the scenario and are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\x00")
        except OSError:
            continue
        if str(tmp_path).encode() in b" ".join(words):
            found.append(words)
    return found


def verdicts(result):
    return {each["name"]: each["status"] for each in result["verdicts"]}


def test_a_script_gives_what_it_says(tmp_path):
    calls = (
        "{call: Counter.increment, args: [a], gives: 1}, "
        "{call: Counter.increment, args: [a], gives: 2}, "
        "{call: Counter.read, args: [a], gives: %d}"
    )
    for told, outcome in ((2, "holds"), (3, "fails")):
        load = f"[{{executor: script, calls: [{calls % told}]}}]"
        status, result, said = run(tmp_path, "[]", app="apps/counter", load=load)
        assert verdicts(result)["answers"] == outcome, said
        assert status == (0 if outcome == "holds" else 1)


def test_a_quiet_run_holds_and_is_measured(tmp_path):
    status, result, said = run(tmp_path, "[]")
    assert status == 0, said
    assert set(verdicts(result).values()) == {"holds"}
    assert result["backend"] == "local"
    assert result["store"] == "sqlite"
    assert result["measurements"]["sent"] == 120
    assert result["measurements"]["succeeded"] + result["measurements"]["raised"] == 120
    assert "python -m backends.local run" in said
    history = (tmp_path / "out" / "history.jsonl").read_text().splitlines()
    assert json.loads(history[0])["backend"] == "local"
    assert len(history) > 500


def test_processes_are_killed_at_crash_points_and_nothing_is_lost(tmp_path):
    faults = """
      - {kind: crash, at: after_commit, probability: 6%}
      - {kind: crash, at: before_reply, probability: 4%}
      - {kind: kill, mode: one, schedule: "@every 1s"}
    """
    status, result, said = run(tmp_path, faults)
    assert status == 0, said
    assert [fault["strikes"] > 0 for fault in result["faults"]] == [True, True, True]
    assert verdicts(result)["exactly_once"] == "holds"


def test_without_the_protocol_the_same_kills_are_seen(tmp_path):
    """The oracles fail for real, too: without a journal, what is asked again happens again."""
    faults = "[{kind: crash, at: after_commit, probability: 5%}]"
    status, result, said = run(tmp_path, faults, "--protocol", "unsafe", app="apps/counter")
    assert status == 1, said
    assert verdicts(result)["exactly_once"] == "fails"


def test_messages_are_lost_late_and_twice(tmp_path):
    faults = """
      - {kind: drop, probability: 3%}
      - {kind: delay, probability: 5%, duration: 300ms}
      - {kind: duplicate, probability: 20%, duration: 2s}
    """
    status, result, said = run(tmp_path, faults)
    assert status == 0, said
    history = [json.loads(line) for line in (tmp_path / "out" / "history.jsonl").open()]
    answers = [each for each in history if each["event"] == "answered"]
    assert len(answers) > result["measurements"]["sent"]  # duplicates were answered as well


def test_a_process_that_sleeps_wakes_up_too_late(tmp_path):
    faults = "[{kind: pause, at: before_commit, probability: 5%, duration: 1500ms}]"
    status, _, said = run(tmp_path, faults)
    assert status == 0, said


def test_the_store_answers_with_errors(tmp_path):
    faults = """
      - {kind: store_error, error: not_committed, probability: 3%}
      - {kind: store_error, error: store_unavailable, probability: 2%}
      - {kind: store_error, error: transaction_too_old, probability: 1%}
      - {kind: store_error, error: commit_unknown_result_applied, probability: 10%}
      - {kind: store_error, error: commit_unknown_result_late, probability: 5%}
    """
    status, _, said = run(tmp_path, faults)
    assert status == 0, said


def test_partitions_cut_the_store_and_the_clients_off(tmp_path):
    faults = """
      - {kind: partition, between: ["*", store], schedule: "@every 1s", duration: 400ms}
      - {kind: partition, between: [client, "*"], schedule: "@every 1s", duration: 300ms}
    """
    status, result, said = run(tmp_path, faults)
    assert status == 0, said
    assert all(fault["strikes"] for fault in result["faults"])


def test_records_are_forgotten_while_it_runs(tmp_path):
    more = "retention: {period: 1s, interval: 300ms}\nrecovery: {interval: 300ms, stale: 1s}"
    status, result, said = run(tmp_path, "[]", more=more)
    assert status == 0, said
    assert result["measurements"]["upkeep_commits"] > 0


@pytest.mark.parametrize(
    "load",
    [
        "[{name: users, executor: constant-vus, vus: 4, duration: 1s}]",
        "[{name: some, executor: shared-iterations, vus: 3, iterations: 40}]",
        "[{name: ramp, executor: ramping-vus, vus: 1, stages: [{duration: 1s, target: 5}]}]",
        "[{name: rate, executor: ramping-arrival-rate, rate: 10/s,"
        " stages: [{duration: 1s, target: 60/s}]}]",
        "[{name: poisson, executor: poisson-arrival-rate, rate: 40/s, duration: 1s}]",
    ],
    ids=["constant-vus", "shared-iterations", "ramping-vus", "ramping-arrival-rate", "poisson"],
)
def test_every_executor_drives_load(tmp_path, load):
    status, result, said = run(tmp_path, "[]", app="apps/counter", load=load)
    assert status == 0, said
    sent = result["measurements"]["sent"]
    assert sent == 40 if "iterations" in load else sent >= 4


def test_what_there_was_no_time_for_fails_no_check_but_liveness(tmp_path):
    """Requests that are under way when the run ends are no evidence against anybody."""
    faults = (
        "[{kind: store_error, error: commit_unknown_result_late, probability: 20%},"
        " {kind: store_error, error: commit_unknown_result_applied, probability: 10%}]"
    )
    more = "check: [{invariant: hotel.no_overselling}, {invariant: hotel.customers_are_known}]"
    _, result, said = run(tmp_path, faults, more=more, heal="1ms")
    failing = {name for name, status in verdicts(result).items() if status == "fails"}
    assert failing == {"liveness"}, said


BROKEN_CLOCK = """
import sys
from backends.local import cli
from backends.local.run import _Experiment
from core.errors import MuError

async def kill(self, service, mode, rng):
    raise MuError("nothing can be killed here")

_Experiment.kill = kill
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_clock_that_breaks_down_is_no_pass(tmp_path):
    """Kills that were declared and cannot be done: the run says so instead of going without."""
    file = tmp_path / "scenario.yaml"
    load = "[{name: some, executor: shared-iterations, vus: 4, iterations: 40}]"
    file.write_text(
        f"name: real\napp: {ROOT / 'apps/counter'}\nseed: 5\nheal: 300s\nload: {load}\n"
        "faults: [{kind: kill, nth: [100, 300]}]\n"
    )
    words = [sys.executable, "-c", BROKEN_CLOCK, "run", str(file), "--quiet"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=patience())
    assert done.returncode == 2, done.stdout
    assert "nothing can be killed here" in done.stderr
    assert processes_in(tmp_path) == []


def test_a_fault_that_never_strikes_is_no_pass(tmp_path):
    faults = "[{kind: crash, at: after_commit, nth: [100000]}]"
    status, _, said = run(tmp_path, faults, app="apps/counter")
    assert status == 3
    assert "never struck" in said


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            "name: x\napp: nowhere\nload: [{executor: constant-vus, vus: 1, duration: 1s}]\n",
            "nowhere",
        ),
        ("name: x\napp: apps/counter\nlod: []\n", "lod"),
        ("", ""),
    ],
)
def test_bad_input_is_one_message(tmp_path, text, wrong):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "backends.local", "run", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(),
    )
    assert done.returncode == 2
    assert wrong in done.stderr
    assert "Traceback" not in done.stderr


def test_what_an_application_prints_is_not_in_the_report(tmp_path):
    (tmp_path / "chatty.py").write_text(
        "from compiler import Persistent, service\n@service\nclass Chatty:\n"
        "    def __init__(self): self.n: Persistent[int] = 0\n"
        "    def say(self):\n        print('I say')\n        self.n += 1\n"
        "def setup(): print('I set up')\nMIX = {'Chatty.say': 1}\n"
    )
    load = "[{name: few, executor: shared-iterations, vus: 1, iterations: 3}]"
    status, _, said = run(tmp_path, "[]", app=tmp_path / "chatty.py", load=load)
    assert status == 0, said
    assert "I s" not in said
