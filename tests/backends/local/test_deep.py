"""Services that call one another in a long row, and what is left when that takes too long."""

import contextlib
import os
import time

import pytest

from tests.backends.local.running import Up
from tests.patience import until

pytestmark = pytest.mark.real

APP = """
from compiler import call, service


@service
class Ping:
    def go(self, n: int) -> int:
        return 0 if n == 0 else 1 + call(Pong.go, n - 1)


@service
class Pong:
    def go(self, n: int) -> int:
        return 0 if n == 0 else 1 + call(Ping.go, n - 1)
"""
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def running(tmp_path):
    app = tmp_path / "pingpong.py"
    app.write_text(APP)
    up = Up(app, tmp_path / "data")
    yield up
    up.end()


def wants_to_run(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "R"
    return False


def used(running):
    """Processor seconds of all its processes."""
    total = 0
    for pid in running.members():
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def is_idle(running):
    """Whether they do next to nothing for a second, and not for want of a processor."""
    before = used(running)
    for _ in range(50):
        if any(map(wants_to_run, running.members())):
            return False
        time.sleep(0.02)
    return used(running) - before < 0.3


def test_a_long_row_of_calls_is_answered(running):
    """Longer than there are places for calls that are under way at a time."""
    assert running.call("Ping.go", 600).value == 600


def test_a_row_that_is_too_long_ends_with_the_patience_of_who_asked(running):
    """None of those far down the row may go on asking for nobody."""
    assert running.once("Ping.go", 900, seconds=2).status == 504
    until(lambda: is_idle(running), "quiet")
    assert running.call("Ping.go", 5).value == 5
