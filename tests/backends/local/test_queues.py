"""Queues for real: who waits is seen, outlives all processes, and has its turn, one at a time."""

import json
import os
import signal
from uuid import uuid4

import pytest

from tests.backends.local.running import Up, command, session
from tests.patience import until

pytestmark = pytest.mark.real

PRESS = """
from compiler import Persistent, queue, service, sleep


@service
class Press:
    def __init__(self) -> None:
        self.running: Persistent[dict[str, int]] = {}
        self.most: Persistent[dict[str, int]] = {}
        self.order: Persistent[list[int]] = []
        self.open: Persistent[bool] = False

    @queue(limit=1, per="press")
    async def print(self, press: str, job: int) -> int:
        self.running[press] = self.running.get(press, 0) + 1
        self.most[press] = max(self.most.get(press, 0), self.running[press])
        while not self.open:
            await sleep(0.3)
        self.running[press] -= 1
        self.order.append(job)
        return job

    def let(self) -> None:
        self.open = True

    def seen(self) -> list[object]:
        return [dict(self.most), list(self.order)]
"""


def test_one_at_a_time_whatever_is_killed_and_who_waits_is_seen(tmp_path):
    (tmp_path / "press.py").write_text(PRESS)
    up = Up(tmp_path / "press.py", tmp_path / "data")

    def told(*words):
        return command(*words, "--data", up.data).stdout

    def ask(job, press="a"):
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex,
                   "Prefer": "respond-async"}  # fmt: skip
        status, found, _ = up.request("POST", "/Press.print", json.dumps([press, job]), headers)
        assert status == 202
        return found["location"]

    def shown(link):
        status, _, body = up.request("GET", link)
        return status, json.loads(body)

    try:
        links = []
        for job in range(4):
            links.append(ask(job))
            where = f"in line   {job:,} requests for Press.print for press 'a', 1 are in"
            until(lambda where=where: where in told("status"), "its turn")
        ask(9, "b")
        status, found = shown(links[-1])
        assert status == 202
        assert (found["state"], found["line"]) == ("in-line", "3rd of Press.print for press 'a'")
        assert "in line, 1st of Press.print for press 'a'" in told("requests")
        for pid in session(up.process.pid):
            os.kill(pid, signal.SIGKILL)
        up.end()
        up = Up(tmp_path / "press.py", up.data)
        up.request("POST", "/Press.let", "[]", {"Content-Type": "application/json"})
        until(lambda: all(shown(link)[0] == 200 for link in links), "all have had their turn")
        assert [shown(link)[1] for link in links] == list(range(4))
        _, _, body = up.request("POST", "/Press.seen", "[]", {"Content-Type": "application/json"})
        most, order = json.loads(body)
        assert most == {"a": 1, "b": 1}
        assert [job for job in order if job != 9] == list(range(4))
        until(lambda: "in line" not in told("status"), "the lines are gone")
    finally:
        up.end()
