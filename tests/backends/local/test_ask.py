"""What a person asks of an application: a call, its state, more room."""

import json
import os
import re
import signal
import threading
import time
from uuid import uuid4

import pytest

from backends.local import ask
from backends.local.folder import Folder, Running, RunningNode
from backends.runtime import invoke as invoke_module
from backends.runtime.http import Broken, Unreachable
from backends.runtime.settings import Settings
from backends.stores import Fdb
from tests.backends.local.running import Up, command, unread
from tests.patience import patience, until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    up = Up("apps/counter", tmp_path_factory.mktemp("ask") / "data")
    yield up
    up.end()


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    up = Up("apps/bank", tmp_path_factory.mktemp("ask") / "data")
    yield up
    up.end()


def invoke(up, *words):
    return command("invoke", *words, "--data", up.data)


# --- invoke


def test_invoke_prints_the_answer_as_json(counter):
    done = invoke(counter, "Counter.increment", "a")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, 1, "")
    assert invoke(counter, "Counter.increment", '"a"').stdout == "2\n"
    assert invoke(counter, "Counter.increment", "key=a").stdout == "3\n"
    assert invoke(counter, "Counter.read", "a").stdout == "3\n"


def test_invoke_takes_a_key(counter):
    key = uuid4().hex
    first = invoke(counter, "Counter.increment", "b", "--key", key)
    again = invoke(counter, "Counter.increment", "b", "--key", key)
    assert first.stdout == again.stdout == "1\n"
    other = invoke(counter, "Counter.increment", "c", "--key", key)
    assert other.returncode == 2
    assert "belongs to another request" in other.stderr


def test_what_a_method_raises(bank):
    done = invoke(bank, "Bank.transfer", "north-00", "south-00", "99999")
    assert (done.returncode, done.stdout) == (1, "")
    assert "InsufficientFunds" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Counter"], "'Counter' is not a method: give Service.method"),
        (["Counter."], "is not a method"),
        (["Counter.inrement", "a"], "did you mean Counter.increment?"),
        (["Counter.increment"], "missing a required argument: 'key'"),
        (["Counter.increment", "5"], "str"),
        (["Counter.increment", "a", "key=b"], "in order or by name, not both"),
        (["Counter.increment", "a", "--key", ""], None),
        (["Counter.increment", "a", "--key", "x" * 2_000], "Idempotency-Key: must be 1 to"),
        (["Counter.increment", "a", "--key", "a\rb"], "--key 'a\\rb': must be printable ASCII"),
        (["Counter.increment", "a", "--key", "a\nHost: b"], "must be printable ASCII"),
        (["Counter.increment", "a", "--key", "\x7f"], "must be printable ASCII"),
        (["Counter.increment", "[red]x[/]"], None),
    ],
)
def test_a_call_that_cannot_be_made(counter, words, told):
    done = invoke(counter, *words)
    assert done.returncode == (2 if told else 0)
    assert (told or "") in done.stderr
    assert len(done.stderr.splitlines()) == (1 if told else 0)
    assert "Traceback" not in done.stderr


def test_the_gateway_dies_in_the_middle(counter):
    """Asked again under the same key, all by itself."""
    gateway = counter.nodes()["gateway-0"]
    os.kill(gateway, signal.SIGSTOP)
    done = []
    asking = threading.Thread(
        target=lambda: done.append(invoke(counter, "Counter.increment", "middle"))
    )
    asking.start()
    until(lambda: unread(counter.port), "its question to the one that does not answer")
    os.kill(gateway, signal.SIGKILL)
    asking.join()
    assert (done[0].returncode, done[0].stdout) == (0, "1\n"), done
    assert invoke(counter, "Counter.read", "middle").stdout == "1\n"


def test_nothing_is_up(tmp_path):
    up = Up("apps/counter", tmp_path / "data")
    up.signal(signal.SIGTERM)
    up.wait()
    done = invoke(up, "Counter.increment", "a")
    assert done.returncode == 2
    assert "the application is not up: `python -m backends.local up` starts it" in done.stderr
    up.end()


# --- which folder


@pytest.mark.parametrize("words", [["status"], ["gc"], ["invoke", "A.b"]])
def test_no_data_at_all(tmp_path, words):
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "start one with `python -m backends.local up APP`" in done.stderr
    done = command(*words, "--data", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path}: holds no application's data" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_only_folder_is_found(tmp_path, counter):
    (tmp_path / ".mu2sls").mkdir()
    (tmp_path / ".mu2sls" / "counter").symlink_to(counter.data)
    done = command("invoke", "Counter.increment", "found", cwd=tmp_path)
    assert done.stdout == "1\n"
    (tmp_path / ".mu2sls" / "other").mkdir()
    (tmp_path / ".mu2sls" / "other" / "store.db").touch()
    done = command("invoke", "Counter.increment", "found", cwd=tmp_path)
    assert done.stdout == "2\n"  # the only one that is up


# --- status


def test_status_of_what_runs(counter):
    counter.call("Counter.increment", "status")
    done = command("status", "--data", counter.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"counter is up at {counter.url} for 0:0" in done.stdout
    for name, pid in counter.nodes().items():
        assert any(line.split()[:2] == [name, str(pid)] for line in done.stdout.splitlines())
    assert "set aside 0 requests" in done.stdout


def test_status_of_a_folder_that_is_not_up(tmp_path):
    up = Up("apps/counter", tmp_path / "data")
    up.call("Counter.increment", "a")
    up.signal(signal.SIGTERM)
    up.wait()
    done = command("status", "--data", up.data)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{up.data}: not up" in done.stdout
    assert "data      1 keys" in done.stdout
    assert "journal   1 records" in done.stdout


def test_status_counts_restarts(counter):
    before = counter.nodes()["upkeep-0"]
    counter.kill("upkeep-0")
    until(lambda: counter.nodes().get("upkeep-0", before) != before, "another upkeep-0")
    line = next(
        line
        for line in command("status", "--data", counter.data).stdout.splitlines()
        if line.startswith("upkeep-0")
    )
    assert line.split()[3] == "1"


# --- gc


def forgotten(text):
    """What `gc` says that it forgot: requests and keys."""
    if "nothing was old enough" in text:
        return 0, 0
    found = re.search(
        r"^forgot ([\d,]+) finished requests?: ([\d,]+) keys? of the store$", text, re.M
    )
    return tuple(int(number.replace(",", "")) for number in found.groups())


def given_back(text):
    """What `gc` says that it gave back, and the sizes before and after, in MB."""
    found = re.search(r"^gave back ([\d.]+) MB: ([\d.]+) MB before, ([\d.]+) MB now$", text, re.M)
    return tuple(float(number) for number in found.groups())


def test_gc_forgets_and_gives_back(tmp_path):
    up = Up("apps/counter", tmp_path / "data")
    for number in range(150):
        up.call("Counter.increment", "a", key=f"{number} {'k' * 240}")
    while_up = command("gc", "--older-than", "1s", "--data", up.data)
    assert while_up.returncode == 0
    assert "the application is up" in while_up.stdout
    assert up.call("Counter.increment", "a", key=f"0 {'k' * 240}").status in (200, 410)
    up.call("Counter.increment", "a", key="the last")
    count = up.call("Counter.read", "a").value
    up.signal(signal.SIGTERM)
    up.wait()
    before = (up.data / "store.db").stat().st_size
    whole = sum(path.stat().st_size for path in up.data.glob("store.db*")) / 1e6
    finished = time.time()
    until(lambda: time.time() > finished + 1, "a second, after which all of it is old enough")
    done = command("gc", "--older-than", "1s", "--data", up.data)
    assert (done.returncode, done.stderr) == (0, "")
    earlier, last = forgotten(while_up.stdout), forgotten(done.stdout)
    assert last[0] >= 1
    assert earlier[0] + last[0] == count  # each increment is one request
    assert earlier[1] + last[1] == 3 * count  # a journal record, and its client's key both ways
    given, was, now = given_back(done.stdout)
    assert was == pytest.approx(whole, abs=0.006)
    assert now == pytest.approx((up.data / "store.db").stat().st_size / 1e6, abs=0.006)
    assert given == pytest.approx(was - now, abs=0.011)
    assert "the application is up" not in done.stdout
    assert (up.data / "store.db").stat().st_size < before / 2
    shown = command("status", "--data", up.data).stdout
    assert "journal   0 records" in shown
    assert "forgotten what began before" in shown
    again = Up("apps/counter", up.data)
    assert again.call("Counter.read", "a").value == count
    assert again.call("Counter.increment", "a").value == count + 1
    again.end()


def test_gc_without_anything_to_forget(tmp_path):
    up = Up("apps/counter", tmp_path / "data")
    up.call("Counter.increment", "a", key="kept")
    up.signal(signal.SIGTERM)
    up.wait()
    done = command("gc", "--data", up.data)
    assert done.returncode == 0
    assert forgotten(done.stdout) == (0, 0)
    assert given_back(done.stdout)
    again = Up("apps/counter", up.data)
    assert again.call("Counter.increment", "a", key="kept").value == 1
    again.end()


# --- data in a cluster


@pytest.fixture
def in_cluster(tmp_path):
    """The folder of an application whose data are elsewhere, up as long as a lock is held."""
    folder = Folder(tmp_path / ".mu2sls" / "counter")
    node = RunningNode("gateway-0", os.getpid(), time.time())
    state = Running(
        "counter", "apps/counter", os.getpid(), "http://127.0.0.1:9", "fdb", "double",
        time.time(), {}, [node],
    )  # fmt: skip
    folder.claim()
    folder.remember(Fdb("counter", str(tmp_path / "none")))
    folder.publish(state)
    yield folder
    if folder._lock is not None:
        os.close(folder._lock)


def test_what_is_up_with_its_data_in_a_cluster(tmp_path, in_cluster):
    for which in ([], ["--data", in_cluster.path]):
        done = command("status", *which, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "the namespace 'counter' of the FoundationDB cluster: `fdbcli" in done.stdout
        assert "set aside cannot be asked: FoundationDB" in done.stdout
        done = command("gc", *which, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "FoundationDB" in done.stderr  # which is asked, and is not here
        done = command("invoke", "Counter.increment", "a", *which, cwd=tmp_path)
        assert done.returncode == 2
        assert "http://127.0.0.1:9 cannot be reached" in done.stderr
    assert not in_cluster.store.exists()


def test_what_was_up_with_its_data_in_a_cluster(tmp_path, in_cluster):
    os.close(in_cluster._lock)
    in_cluster._lock = None
    done = command("status", "--data", in_cluster.path, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "not up" in done.stdout
    assert "the namespace 'counter' of the FoundationDB cluster" in done.stdout
    done = command("gc", "--data", in_cluster.path, cwd=tmp_path)
    assert done.returncode == 2
    assert "FoundationDB" in done.stderr
    assert not in_cluster.store.exists()


# --- what is known after several tries


BROKEN = Broken("cut off")
AWAY = Unreachable("nobody there")
ONE = (200, {"content-type": "application/json"}, b"1")
FULL = (503, {"content-type": "application/problem+json"}, b'{"outcome": "definite"}')


@pytest.mark.parametrize(
    ("answers", "expected"),
    [([BROKEN, AWAY], 3), ([BROKEN, FULL], 3), ([FULL], 2), ([AWAY], 2), ([BROKEN, ONE], 0)],
)
def test_who_was_perhaps_heard_once_is_told_the_key(
    answers, expected, in_cluster, monkeypatch, capsys
):
    answers, seconds = list(answers), 0.3 if expected else patience()

    class Script:
        async def request(self, *_):
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def close(self):
            pass

    monkeypatch.setattr(invoke_module, "Client", lambda host: Script())
    monkeypatch.setattr(ask, "Settings", lambda: Settings(request_timeout=seconds))
    assert ask.invoke(in_cluster.path, "A.b", [], "my-key") == expected
    assert ("ask again with --key my-key" in capsys.readouterr().err) == (expected == 3)
