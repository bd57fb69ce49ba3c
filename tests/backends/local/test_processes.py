"""Several processes and threads on one file: nothing is lost, nothing half-done."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backends.local.sqlite import SqliteStore
from tests.backends.local.hammer import increment

ROOT = Path(__file__).parents[3]


def hammer(path, name, count):
    command = [sys.executable, "-m", "tests.backends.local.hammer", str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def counters(path):
    store = SqliteStore(path)
    content = dict(store.get_range(b"", b"\xff", store.read_version()))
    store.close()
    numbers = {key.decode(): int.from_bytes(value, "little") for key, value in content.items()}
    return numbers.pop("shared"), numbers


def test_processes_lose_no_increment(tmp_path):
    path = tmp_path / "store.db"
    processes = [hammer(path, str(number), 150) for number in range(4)]
    versions = [list(map(int, process.communicate()[0].split())) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert all(seen == sorted(seen) and len(seen) == 150 for seen in versions)
    assert len({version for seen in versions for version in seen}) == 600
    shared, own = counters(path)
    assert shared == 600
    assert own == {f"own/{number}": 150 for number in range(4)}


@pytest.mark.parametrize("stop", [1, 37])
def test_killed_processes_lose_nothing_acknowledged(tmp_path, stop):
    path = tmp_path / "store.db"
    survivors = [hammer(path, f"survivor{number}", 200) for number in range(2)]
    acknowledged = {}
    for number in range(3):
        victim = hammer(path, f"victim{number}", 1_000_000)
        lines = [victim.stdout.readline() for _ in range(stop + 7 * number)]
        os.kill(victim.pid, signal.SIGKILL)
        rest = victim.stdout.read().splitlines()
        victim.stdout.close()
        assert victim.wait() == -signal.SIGKILL
        acknowledged[f"own/victim{number}"] = len(lines) + len(rest)
    for process in survivors:
        assert len(process.communicate()[0].splitlines()) == 200
        assert process.returncode == 0
    shared, own = counters(path)
    assert shared == sum(own.values())
    for name, count in own.items():
        assert count - acknowledged.get(name, 200) in ((0, 1) if name in acknowledged else (0,))
    assert set(own) >= set(acknowledged)


def test_a_process_killed_while_alone_leaves_a_store_that_opens(tmp_path):
    """Nobody else keeps the log's index: the next one recovers it."""
    path = tmp_path / "store.db"
    victim = hammer(path, "victim", 1_000_000)
    acknowledged = len([victim.stdout.readline() for _ in range(50)])
    os.kill(victim.pid, signal.SIGKILL)
    acknowledged += len(victim.stdout.read().splitlines())
    victim.stdout.close()
    victim.wait()
    shared, own = counters(path)
    assert own == {"own/victim": shared}
    assert shared - acknowledged in (0, 1)


def test_threads_lose_no_increment(tmp_path):
    store = SqliteStore(tmp_path / "store.db")
    other = SqliteStore(tmp_path / "store.db")

    def client(number):
        for _ in range(40):
            increment(other if number % 4 == 0 else store, b"%d" % number)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    other.close()
    assert counters(tmp_path / "store.db") == (320, {f"own/{number}": 40 for number in range(8)})


def test_a_new_store_opened_by_many_at_once(tmp_path):
    for attempt in range(10):
        path = tmp_path / f"{attempt}.db"
        barrier = threading.Barrier(6)
        failures = []

        def client(number, path=path, barrier=barrier, failures=failures):
            barrier.wait()
            try:
                store = SqliteStore(path, "off")
                increment(store, b"%d" % number)
                store.close()
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert counters(path)[0] == 6
