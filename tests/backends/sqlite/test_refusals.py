"""What cannot be started is told in one line with the remedy, and nothing is left running."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from backends.runtime.invoke import new_key
from backends.sqlite.database import SCHEMA_VERSION
from core.store import WINDOW_SECONDS
from tests.backends.local.running import COMMAND, ROOT, Up, command, environment, session
from tests.patience import alarm, patience, until

pytestmark = pytest.mark.real

BROKEN = """from compiler import service


@service
class Broken:
    def run(self) -> int:
        return (
"""


def refused(*words, cwd=ROOT, lines=1, **others):
    """What ``up`` says when it does not start: exit status 2 and so many lines."""
    done = command("up", *words, cwd=cwd, **others)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    told = done.stderr.strip().splitlines()
    assert len(told) <= lines, done.stderr
    assert told[0].startswith("error: ")
    return done.stderr


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    path = tmp_path_factory.mktemp("used") / "data"
    up = Up("apps/counter", path)
    up.call("Counter.increment", "a")
    up.end()
    return path


@pytest.fixture
def data(tmp_path, used):
    """The data folder of a counter that was up before, and killed."""
    return shutil.copytree(used, tmp_path / "data")


# --- ports


def test_a_busy_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        told = refused("apps/counter", "--data", tmp_path / "data", "--port", port)
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use" in told
    assert "--port 0" in told
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
def test_a_port_of_roots(tmp_path):
    told = refused("apps/counter", "--data", tmp_path / "data", "--port", 1)
    assert "port 1 of 127.0.0.1 cannot be used" in told


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--port", "70000", "'70000' is not a port: give 0 to 65535"),
        ("--port", "-1", "'-1' is not a port"),
        ("--port", "http", "'http' is not a port"),
        ("--workers", "0", "'0': give a number from 1 to 256"),
        ("--workers", "257", "'257': give a number from 1 to 256"),
        ("--workers", "Counter=", "give a number from 1 to 256"),
        ("--retention", "0s", "'0s' is not a time"),
        ("--retention", "soon", "'soon' is not a time"),
        ("--retention", "9" * 400 + "d", "is not a time"),
        ("--retention", "1e999s", "'1e999s' is not a time"),
        ("--retention", "inf", "'inf' is not a time"),
        ("--synchronous", "perhaps", "invalid choice: 'perhaps'"),
    ],
)
def test_an_option_that_makes_no_sense(tmp_path, option, value, told):
    done = command("up", "apps/counter", "--data", tmp_path / "data", f"{option}={value}")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


# --- applications


def test_an_application_that_is_not_there(tmp_path):
    told = refused("apps/nowhere", "--port", 0, "--data", tmp_path / "data")
    assert "apps/nowhere" in told
    assert not (tmp_path / "data").exists()


def test_an_application_that_does_not_compile(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    told = refused(tmp_path / "broken.py", "--port", 0, "--data", tmp_path / "data", lines=20)
    assert "broken.py:7" in told
    assert not (tmp_path / "data").exists()


def test_a_service_that_is_not_there(tmp_path):
    told = refused(
        "apps/hotel", "--port", 0, "--data", tmp_path / "data", "--workers", "Hotels=2"
    )  # fmt: skip
    assert "there is no service Hotels: --workers takes one of Hotel, Flight, Order" in told


def test_another_applications_data(data):
    told = refused("apps/hotel", "--port", 0, "--data", data)
    assert "was set up for the application 'counter', not 'hotel'" in told


# --- one folder, one application


def test_two_on_one_folder(tmp_path):
    first = Up("apps/counter", tmp_path / "data")
    try:
        told = refused("apps/counter", "--port", 0, "--data", tmp_path / "data")
        assert f"(process {first.pid}, {first.url})" in told
        assert "--data" in told
        assert first.call("Counter.increment", "a").value == 1
    finally:
        first.end()


def test_a_process_id_that_is_used_again(data):
    """After a crash of the machine the file names a process that is somebody else's by now."""
    up = Up("apps/counter", data)
    up.end()
    state = (data / "up.json").read_bytes()
    (data / "up.json").write_bytes(state.replace(str(up.pid).encode(), str(os.getpid()).encode()))
    shown = command("status", "--data", data)
    assert (shown.returncode, "not up" in shown.stdout) == (1, True)
    again = Up("apps/counter", data)
    assert again.call("Counter.read", "a").value == 1
    again.end()


# --- files


def test_a_data_folder_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    for place in (path, path / "below"):
        told = refused("apps/counter", "--port", 0, "--data", place)
        assert f"{place}: " in told
        assert "--data" in told
    assert path.read_text() == "kept"


def test_a_data_folder_that_cannot_be_written(tmp_path):
    if os.geteuid() == 0:
        place = "/sys/kernel/mu2sls"
    else:
        tmp_path.chmod(0o500)
        place = tmp_path / "data"
    told = refused("apps/counter", "--port", 0, "--data", place)
    assert "cannot be written" in told
    assert "--data" in told


def test_a_file_that_is_no_database(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    content = b"these are my notes" * 1_000
    (data / "store.db").write_bytes(content)
    told = refused("apps/counter", "--port", 0, "--data", data)
    assert "is not a SQLite database" in told
    assert (data / "store.db").read_bytes() == content


def test_another_programs_database(tmp_path):
    (tmp_path / "data").mkdir()
    other = sqlite3.connect(tmp_path / "data" / "store.db")
    other.execute("CREATE TABLE songs (title)")
    other.commit()
    other.close()
    told = refused("apps/counter", "--port", 0, "--data", tmp_path / "data")
    assert "is another program's SQLite database" in told


def test_a_newer_releases_database(data):
    newer = sqlite3.connect(data / "store.db")
    newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.close()
    assert "upgrade mu2sls" in refused("apps/counter", "--port", 0, "--data", data)


def test_a_damaged_database(data):
    damaged = sqlite3.connect(data / "store.db", isolation_level=None)
    damaged.execute("DROP TABLE meta")
    damaged.close()
    told = refused("apps/counter", "--port", 0, "--data", data)
    assert "is damaged" in told
    assert ".recover" in told


@pytest.mark.parametrize("fresh", [False, True])
def test_a_locked_database(data, fresh):
    if fresh:
        for path in [*data.glob("store.db*"), data / "wire.key"]:
            path.unlink()
    locker = sqlite3.connect(data / "store.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    if fresh:
        locker.execute("CREATE TABLE t (x)")
    told = refused("apps/counter", "--port", 0, "--data", data)
    assert "is locked by another process" in told
    assert "fuser" in told
    locker.close()


# --- the wire's key


def test_a_short_key(tmp_path):
    told = refused(
        "apps/counter", "--port", 0, "--data", tmp_path / "data", MU2SLS_WIRE_KEY="secret"
    )
    assert "MU2SLS_WIRE_KEY: the wire key has 6 bytes: give at least 16" in told
    assert "secret" not in told


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_key_file_that_was_cut_off(data, content):
    (data / "wire.key").write_bytes(content)
    told = refused("apps/counter", "--port", 0, "--data", data)
    assert f"{data / 'wire.key'}: the wire key has {len(content)} bytes: remove it" in told


def test_a_key_file_that_cannot_be_read(data):
    (data / "wire.key").unlink()
    (data / "wire.key").mkdir()
    assert "wire.key" in refused("apps/counter", "--port", 0, "--data", data)


def test_a_key_from_the_environment_of_any_bytes(tmp_path):
    up = Up("apps/counter", tmp_path / "data", env={"MU2SLS_WIRE_KEY": "\udcff\udcfe" * 10})
    assert up.call("Counter.increment", "a").value == 1
    assert not (tmp_path / "data" / "wire.key").exists()
    up.end()


def test_the_key_file_is_its_owners_alone(data):
    assert (data / "wire.key").stat().st_mode & 0o077 == 0


# --- full disks


def limited(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_files_that_may_not_grow(tmp_path):
    done = subprocess.run(
        [*COMMAND, "up", "apps/hotel", "--port", "0", "--data", str(tmp_path / "data")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
        timeout=patience(), preexec_fn=limited(6_000),
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "data") in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, full but for as much as a test leaves."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_disk_that_is_full_from_the_start(small_disk):
    fill(small_disk / "ballast")
    told = refused("apps/hotel", "--port", 0, "--data", small_disk / "data")
    assert "No space left" in told or "disk is full" in told
    (small_disk / "ballast").unlink()
    up = Up("apps/hotel", small_disk / "data")
    assert up.call("Hotel.free", "hotel-01").value == 10
    up.end()


TOO_OLD = WINDOW_SECONDS + 1.0
"""Seconds after which a version can certainly not be used any more: longer does no harm."""
FULL = "cannot grow, the disk is full: make room on its disk; nothing in it is lost"


def test_a_disk_that_is_full_when_it_goes_on(small_disk):
    """The versions have grown old meanwhile, which is not what is wrong."""
    up = Up("apps/counter", small_disk / "data")
    up.call("Counter.increment", "a")
    up.end()
    fill(small_disk / "ballast")
    time.sleep(TOO_OLD)
    assert FULL in refused("apps/counter", "--port", 0, "--data", small_disk / "data")
    (small_disk / "ballast").unlink()
    up = Up("apps/counter", small_disk / "data")
    assert up.call("Counter.read", "a").value == 1
    up.end()


def increment(up, key):
    return up.once("Counter.increment", "a", key=key, seconds=1.5)


def tells_of_it(done):
    """Whether a call is told that the disk is full, which says nothing of what became of it."""
    if FULL not in done.text:
        return False
    assert (done.status, done.outcome) == (504, "indefinite")
    return True


def test_a_disk_that_runs_full(small_disk):
    up = Up("apps/counter", small_disk / "data")
    try:
        fill(small_disk / "ballast")
        acknowledged, began = 0, time.monotonic()
        while not tells_of_it(done := increment(up, f"{acknowledged} {'x' * 200}")):
            acknowledged += done.status == 200
            alarm(began, "a disk that is full")
        until(lambda: FULL in up.output(), "what is told of the disk")
        time.sleep(TOO_OLD)
        assert up.once("Counter.read", "a").value == acknowledged
        for key in ("a key of its own", new_key()):
            until(lambda key=key: tells_of_it(increment(up, key)), "what is told of the disk")
        status, _, body = up.request("GET", "/readyz")
        assert (status, FULL in body.decode()) == (503, True)
        fill(small_disk / "ballast of the rest")
        killed = up.kill("Counter-0")
        until(lambda: "`status` will not know of it" in up.output(), "what is told of the node")
        assert up.nodes()["Counter-0"] == killed
        for each in small_disk.glob("ballast*"):
            each.unlink()
        until(lambda: up.nodes()["Counter-0"] != killed, "another node, which `status` knows")
        again = up.call("Counter.increment", "a", key=f"{acknowledged} {'x' * 200}")
        assert (again.status, again.value) == (200, acknowledged + 1)
        assert up.call("Counter.read", "a").value == acknowledged + 1
        assert "Traceback" not in up.output()
        up.signal(signal.SIGTERM)
        assert up.wait() == 0
    finally:
        up.end()


def test_nothing_is_left_of_what_was_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "store.db").write_bytes(b"these are my notes" * 1_000)
    leader = subprocess.Popen(
        [*COMMAND, "up", "apps/counter", "--port", "0", "--data", str(tmp_path / "data")],
        cwd=ROOT, env=environment(), stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert b"is not a SQLite database" in leader.communicate(timeout=patience())[1]
    assert leader.returncode == 2
    assert session(leader.pid) == []
