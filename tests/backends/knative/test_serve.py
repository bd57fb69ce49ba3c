"""The process in the image, run as it is there, on SQLite: from start to drain."""

import asyncio
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys

import pytest

from backends.knative import serve as serving
from backends.knative.environment import read_environment
from backends.runtime import snapshot
from backends.sqlite.store import SqliteStore
from compiler.application import load
from core.errors import StoreUnavailable
from tests import patience
from tests.backends.knative.manifests import ROOT

KEY = "0123456789abcdef0123456789abcdef"


PORTS = random.SystemRandom()


def free_ports(number):
    """Ports below those that the kernel gives away, so that nobody is given one meanwhile."""
    held = []
    while len(held) < number:
        with contextlib.suppress(OSError):
            held.append(socket.create_server(("127.0.0.1", PORTS.randrange(10_000, 30_000))))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def environment(tmp_path, service, port, **changes):
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MU2SLS_SERVICE": service,
        "MU2SLS_APP": str(ROOT / "apps" / "counter"),
        "MU2SLS_WIRE_KEY": KEY,
        "MU2SLS_STORE": f"sqlite:///{tmp_path}/store.db",
        "MU2SLS_ADDRESSES": json.dumps({"Counter": f"http://127.0.0.1:{port}"}),
        "PORT": str(port),
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def start(environ):
    return subprocess.Popen(
        [sys.executable, "-m", "backends.knative.serve"],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running(environ):
    process = start(environ)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(port, path, body=None):
    """Status and body, or (None, reason) when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience.patience())
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except OSError as error:
        return None, str(error)
    finally:
        connection.close()


def until(port, path, status, says=""):
    """Wait for an answer: what it says."""
    found = None, ""

    def is_said():
        nonlocal found
        found = ask(port, path)
        return found[0] == status and says in found[1]

    patience.until(is_said, lambda: f"{path} to answer {status} {says}; it answers {found}")
    return found[1]


def ended(process):
    """Exit status and log of a process that ends by itself."""
    _, log = process.communicate(timeout=patience.patience())
    return process.returncode, [json.loads(line) for line in log.splitlines()]


def test_a_service_the_gateway_and_upkeep_live_and_end(tmp_path):
    worker_port, gateway_port, upkeep_port = free_ports(3)
    addresses = json.dumps({"Counter": f"http://127.0.0.1:{worker_port}"})
    parts = {"Counter": worker_port, "gateway": gateway_port, "upkeep": upkeep_port}
    environs = [
        environment(tmp_path, part, port, MU2SLS_ADDRESSES=addresses)
        for part, port in parts.items()
    ]
    with (
        running(environs[0]) as worker,
        running(environs[1]) as gateway,
        running(environs[2]) as upkeep,
    ):
        for port in parts.values():
            until(port, "/readyz", 200, "ready")
            assert ask(port, "/healthz")[0] == 200
        status, answer = ask(gateway_port, "/Counter/increment", '["a"]')
        assert status == 200, answer
        assert ask(gateway_port, "/Counter/read", '["a"]') == (200, "1")
        for process in (gateway, worker, upkeep):
            process.send_signal(signal.SIGTERM)
        for process, part in ((gateway, "gateway"), (worker, "Counter"), (upkeep, "upkeep")):
            status, log = ended(process)
            assert status == 0
            assert {line["part"] for line in log} == {part}
            assert log[-1]["message"] == f"{part} has ended"


CLOCK = """
from compiler import *

@service
class Clock:
    def __init__(self):
        self.ticks: Persistent[int] = 0
        self.naps: Persistent[int] = 0

    @internal
    @every("1s")
    def tick(self) -> None:
        self.ticks += 1

    def doze(self) -> None:
        start(Clock.nap, after=1)

    @internal
    async def nap(self) -> None:
        await sleep(1)
        self.naps += 1

    def seen(self) -> str:
        return f"{self.ticks > 0} {self.naps}"
"""


def test_ticks_and_sleepers_wake_a_service_that_has_scaled_to_zero(tmp_path):
    """Upkeep knocks where the service was, and whoever keeps the door there starts it."""
    app = tmp_path / "clock.py"
    app.write_text(CLOCK)
    worker_port, gateway_port, upkeep_port = free_ports(3)
    addresses = json.dumps({"Clock": f"http://127.0.0.1:{worker_port}"})
    parts = {"Clock": worker_port, "gateway": gateway_port, "upkeep": upkeep_port}
    worker, gateway, upkeep = (
        environment(tmp_path, part, port, MU2SLS_APP=str(app), MU2SLS_ADDRESSES=addresses)
        for part, port in parts.items()
    )
    with running(gateway):
        with running(worker) as process:
            until(worker_port, "/readyz", 200)
            until(gateway_port, "/readyz", 200)
            assert ask(gateway_port, "/Clock/doze", "[]")[0] in (200, 204)
            process.send_signal(signal.SIGTERM)
            assert ended(process)[0] == 0
        with socket.create_server(("127.0.0.1", worker_port)) as door, running(upkeep):
            door.settimeout(patience.patience())
            knocking, _ = door.accept()
            knocking.close()
            door.close()
            with running(worker):

                def has_woken():
                    return ask(gateway_port, "/Clock/seen", "[]") == (200, '"True 1"')

                patience.until(has_woken, lambda: str(ask(gateway_port, "/Clock/seen", "[]")))


class Away:
    """A store that cannot be reached as long as ``reason`` says why."""

    def __init__(self, store):
        self._store = store
        self.reason = "the cluster is away"

    async def read_version(self):
        if self.reason:
            raise StoreUnavailable(self.reason)
        return await self._store.read_version()

    async def check(self):
        await self.read_version()

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def away(tmp_path, monkeypatch):
    store = Away(SqliteStore(str(tmp_path / "store.db")))
    monkeypatch.setattr(serving, "open_store", lambda environment, name: store)
    monkeypatch.setattr(snapshot, "_TRIES", 1)
    return store


def in_process(environ, play):
    """Serve in this process, while ``play`` asks from a thread and then ends it."""

    async def both():
        told = read_environment(environ)
        served = asyncio.create_task(serving.serve(load(told.app), told))
        try:
            return await asyncio.to_thread(play)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(served, patience.patience())

    return asyncio.run(both())


@pytest.mark.parametrize("part", ["Counter", "gateway", "upkeep"])
def test_a_store_that_is_away_is_waited_for_and_said(tmp_path, away, part):
    (port,) = free_ports(1)

    def play():
        until(port, "/healthz", 200)
        until(port, "/readyz", 503, "the cluster is away")
        assert ask(port, "/call", "x")[0] == 503
        away.reason = ""
        until(port, "/readyz", 200)
        assert ask(port, "/healthz")[0] == 200
        away.reason = "it is away again"
        until(port, "/readyz", 503, "it is away again")
        assert ask(port, "/healthz")[0] == 200

    in_process(environment(tmp_path, part, port), play)
    assert ask(port, "/healthz")[0] is None


def test_told_to_end_while_it_waits(tmp_path, away):
    (port,) = free_ports(1)
    in_process(environment(tmp_path, "Counter", port), lambda: until(port, "/readyz", 503))
    assert ask(port, "/healthz")[0] is None


def test_a_store_that_cannot_be_opened_is_one_line_and_status_2(tmp_path):
    (port,) = free_ports(1)
    process = start(environment(tmp_path, "Counter", port, MU2SLS_STORE="sqlite:////none/all.db"))
    status, log = ended(process)
    assert status == 2
    assert "/none/all.db" in log[-1]["message"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"MU2SLS_SERVICE": None}, "MU2SLS_SERVICE is not set"),
        ({"MU2SLS_SERVICE": "Motel"}, "give one of Counter, gateway, upkeep"),
        ({"MU2SLS_SERVICE": "gateway", "MU2SLS_ADDRESSES": "{}"}, "has none for Counter"),
        ({"MU2SLS_APP": "apps/none"}, "there is no application"),
        ({"PORT": "eighty"}, "PORT is 'eighty'"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(tmp_path, changes, says):
    status, log = ended(start(environment(tmp_path, "Counter", 8080, **changes)))
    assert status == 2
    (line,) = log
    assert says in line["message"]
    assert line["severity"] == "ERROR"
    assert "exception" not in line


def test_a_port_in_use_is_said(tmp_path):
    with socket.create_server(("", 0)) as held:
        port = held.getsockname()[1]
        status, log = ended(start(environment(tmp_path, "Counter", port)))
    assert status == 2
    assert f"PORT is {port}" in log[-1]["message"]


def test_another_application_s_store_is_refused(tmp_path):
    (port,) = free_ports(1)
    with running(environment(tmp_path, "Counter", port)) as process:
        until(port, "/readyz", 200)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    hotel = environment(tmp_path, "Order", port, MU2SLS_APP=str(ROOT / "apps" / "hotel"))
    status, log = ended(start(hotel))
    assert status == 2
    assert "was set up for the application 'counter'" in log[-1]["message"]
