"""The comparison with others: the load generator, the verdict, the children it starts."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers import contenders
from benchmarks.peers.check import differences
from benchmarks.peers.contenders.contender import Running
from benchmarks.peers.contenders.ours import Ours
from benchmarks.peers.install import Absent, node_modules, prepare, python_environment
from benchmarks.peers.load import Generator
from benchmarks.peers.measuring import Figures, Row, figures, measure, percentile
from benchmarks.peers.observation import Increment, Observation, Plan, Repeat, Stage, Target
from benchmarks.peers.processes import Failed, free_port, output, ready, started
from benchmarks.peers.report import Machine, Report, machine, markdown, ratio, table
from benchmarks.peers.services.dictionary import Counters, application
from benchmarks.peers.services.drawing import request_id
from compiler.application import load
from tests.patience import LONGER_AND_LONGER, patience, until

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
PLAN = Plan(clients=[1, 8], seconds=0.25, warm_up=0.05, keys=10, repeats=10, timeout=3_600.0)


# --- the load generator, against counters that keep their promise and counters that do not


class Twice(Counters):
    """Counts every increment twice, and says once."""

    async def increment(self, key, request):
        answer = await super().increment(key, request)
        self.counts[key] += 1
        return answer


class Forgetful(Counters):
    """Does not remember request ids."""

    async def increment(self, key, request):
        self.answers.clear()
        return await super().increment(key, request)


class Late(Counters):
    """Remembers an id once it has answered: the same request at the same time runs twice."""

    async def increment(self, key, request):
        if request in self.answers:
            return self.answers[request]
        await asyncio.sleep(0.001)
        self.counts[key] = count = self.counts.get(key, 0) + 1
        self.answers[request] = count
        return count


class Racy(Counters):
    """Reads, waits, writes: of two increments at the same time, one is lost."""

    async def increment(self, key, request):
        count = self.counts.get(key, 0) + 1
        await asyncio.sleep(0.001)
        self.counts[key] = count
        return self.answers.setdefault(request, count)


class Chatty(Counters):
    """Does it once, but answers a repeat with the count as it is now."""

    async def increment(self, key, request):
        await super().increment(key, request)
        return self.counts[key]


class Lossy(Counters):
    """Acknowledges what it does not do, now and then."""

    async def increment(self, key, request):
        answer = await super().increment(key, request)
        if len(self.answers) % 20 == 0:
            self.counts[key] -= 1
        return answer


class Unsure(Counters):
    """Fails now and then, before the increment or after it; a repeat goes well."""

    times = 1

    def __init__(self):
        super().__init__()
        self.seen = set()

    async def increment(self, key, request):
        fresh = request not in self.seen
        self.seen.add(request)
        if fresh and len(self.seen) % 7 == 3:
            raise web.HTTPServiceUnavailable
        answer = await super().increment(key, request)
        if fresh and len(self.seen) % 7 == 5:
            self.counts[key] += self.times - 1
            raise web.HTTPInternalServerError
        return answer


class UnsureTwice(Unsure):
    """The same, but what fails after the increment was done twice."""

    times = 2


def observe(counters, plan=PLAN):
    """What the load generator sees of these counters, over HTTP on a port of its own."""

    async def observed():
        runner = web.AppRunner(application(counters), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        target = Target(f"{base}/increment/{{key}}", f"{base}/read/{{key}}")
        try:
            async with ClientSession() as session:
                return await Generator(plan, target, session).run()
        finally:
            await runner.cleanup()

    return asyncio.run(observed())


def enough(counters, found):
    """What is seen in the end, for longer and longer until ``found`` says that it was enough."""
    for seconds in LONGER_AND_LONGER:
        seen = observe(counters(), msgspec.structs.replace(PLAN, seconds=seconds))
        if found(seen):
            break
    return seen


def test_a_counter_that_keeps_its_promise():
    seen = enough(Counters, lambda seen: all(each.answers for each in figures(seen)))
    assert differences(seen) == []
    assert sum(seen.counts.values()) == len(seen.increments)
    assert len({each.request for each in seen.increments}) == len(seen.increments)
    assert len(seen.repeats) == 2 * PLAN.repeats
    assert not seen.failures
    assert [stage.clients for stage in seen.stages] == [1, 8]
    assert {each.stage for each in seen.increments} == {-1, 0, 1}  # -1: warming up, twins
    assert all(each.answers > 0 and each.p50 <= each.p99 for each in figures(seen))


@pytest.mark.parametrize(
    ("counters", "said"),
    [
        (Twice, "counted"),
        (Forgetful, "then"),
        (Late, "counted"),
        (Racy, "answers say"),
        (Chatty, "then"),
        (Lossy, "counted"),
        (UnsureTwice, "counted"),
    ],
)
def test_a_counter_that_breaks_its_promise_is_caught(counters, said):
    def is_caught(seen):
        return any(said in each for each in differences(seen))

    assert is_caught(enough(counters, is_caught))


def test_increments_without_an_answer_are_bounded_not_guessed():
    seen = enough(Unsure, lambda seen: len(seen.failures) == 2)
    assert differences(seen) == []
    unknown = sum(each.answer is None for each in seen.increments)
    acknowledged = len(seen.increments) - unknown
    assert unknown > 0
    assert acknowledged < sum(seen.counts.values()) < acknowledged + unknown
    assert set(seen.failures) == {"status 500", "status 503"}


def test_a_server_that_is_gone_is_not_a_success():
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    plan = msgspec.structs.replace(
        PLAN, target=Target(f"{base}/increment/{{key}}", f"{base}/read/{{key}}")
    )
    command = [sys.executable, "-m", "benchmarks.peers.load"]
    done = subprocess.run(command, input=msgspec.json.encode(plan), cwd=ROOT, capture_output=True)
    assert done.returncode != 0
    assert b"cannot read the count" in done.stderr


def test_ids_are_fresh_and_sort_by_time():
    rng = random.Random(1)
    first = request_id(rng)
    time.sleep(0.002)
    second = request_id(rng)
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"


# --- the verdict, on made-up observations


@st.composite
def histories(draw):
    """A run in which every increment happened exactly once, some of them unknown to the client."""
    counts, increments = {}, []
    for number in range(draw(st.integers(1, 40))):
        key = draw(st.sampled_from("abc"))
        fate = draw(st.sampled_from(["answered", "answered", "done", "not done"]))
        if fate != "not done":
            counts[key] = counts.get(key, 0) + 1
        answer = counts[key] if fate == "answered" else None
        increments.append(Increment(key, f"r{number}", answer, 0.001, 0))
    known = [each for each in increments if each.answer is not None]
    repeats = [Repeat(each.request, each.answer, each.answer) for each in known[:3]]
    order = draw(st.permutations(increments))
    return Observation([Stage(1, 1.0)], order, repeats, counts)


def altered(seen, **changes):
    return msgspec.structs.replace(seen, **changes)


@given(histories())
def test_exactly_once_is_recognised(seen):
    known = [each for each in seen.increments if each.answer is not None]
    assert (differences(seen) == []) == bool(known)


@given(histories(), st.data())
def test_one_increment_more_or_less_is_found(seen, data):
    keys = {each.key for each in seen.increments if each.answer is not None}
    unknown = {each.key for each in seen.increments if each.answer is None}
    for key in sorted(keys - unknown):
        change = data.draw(st.sampled_from([-1, 1]))
        counts = {**seen.counts, key: seen.counts[key] + change}
        assert any(
            each.startswith(f"{key}: counted") for each in differences(altered(seen, counts=counts))
        )


@given(histories())
def test_another_answer_to_a_repeat_is_found(seen):
    for number, each in enumerate(seen.repeats):
        repeats = [*seen.repeats]
        repeats[number] = Repeat(each.request, each.first, each.first + 1)
        assert any(each.request in said for said in differences(altered(seen, repeats=repeats)))


def test_a_count_of_a_key_that_nobody_asked_for_is_found():
    seen = Observation([], [Increment("a", "r", 1, 0.1)], [Repeat("r", 1, 1)], {"a": 1, "b": 1})
    assert differences(seen) == ["b: counted 1, acknowledged 0 and perhaps 0 more"]


def test_nothing_seen_is_nothing_shown():
    assert len(differences(Observation([], [], [], {}))) == 2


# --- numbers


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
)
def test_percentiles_by_nearest_rank(share, value):
    assert percentile([float(each) for each in range(1, 101)], share) == value


def test_a_percentile_of_nothing():
    assert percentile([], 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_that_enough_do_not_exceed(values, share):
    values.sort()
    found = percentile(values, share)
    assert sum(each <= found for each in values) >= share * len(values)
    assert sum(each < found for each in values) < share * len(values)


def test_only_what_was_acknowledged_in_time_counts():
    increments = [
        Increment("a", "1", 1, 0.010, 0),
        Increment("a", "2", 2, 0.020, 0),
        Increment("a", "3", None, 9.0, 0),
        Increment("a", "4", 3, 9.0, -1),
        Increment("a", "5", 4, 0.5, 1),
    ]
    seen = Observation([Stage(1, 2.0), Stage(16, 2.0), Stage(64, 2.0)], increments, [], {})
    assert figures(seen) == [
        Figures(1, 2, 1.0, 10.0, 20.0),
        Figures(16, 1, 0.5, 500.0, 500.0),
        Figures(64, 0, 0.0, None, None),
    ]


def _row(system, survives, per_second, **more):
    return Row(system, "s", survives, figures=[Figures(16, 1, per_second, 1.0, 2.0)], **more)


ROWS = [
    _row("mu2sls", "process crash", 900.0),
    _row("mu2sls", "power cut", 600.0),
    _row("Restate", "power cut", 200.0),
    _row("DBOS", "process crash", 100.0, differences=["a: counted 2, acknowledged 1"]),
    _row("a dictionary in memory", "nothing", 3000.0),
    Row("Temporal", "s", "power cut", status="skipped", reason="not installed: npm is not there"),
]
REPORT = Report(Machine(2, "3.11", "Linux", 0.1, 1.5, "2026-01-01T00:00:00Z"), 10.0, 1000, ROWS)


def test_ratios_compare_what_survives_the_same():
    assert [ratio(row, ROWS, 16) for row in ROWS] == [None, None, 3.0, 9.0, None, None]
    assert ratio(ROWS[2], ROWS, 1) is None


def test_markdown_is_a_table_with_its_notes():
    lines = markdown(REPORT).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(ROWS)
    assert len({row.count("|") for row in rows}) == 1
    assert "| 3.0 times | yes |" in rows[4]
    assert "| 9.0 times | NO |" in rows[5]
    notes = "\n".join(lines[len(rows) :])
    assert "npm is not there" in notes
    assert "a: counted 2" in notes
    drawn, said = table(REPORT)
    assert drawn.row_count == len(ROWS)
    assert [f"- {each}" for each in said] == lines[len(rows) + 1 :]


def test_the_report_survives_its_file():
    assert msgspec.json.decode(msgspec.json.encode(REPORT), type=Report) == REPORT


def test_the_machine_is_described(tmp_path):
    here = machine(tmp_path)
    assert here.cpus >= 1
    assert here.sync > 0
    assert list(tmp_path.iterdir()) == []


# --- installation


def _told(_):
    return None


def test_what_cannot_be_installed_is_a_row_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    prepare(tmp_path)
    row = measure(contenders.Restate(fsync=True), PLAN, tmp_path, _told)
    assert (row.status, row.figures) == ("skipped", [])
    assert row.reason.startswith("not installed: npm cannot be started")


def test_an_installation_that_was_broken_off_is_made_again(tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    npm = programs / "npm"
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    npm.write_text("#!/bin/sh\necho no network >&2\nexit 7\n")
    npm.chmod(0o755)
    with pytest.raises(Absent, match="status 7: no network"):
        node_modules(tmp_path, "server", ["one"])
    npm.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n")
    for wanted in (["one"], ["one"], ["two"]):
        node_modules(tmp_path, "server", wanted)
    assert (tmp_path / "runs").read_text().count("run") == 2


NO_PACKAGE = """#!/bin/sh
mkdir -p $3/bin
printf '#!/bin/sh\necho No matching distribution found >&2\nexit 1\n' > $3/bin/python
chmod +x $3/bin/python
"""


def test_a_package_that_does_not_exist_is_said(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text(NO_PACKAGE)
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(Absent, match="python ended with status 1: No matching distribution found"):
        python_environment(tmp_path, "nobody", ["nothing"])


def test_git_ignores_the_cache(tmp_path):
    prepare(tmp_path / "peers")
    assert (tmp_path / "peers" / ".gitignore").read_text() == "*\n"


# --- children


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until_gone(pids):
    until(lambda: not any(map(alive, pids)), f"the end of {pids}")


def descendants(pid):
    """Every process below this one, by parent."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, below = set(), {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below} - found
        found |= below
    return found


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3_600)"]).pid, flush=True)
time.sleep({stays})
"""


@pytest.mark.parametrize("stays", [0, 3_600])
def test_whoever_does_not_end_is_ended_with_its_own_children(tmp_path, monkeypatch, stays):
    monkeypatch.setattr("benchmarks.peers.processes._GRACE", 0.1)
    log = tmp_path / "log"
    with started([sys.executable, "-c", STUBBORN.format(stays=stays)], log) as process:
        until(log.read_text, "its child's id")
        pids = [process.pid, int(log.read_text())]
        if not stays:
            process.wait()
        assert alive(pids[1])
    until_gone(pids)


def test_a_server_that_ends_is_said_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    url = f"http://127.0.0.1:{free_port()}"
    program = "import sys; sys.exit('the port is taken')"
    with (
        started([sys.executable, "-c", program], log) as process,
        pytest.raises(Failed, match=r"status 1: the port is taken"),
    ):
        ready(url, process, log)


def test_a_server_that_never_answers_is_given_up(tmp_path):
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        program = "import time; time.sleep(3_600)"
        with (
            started([sys.executable, "-c", program], log) as process,
            pytest.raises(Failed, match="did not answer within 0 s"),
        ):
            ready(url, process, log, timeout=0.2)


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(Failed, match="took longer"):
        output(
            [sys.executable, "-c", "import time; time.sleep(3_600)"], tmp_path / "log", timeout=0.2
        )


def test_a_contender_that_cannot_start_is_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.peers.contenders.dictionary.free_port", lambda: "no port")
    row = measure(contenders.Dictionary(), PLAN, tmp_path, _told)
    assert row.status == "failed"
    assert "invalid literal" in row.reason
    assert list(tmp_path.iterdir()) == []


def test_a_contender_that_says_something_else_is_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.peers.measuring.output", lambda *_, **__: b"good morning")
    row = measure(contenders.Dictionary(), PLAN, tmp_path, _told)
    assert row.status == "failed"
    assert row.reason.startswith("DecodeError")


# --- the command


def peers(*arguments, **options):
    command = [sys.executable, "-m", "benchmarks.peers", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_the_command_measures_and_writes(tmp_path):
    out = tmp_path / "results.json"
    few = ["--warm-up", "0", "--clients", "1", "4", "--keys", "10", "--seconds"]
    for seconds in LONGER_AND_LONGER:
        words = [*few, str(seconds), "--cache", tmp_path / "c", "--out", out]
        command = peers("--only", "dictionary", *words)
        said, complaints = command.communicate(timeout=patience())
        assert command.returncode == 0, complaints
        assert "a dictionary in memory" in said
        (row,) = msgspec.json.decode(out.read_bytes(), type=Report).rows
        if row.acknowledged:
            break
    assert [each.clients for each in row.figures] == [1, 4]
    assert row.acknowledged == row.counted > 0
    assert sorted(each.name for each in (tmp_path / "c").iterdir()) == [".gitignore"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_leaves_nothing_running(tmp_path, how):
    command = peers("--only", "dictionary", "--seconds", "60", "--cache", tmp_path)
    below = until(
        lambda: len(found := descendants(command.pid)) == 2 and found,
        "the server and the load generator",
    )
    command.send_signal(how)
    _, complaints = command.communicate(timeout=patience())
    assert command.returncode == 130
    assert "Traceback" not in complaints
    until_gone(below)
    assert [each.name for each in tmp_path.iterdir()] == [".gitignore"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nobody"], "no such system; there are a dictionary in memory, mu2sls"),
        (["--seconds", "0"], "--seconds must be more than 0"),
        (["--clients", "0"], "--clients at least 1"),
    ],
)
def test_bad_input_is_one_message(tmp_path, arguments, said):
    command = peers(*arguments, "--cache", tmp_path / "cache")
    _, complaints = command.communicate(timeout=patience())
    assert command.returncode == 2
    assert said in " ".join(complaints.split())
    assert not (tmp_path / "cache").exists()


# --- ourselves


def test_our_counter_compiles_and_counts():
    assert set(load("benchmarks/peers/counters.py").program.services) == {"Counters"}


def test_we_are_measured_with_the_durability_that_is_written(tmp_path):
    for synchronous in ("normal", "full"):
        ours = Ours(synchronous).prepare(tmp_path)
        data = tmp_path / synchronous
        data.mkdir()
        with ours.start(data, tmp_path / "log") as running:
            assert isinstance(running, Running)
            assert running.durability == f"journal_mode=wal synchronous={synchronous}"


def test_we_count_exactly_once(tmp_path):
    row = measure(Ours("normal"), PLAN, tmp_path, _told)
    assert (row.status, row.reason, row.differences) == ("measured", "", [])
    assert row.acknowledged > 0
    assert row.repeated == 2 * PLAN.repeats
