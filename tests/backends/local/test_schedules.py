"""Schedules for real: time asks, and a person has a word in it."""

import json

import pytest

from tests.backends.local.running import Up, command
from tests.patience import until

pytestmark = pytest.mark.real

CLINIC = """
from compiler import Persistent, cron, every, internal, service


@service
class Clock:
    def __init__(self) -> None:
        self.ticks: Persistent[int] = 0
        self.nights: Persistent[int] = 0

    @internal
    @every("1s")
    def tick(self) -> None:
        self.ticks += 1

    @cron("0 3 1 1 *", timezone="Europe/Berlin")
    def night(self) -> None:
        self.nights += 1
"""


def test_time_asks_for_what_has_a_schedule_and_for_what_is_triggered(tmp_path):
    (tmp_path / "clinic.py").write_text(CLINIC)
    up = Up(tmp_path / "clinic.py", tmp_path / "data")

    def told(*words):
        done = command(*words, "--data", up.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def count(field):
        return json.loads(told("dump", f"Clock.{field}").splitlines()[0])["value"]

    try:
        until(lambda: count("ticks") > 2, "it ticks")
        assert "Clock.night  cron 0 3 1 1 * Europe/Berlin  next 2" in told("schedules")
        assert told("schedules", "pause", "Clock.tick") == "paused Clock.tick\n"
        assert "Clock.tick  every 1s  paused" in told("schedules")
        assert count("nights") == 0
        told("schedules", "trigger", "Clock.night")
        until(lambda: count("nights") == 1, "it is triggered")
        for words in (("pause", "Clock.other"), ("pause",), ("end", "Clock.tick")):
            done = command("schedules", *words, "--data", up.data)
            assert (done.returncode, done.stdout) == (2, "")
            assert "Traceback" not in done.stderr
    finally:
        up.end()
