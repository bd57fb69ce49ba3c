"""Requests that take their process down are set aside after some tries, and others are answered."""

import re
import resource
import signal
import threading

import pytest

from backends.runtime.invoke import new_key
from tests.backends.local.running import ROOT, Up, command
from tests.patience import until

pytestmark = pytest.mark.real

DEADLY = """
import os
import signal


def exits():
    os._exit(7)


def kills():
    signal.raise_signal(signal.SIGKILL)


def crashes():
    signal.raise_signal(signal.SIGSEGV)
"""
"""A library that does what methods may not."""

APP = """
import deadly

from compiler import Persistent, call, service, transaction


@service
class Counter:
    def __init__(self) -> None:
        self.values: Persistent[dict[str, int]] = {}

    def add(self, key: str) -> int:
        self.values[key] = self.values.get(key, 0) + 1
        return self.values[key]

    def look(self, key: str) -> int:
        return self.values.get(key, 0)

    def exits(self, key: str) -> int:
        self.values[key] = self.values.get(key, 0) + 1
        if BAD:
            deadly.exits()
        return 1

    def kills(self, key: str) -> int:
        if BAD:
            deadly.kills()
        return 1

    def crashes(self, key: str) -> int:
        if BAD:
            deadly.crashes()
        return 1

    def swallows(self, key: str) -> int:
        return len(b"x" * (1 << 40)) if BAD else 1

    def spins(self, key: str) -> int:
        while BAD:
            pass
        return 1


@service
class Front:
    def begins(self, method: str, key: str) -> int:
        call(Counter.add, key + "-begun")
        if method == "exits":
            return call(Counter.exits, key)
        return call(Counter.kills, key)

    def within(self, key: str) -> int:
        call(Counter.add, key + "-begun")
        with transaction():
            return call(Counter.exits, key)
"""


@pytest.fixture
def start(tmp_path):
    started = []

    def make(bad, *words, **options):
        for up in started:
            if up.process.poll() is None:
                up.signal(signal.SIGTERM)
                up.wait()
        (tmp_path / "poison.py").write_text(APP.replace("BAD", str(bad)))
        (tmp_path / "library").mkdir(exist_ok=True)
        (tmp_path / "library" / "deadly.py").write_text(DEADLY)
        env = {"PYTHONPATH": f"{tmp_path / 'library'}:{ROOT}"}
        started.append(Up(tmp_path / "poison.py", tmp_path / "data", *words, env=env, **options))
        return started[-1]

    yield make
    for up in started:
        up.end()


def restarts(up, name="Counter-0"):
    return next(n["restarts"] for n in up.state()["nodes"] if n["name"] == name)


def is_set_aside(told):
    return told.status == 500 and told.value["type"].endswith("set-aside")


def until_set_aside(up, *call, key):
    """What a client is told at last."""

    def asked():
        told = up.once(*call, key=key)
        return told if is_set_aside(told) else None

    return until(asked, "it is set aside")


def line_of(text):
    return APP.replace("BAD", "True").splitlines().index(text) + 1


POISON = {
    "Counter.exits": ("k",),
    "Counter.kills": ("k",),
    "Counter.crashes": ("k",),
    "Front.begins": ("exits", "k"),
    "Front.within": ("k",),
}


@pytest.mark.parametrize("method", POISON)
def test_it_is_set_aside_and_resumed_under_mended_code(start, method):
    up, key, args = start(True), new_key(), POISON[method]
    told = until_set_aside(up, method, *args, key=key)
    assert "took its process down 3 times" in told.value["detail"]
    assert f"{up.data.parent / 'poison.py'}:" in told.value["detail"]
    tries = restarts(up)
    assert tries == 3
    assert up.call("Counter.look", "k").value == 0
    assert is_set_aside(up.once(method, *args, key=key))
    assert restarts(up) == tries, "it is not tried again"
    status = command("status", "--data", up.data).stdout
    assert "set aside 1 request" in status
    assert f"  {method}  since" in status

    mended = start(False)
    assert "resumed" in command("resume", "--all", "--data", up.data).stdout
    until(lambda: mended.once(method, *args, key=key).answer == (200, "1"), "it is completed")
    if method.startswith("Front"):
        assert mended.call("Counter.look", "k-begun").value == 1, "what was done is not done again"


def test_it_is_counted_over_all_processes(start):
    """Three deaths in all, and one more of each that was there before the third."""
    workers = 4
    up, key = start(True, "--workers", str(workers)), new_key()
    told = until_set_aside(up, "Counter.kills", "k", key=key)
    asked = [up.once("Counter.kills", "k", key=key) for _ in range(4 * workers)]
    tries = sum(restarts(up, f"Counter-{number}") for number in range(workers))
    assert "took its process down" in told.value["detail"]
    assert 3 <= tries < 3 + workers
    assert is_set_aside(asked[-1])


def test_where_it_crashed_is_known(start):
    up = start(True)
    told = until_set_aside(up, "Counter.crashes", "k", key=new_key())
    line = line_of("            deadly.crashes()")
    assert f"poison.py:{line}: Counter.crashes took" in told.value["detail"]
    assert "Counter-0 ERROR the process before this one stood at" in up.output()


def test_others_are_answered_meanwhile_each_once(start):
    up, key = start(True), new_key()
    poisoned = threading.Thread(target=lambda: until_set_aside(up, "Counter.kills", "k", key=key))
    poisoned.start()
    count = 0
    while poisoned.is_alive():
        up.call("Counter.add", "others")
        count += 1
    poisoned.join()
    assert up.call("Counter.look", "others").value == count


def test_who_computes_for_ever_is_ended_and_set_aside(start):
    up, key = start(True, "--step-limit", "2s"), new_key()
    told = until_set_aside(up, "Counter.spins", "k", key=key)
    line = line_of("        while True:")
    assert re.search(rf"poison.py:({line}|{line + 1}): Counter.spins took", told.value["detail"])
    assert restarts(up) == 3
    assert up.call("Counter.add", "others").value == 1


def test_two_of_them_are_both_set_aside(start):
    up = start(True)
    keys = {"Counter.kills": new_key(), "Counter.exits": new_key()}

    def both_are():
        """Asked for in turns, so that each comes to processes that the other has taken down."""
        told = [up.once(method, "k", key=key) for method, key in keys.items()]
        return all(map(is_set_aside, told))

    until(both_are, "both are set aside")


def test_who_eats_all_memory_is_set_aside(start):
    limit = 4 << 30
    up = start(True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    told = until_set_aside(up, "Counter.swallows", "k", key=new_key())
    line = line_of('        return len(b"x" * (1 << 40)) if True else 1')
    assert f"poison.py:{line}: Counter.swallows took" in told.value["detail"]
    assert restarts(up) == 0


def test_kills_from_outside_set_nothing_aside(start):
    up = start(False)
    for number in range(12):
        pid = up.kill("Counter-0")
        assert up.call("Counter.add", "k").value == number + 1
        until(lambda pid=pid: up.nodes().get("Counter-0", pid) != pid, "it is started anew")
    assert "set aside 0 requests" in command("status", "--data", up.data).stdout


def test_what_took_nodes_down_is_forgotten_when_they_end_in_peace(start):
    up = start(True)
    until_set_aside(up, "Counter.exits", "k", key="e")
    assert list((up.data / "nodes").glob("*.deaths"))
    up.signal(signal.SIGTERM)
    up.wait()
    assert not (up.data / "nodes").exists()
