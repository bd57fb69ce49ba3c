"""The local backend's processes on FoundationDB: up, kill -9, scenarios, and nothing left.

On a real cluster where FDB_CLUSTER_FILE names one; with FDB_FAULTS=1 the clients of the nodes
inject faults of their own. Some of it always runs on a stand-in whose store the processes
share (tests.backends.fdb.shared): the same commands, the same code, one module replaced.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from ruamel.yaml import YAML

from backends.fdb import FdbStore
from backends.fdb.bindings import connect
from backends.fdb.namespace import Namespace
from backends.fdb.store import _patiently
from compiler.application import load
from tests.backends.fdb.clusters import WITH_FAULTS, needs_cluster, plain, settings
from tests.backends.fdb.shared import Served
from tests.backends.local.running import ROOT, Up, environment, session
from tests.patience import LONGER_AND_LONGER, patience, until

pytestmark = pytest.mark.real


class Shared:
    """The stand-in that processes share."""

    def __init__(self, folder):
        self.served = Served(folder)

    def environment(self, faults):
        return {**self.served.environment(), "MU2SLS_FDB_BUGGIFY": str(int(faults))}

    def keys(self, application):
        """Keys of all applications whose names begin so, their logs included."""
        prefixes = beginnings(application)
        return [key for key in self.served.content() if key.startswith(prefixes)]

    def erase(self, application):
        pass

    def close(self):
        self.served.__exit__()


class Cluster:
    """A real one. This process has a client of its own, which is no node's parent."""

    def __init__(self, _folder):
        pass

    def environment(self, faults):
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(path), "MU2SLS_FDB_BUGGIFY": str(int(faults))}

    def keys(self, application):
        async def read():
            cluster = connect(settings())
            version = await cluster.read_version()
            asked = [(begin, begin + b"\xff", 1_000) for begin in beginnings(application)]
            _, found = await cluster.read(version, (), asked)
            return [key for pairs in found for key, _ in pairs]

        return asyncio.run(_patiently(read, "the cluster cannot be read"))

    def erase(self, application):
        asyncio.run(FdbStore.open(settings(application)).erase())

    def close(self):
        pass


def beginnings(application):
    namespace = Namespace(application)
    log = namespace.log.range.begin
    return namespace.prefix[:-1], log[:-1]


PLACES = [
    pytest.param((Shared, False), id="standin", marks=plain),
    pytest.param((Shared, True), id="standin-faults", marks=plain),
    pytest.param((Cluster, WITH_FAULTS), id="cluster", marks=needs_cluster),
]


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    kind, faults = request.param
    found = kind(tmp_path)
    found.faults = faults
    found.env = found.environment(faults)
    yield found
    found.close()


cluster_only = pytest.mark.parametrize("place", PLACES[2:], indirect=True)
with_faults_or_cluster = pytest.mark.parametrize("place", PLACES[1:], indirect=True)


# --- up


@with_faults_or_cluster
def test_up_and_kill_and_the_same_key_gives_the_same_answer(place, tmp_path):
    name = f"test_{uuid4().hex}"  # an application's name is its part of the cluster
    app = tmp_path / name
    shutil.copytree(ROOT / "apps" / "counter", app)
    rng = random.Random(7)
    try:
        keys = [uuid4().hex for _ in range(12)]
        up = Up(app, tmp_path / "data", "--store", "fdb", "--workers", "2", env=place.env)
        try:
            until(lambda: "(fdb, the cluster" in up.output(), "the welcome")
            answers = [killed_while_asked(up, key, rng) for key in keys]
            assert sorted(answers) == list(range(1, len(keys) + 1))
            assert [up.call("Counter.increment", "a", key=key).value for key in keys] == answers
            assert up.call("Counter.read", "a").value == len(keys)
        finally:
            up.end()
        assert place.keys(name)
        again = Up(app, tmp_path / "data", "--store", "fdb", env=place.env)
        try:
            assert again.call("Counter.increment", "a", key=keys[0]).value == answers[0]
            assert again.call("Counter.read", "a").value == len(keys)
        finally:
            again.end()
    finally:
        place.erase(name)


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
def test_the_first_requests_of_new_processes_are_transactions_across_them(place, tmp_path):
    """A service that is only ever called in others' transactions takes no version of its own."""
    name = f"test_{uuid4().hex}"
    app = tmp_path / name
    shutil.copytree(ROOT / "apps" / "hotel", app)
    try:
        up = Up(app, tmp_path / "data", "--store", "fdb", env=place.env)
        try:
            for number in range(3):
                trip = f"customer-{number}", f"flight-0{number}", f"hotel-0{number + 5}"
                assert up.call("Frontend.book", *trip).status == 200
                for service in ("Hotel", "Flight"):
                    up.kill(f"{service}-0")
        finally:
            up.end()
    finally:
        place.erase(name)


def killed_while_asked(up, key, rng):
    """The answer to a request during which a process is killed."""
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(up.call, "Counter.increment", "a", key=key)
        time.sleep(rng.uniform(0.0, 0.02))
        up.kill(rng.choice(["Counter-0", "Counter-1", "gateway-0", "upkeep-0"]))
        return asked.result().value


# --- run


def scenario(tmp_path, name, requests, seconds, often):
    """A scenario of the repository made short, with its faults made more frequent."""
    yaml = YAML()
    found = yaml.load(ROOT / "scenarios" / f"{name}.yaml")
    found["app"] = str(ROOT / found["app"])
    found.pop("thresholds", None)  # those are about another machine
    found.setdefault("retry", {})["attempts"] = 20  # on a busy machine, processes start slowly
    # So many requests, however long they take, and for so many seconds: faults strike meanwhile.
    found["load"] = [
        {"name": "clock", "executor": "constant-arrival-rate", "rate": "5/s",
         "duration": f"{seconds}s"},
        {"name": "all", "executor": "shared-iterations", "vus": 4, "iterations": requests},
    ]  # fmt: skip
    for fault in found.get("faults", []):
        if "probability" in fault:
            percent = float(fault["probability"].rstrip("%"))
            fault["probability"] = f"{min(percent * often, 20):g}%"
        if "schedule" in fault:
            fault["schedule"] = "@every 2s"
    file = tmp_path / f"{name}.yaml"
    yaml.dump(found, file)
    return file


def start(place, *words, program=("-m", "backends.local"), **popen):
    return subprocess.Popen(
        [sys.executable, *program, *map(str, words)],
        cwd=ROOT, env=environment(**place.env), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **popen,
    )  # fmt: skip


def start_run(place, *words, **popen):
    return start(place, "run", *words, "--quiet", **popen)


def judged(place, tmp_path, file):
    """Run a scenario: every check holds, and nothing is left in the cluster."""
    out = tmp_path / "out"
    running = start_run(place, file, "--store", "fdb", "--out", out)
    said, errors = running.communicate(timeout=patience())
    assert running.returncode == 0, said + errors
    result = json.loads((out / "result.json").read_text())
    assert {each["status"] for each in result["verdicts"]} == {"holds"}
    assert result["store"] == "fdb"
    assert "still there" not in errors
    assert place.keys("hotel-mu2sls-run-") == []
    return result


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_a_short_run(place, tmp_path):
    judged(place, tmp_path, scenario(tmp_path, "crash", 100, 4, 4))


@pytest.mark.parametrize("place", [PLACES[1]], indirect=True)
def test_a_short_run_with_the_client_s_faults(place, tmp_path):
    result = judged(place, tmp_path, scenario(tmp_path, "smoke", 60, 2, 1))
    assert sum(result["measurements"]["refused_commits"].values()) > 0


@cluster_only
@pytest.mark.parametrize(
    ("name", "often"), [("smoke", 1), ("crash", 4), ("zombie", 4), ("unknown_commit", 2)]
)
def test_scenarios(place, tmp_path, name, often):
    judged(place, tmp_path, scenario(tmp_path, name, 150, 6, often))


def until_under_way(place):
    """Wait until requests have left more than what the application starts with."""
    begins_with = len(load("apps/hotel").initial_state())
    until(lambda: len(place.keys("hotel-mu2sls-run-")) > begins_with + 20, "load")


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
def test_a_run_that_is_killed_leaves_nothing(place, tmp_path):
    file = scenario(tmp_path, "smoke", 20, 30, 1)
    running = start_run(place, file, "--store", "fdb", start_new_session=True)
    try:
        until_under_way(place)
    finally:
        running.kill()
        running.communicate(timeout=patience())
    until(lambda: not session(running.pid), "the end of all of it")
    assert place.keys("hotel-mu2sls-run-") == []


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
def test_a_run_that_is_interrupted_leaves_nothing(place, tmp_path):
    file = scenario(tmp_path, "smoke", 20, 30, 1)
    running = start_run(place, file, "--store", "fdb", start_new_session=True)
    try:
        until_under_way(place)
        os.killpg(running.pid, signal.SIGINT)
        said, errors = running.communicate(timeout=patience())
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, said + errors
    assert place.keys("hotel-mu2sls-run-") == []


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_a_run_that_is_kept_stays(place, tmp_path):
    file = scenario(tmp_path, "smoke", 5, 1, 1)
    running = start_run(place, file, "--store", "fdb", "--keep", tmp_path / "kept")
    said, errors = running.communicate(timeout=patience())
    assert running.returncode == 0, said + errors
    assert place.keys("hotel-kept")


# --- bench and calibrate


@pytest.fixture
def app(place, tmp_path):
    """An application that nothing else on a cluster has the name of, and what it is to use."""
    found = tmp_path / f"test_{uuid4().hex}"
    shutil.copytree(ROOT / "apps" / "counter", found)
    yield found
    place.erase(found.name)


def measured(place, *words, **options):
    """Run a command that measures to its end, for longer where too little time brought nothing."""
    for seconds in LONGER_AND_LONGER:
        running = start(place, *words, "--seconds", str(seconds), **options)
        said, errors = running.communicate(timeout=patience())
        if "no request was answered" not in errors:
            break
    assert running.returncode == 0, said + errors
    assert "still there" not in errors
    return said


def done(place, *words):
    """Run a command to its end."""
    running = start(place, *words)
    said, errors = running.communicate(timeout=patience())
    assert running.returncode == 0, said + errors
    assert "still there" not in errors
    return said


@with_faults_or_cluster
@pytest.mark.parametrize("options", [["--compare"], ["--saturation"]], ids=lambda words: words[0])
def test_a_bench_leaves_nothing(place, app, options):
    words = ["bench", app, "--store", "fdb", "--clients", "2", *options]
    assert app.name in measured(place, *words)
    assert place.keys(app.name) == []


CALIBRATE_UNFITTED = """
import sys
from backends.local import cli
from backends.local.measuring import calibrate
calibrate._ROUNDS, calibrate.fit = 1, lambda _, platform, probed: (platform, probed)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
def test_a_calibration_leaves_nothing(place, tmp_path):
    profile = tmp_path / "profile.yaml"
    words = ["calibrate", "-o", profile, "--store", "fdb"]
    measured(place, *words, program=["-c", CALIBRATE_UNFITTED])
    assert "the cluster's redundancy mode" in profile.read_text()
    assert place.keys("probe-mu2sls-bench-") == []


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_breaks_off_leaves_nothing(place, app, number):
    """Whoever measures may be killed; what is left is erased when the last node has ended."""
    words = ["bench", app, "--store", "fdb", "--seconds", "60", "--compare"]
    running = start(place, *words, start_new_session=True)
    try:
        until(lambda: len(place.keys(app.name)) > 40, "load")
        os.kill(running.pid, number)
        running.communicate(timeout=patience())
        until(lambda: not session(running.pid), "the end of all of it")
        assert place.keys(app.name) == []
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_what_cannot_be_erased_is_named_with_what_removes_it(place, app):
    """Ctrl-C while the cluster is away: the namespace stays, and a person can find it."""
    words = ["bench", app, "--store", "fdb", "--seconds", "60"]
    running = start(place, *words, start_new_session=True)
    try:
        until(lambda: len(place.keys(app.name)) > 40, what="load")
        with place.served.killed():
            os.kill(running.pid, signal.SIGINT)
            _, errors = running.communicate(timeout=patience())
    finally:
        running.kill()
        running.wait()
    assert f"still there, in the namespace '{app.name}-mu2sls-bench" in errors
    assert "remove it with fdbcli --exec 'writemode on; clearrange \\x02mu2sls\\x00" in errors
    assert place.keys(app.name)


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
@pytest.mark.parametrize("outage", ["frozen", "killed"])
def test_an_outage_under_load_loses_nothing(place, app, tmp_path, outage):
    """Every request that was answered is counted once, and all are answered in the end."""
    up = Up(app, tmp_path / "data", "--store", "fdb", "--workers", "2", env=place.env)
    try:
        asked = [uuid4().hex for _ in range(60)]
        with ThreadPoolExecutor(6) as clients:
            answers = [clients.submit(up.call, "Counter.increment", "a", key=key) for key in asked]
            until(lambda: sum(each.done() for each in answers) > 20, what="load")
            with getattr(place.served, outage)():
                time.sleep(1.5)  # an outage lasts
            values = [each.result().value for each in answers]
        assert sorted(values) == list(range(1, len(asked) + 1))
        assert up.call("Counter.read", "a").value == len(asked)
    finally:
        up.end()


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2]], indirect=True)
def test_gc_finds_the_cluster_by_itself(place, app, tmp_path):
    """While it is up, and also afterwards: the folder knows where the data are."""
    namespace = f"{app.name}-gc"
    up = Up(app, tmp_path / "data", "--store", "fdb", "--namespace", namespace, env=place.env)
    try:
        for number in range(5):
            up.call("Counter.increment", "a", key=f"{number}")
        finished = time.time()
        until(lambda: time.time() > finished + 1, "a second, after which all of it is old enough")
        words = "gc", "--older-than", "1s", "--data", up.data
        said = done(place, *words)
        assert "forgot 5 finished requests" in said
        assert "gave back" not in said
        assert up.call("Counter.increment", "a").value == 6
    finally:
        up.end()
    assert "nothing was old enough" in done(place, "gc", "--older-than", "7d", "--data", up.data)
    place.erase(namespace)


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_an_application_with_a_namespace_of_its_own(place, app, tmp_path):
    words = ["--store", "fdb", "--namespace", f"{app.name}-staging"]
    up = Up(app, tmp_path / "data", *words, env=place.env)
    try:
        assert up.call("Counter.increment", "a").value == 1
    finally:
        up.end()
    everything = place.keys(app.name)
    assert everything
    assert everything == place.keys(f"{app.name}-staging")


# --- what is missing


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_no_cluster_file(place, tmp_path):
    file = scenario(tmp_path, "smoke", 5, 1, 1)
    running = start_run(place, file, "--store", f"fdb:{tmp_path / 'none'}")
    _, errors = running.communicate(timeout=patience())
    assert running.returncode == 2
    assert "No cluster file found" in errors
    assert "set FDB_CLUSTER_FILE" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [("MU2SLS_FDB_BUGGIFY", "yes"), ("MU2SLS_FDB_API_VERSION", "x")])
@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_an_environment_that_cannot_be(place, tmp_path, words):
    name, value = words
    place.env[name] = value
    running = start_run(place, scenario(tmp_path, "smoke", 5, 1, 1), "--store", "fdb")
    _, errors = running.communicate(timeout=patience())
    assert running.returncode == 2
    assert f"{name} is '{value}': give a whole number" in errors


@pytest.mark.parametrize("place", [PLACES[0]], indirect=True)
def test_no_bindings(place, tmp_path):
    (tmp_path / "fdb.py").write_text("raise ImportError('not here')\n")
    place.env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{tmp_path}"
    running = start_run(place, scenario(tmp_path, "smoke", 5, 1, 1), "--store", "fdb")
    _, errors = running.communicate(timeout=patience())
    assert running.returncode == 2
    assert "FoundationDB's Python bindings do not load" in errors
    assert "pip install" in errors
    assert "Traceback" not in errors


# --- looking into it


def test_what_is_stored_can_be_looked_at_and_removed(place, tmp_path):
    name = f"test_{uuid4().hex}"
    app = tmp_path / name
    shutil.copytree(ROOT / "apps" / "counter", app)

    def ask(*words):
        line = [sys.executable, "-m", "backends.fdb", *words]
        return subprocess.run(
            line, cwd=ROOT, env=environment(**place.env), capture_output=True, text=True,
            timeout=patience(), check=False,
        )  # fmt: skip

    try:
        up = Up(app, tmp_path / "data", "--store", "fdb", env=place.env)
        try:
            assert up.call("Counter.increment", "a").value == 1
            done = ask("dump", name)
            assert done.stdout == '{"field":"Counter.counts","key":"a","value":1}\n', done.stderr
        finally:
            up.end()
        done = ask("erase", name)
        assert done.returncode == 2
        assert "nothing was erased: answer 'erase', or give --yes" in done.stderr
        assert place.keys(name)
        done = ask("erase", name, "--yes")
        assert (done.returncode, done.stdout) == (0, f"erased the namespace '{name}'\n")
        assert not place.keys(name)
        assert ask("dump", name).stdout == ""
    finally:
        place.erase(name)
