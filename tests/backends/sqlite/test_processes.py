"""Several processes and tasks on one file: nothing is lost, nothing half-done."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backends.sqlite.store import SqliteStore
from tests.backends.sqlite.hammer import increment
from tests.backends.sqlite.subject import Opened

ROOT = Path(__file__).parents[3]


def hammer(path, name, count, tasks=1):
    numbers = [str(count), str(tasks)]
    command = [sys.executable, "-m", "tests.backends.sqlite.hammer", str(path), name, *numbers]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def counters(path):
    """The shared counter and each process's own; the log must tell the same story."""
    store = Opened(path)
    content = dict(store.get_range(b"", b"\xff", store.read_version()))
    log = store.log()
    store.close()
    numbers = {key.decode(): int.from_bytes(value, "little") for key, value in content.items()}
    shared = numbers.pop("shared")
    entries = [entry.split(b" ") for _, entry in log]
    assert [int(value) for value, *_ in entries] == list(range(1, shared + 1))
    logged = [f"own/{name.decode()}" for _, name, _ in entries]
    assert {name: logged.count(name) for name in set(logged)} == numbers
    assert len({version for version, _ in log}) == shared
    return shared, numbers


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


@pytest.mark.parametrize(("stop", "tasks"), [(1, 1), (37, 1), (20, 8)])
def test_killed_processes_lose_nothing_acknowledged(tmp_path, stop, tasks):
    path = tmp_path / "store.db"
    survivors = [hammer(path, f"survivor{number}", 200) for number in range(2)]
    acknowledged = {}
    for number in range(3):
        victim = hammer(path, f"victim{number}", 1_000_000, tasks)
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
        more = tasks if name in acknowledged else 0  # in flight when it was killed
        assert 0 <= count - acknowledged.get(name, 200) <= more
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


def test_tasks_lose_no_increment(tmp_path):
    async def play():
        store = SqliteStore(tmp_path / "store.db")
        other = SqliteStore(tmp_path / "store.db")

        async def client(number):
            for _ in range(40):
                await increment(other if number % 4 == 0 else store, b"%d" % number)

        await asyncio.gather(*map(client, range(8)))
        await store.close()
        await other.close()

    asyncio.run(play())
    assert counters(tmp_path / "store.db") == (320, {f"own/{number}": 40 for number in range(8)})


def test_a_new_store_opened_by_many_at_once(tmp_path):
    for attempt in range(10):
        path = tmp_path / f"{attempt}.db"
        barrier = threading.Barrier(6)
        failures = []

        def client(number, path=path, barrier=barrier, failures=failures):
            barrier.wait()
            try:
                store = Opened(path, "off")
                store.run(increment(store.store, b"%d" % number))
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


def test_a_store_carried_across_a_fork_is_refused(tmp_path):
    store = Opened(tmp_path / "store.db")
    version = store.read_version()
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # only what raises, and nothing of pytest's
        said = []
        for ask in (
            lambda: store.store.read_version(),
            lambda: store.store.read(version, (b"a",)),
            lambda: store.store.commit(version, (), ()),
            lambda: store.store.log(),
            lambda: store.store.close(),
        ):
            try:
                ask().send(None)
            except RuntimeError as error:
                said.append(str(error))
            except BaseException as error:
                said.append(repr(error))
        os.write(writing, "\n".join(said).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        said = pipe.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    assert said == 5 * [
        f"store {tmp_path}/store.db was opened in process {parent} and is used in {child}: "
        "a process opens the store for itself, after it was forked"
    ]
    assert store.get(b"a", store.read_version()) is None  # and the parent's is as it was
    store.close()
