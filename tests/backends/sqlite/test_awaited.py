"""The store among the tasks of an event loop: snapshots, rounds, cancellation, long reads."""

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager

import pytest

from backends.sqlite import store as module
from backends.sqlite.errors import LockedFile
from backends.sqlite.store import SqliteStore
from core.errors import StoreUnavailable, TooOld
from core.store import Atomic, Clear, Set, point
from tests.backends.sqlite.subject import Clock
from tests.patience import patience


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@asynccontextmanager
async def opened(path, **options):
    store = SqliteStore(path, **options)
    try:
        yield store
    finally:
        await store.close()


def play(scene, path, **options):
    async def run():
        async with opened(path, **options) as store:
            return await scene(store)

    return asyncio.run(run())


class Traced:
    """The statements of a connection of the store's."""

    def __init__(self, connection):
        self.statements = []
        connection.set_trace_callback(self.statements.append)

    def count(self, start):
        return sum(statement.startswith(start) for statement in self.statements)


async def committing(store):
    """A trace of the committer, whose connection the first commit makes."""
    await store.commit(await store.read_version(), (), [Set(b"first", b"")])
    return Traced(store._committer._connection)


# --- reads


def test_a_read_is_one_transaction_and_one_look_at_the_versions(path):
    async def scene(store):
        version = await store.commit(
            await store.read_version(), (), [Set(b"%d" % n, b"") for n in range(9)]
        )
        trace = Traced(store._reader._cursor.connection)
        ranges = ((b"0", b"4", 0), (b"4", b"9", 2), (b"x", b"y", 0))
        values, parts = await store.read(version, (b"1", b"x", b"2"), ranges)
        assert values == [b"", None, b""]
        assert [len(part) for part in parts] == [4, 2, 0]
        assert (trace.count("BEGIN"), trace.count("COMMIT")) == (1, 1)
        assert sum("meta" in statement for statement in trace.statements) == 1

    play(scene, path)


def test_no_thread_is_asked_for_a_short_read(path):
    async def scene(store):
        version = await store.read_version()
        before = threading.active_count()
        await store.read(version, [b"%d" % n for n in range(50)], ((b"", b"\xff", 0),))
        assert threading.active_count() == before

    play(scene, path)


@pytest.mark.parametrize(
    ("count", "size", "aside"),
    [(module._ROOM - 1, 10, False), (module._ROOM, 10, True), (30, 50_000, True)],
)
def test_a_long_read_is_made_aside(path, count, size, aside):
    pairs = [(b"%06d" % n, bytes(size)) for n in range(count)]

    async def scene(store):
        version = await store.commit(await store.read_version(), (), [Set(*pair) for pair in pairs])
        await store.commit(version, (), [Clear(pairs[0][0]), Set(b"later", b"")])
        calls = []
        read = store._long_reader.read
        store._long_reader.read = lambda *a: (calls.append(threading.current_thread()), read(*a))[1]
        _, parts = await store.read(version, (), ((b"", b"\xff", 0),))
        assert parts == [pairs]
        assert bool(calls) == aside
        assert threading.main_thread() not in calls
        _, parts = await store.read(version, (), ((b"", b"\xff", 5),))
        assert parts == [pairs[:5]]

    play(scene, path)


def test_many_keys_are_read_aside(path):
    async def scene(store):
        version = await store.commit(await store.read_version(), (), [Set(b"7", b"x")])
        values, _ = await store.read(version, [b"%d" % n for n in range(1_000)])
        assert values == [b"x" if n == 7 else None for n in range(1_000)]
        with pytest.raises(TooOld):
            await store.read(-1, [b"%d" % n for n in range(1_000)])

    play(scene, path)


def test_a_version_whose_past_is_gone_is_too_old(path):
    clock = Clock()

    async def scene(store):
        old = await store.commit(await store.read_version(), (), [Set(b"a", b"1")])
        for _ in range(3):
            await store.commit(await store.read_version(), (), [Set(b"a", b"2")])
            clock.time += 6.0
        await store.commit(await store.read_version(), (), [Set(b"b", b"")])
        for keys, ranges in (((b"a",), ()), ((), ((b"", b"\xff", 0),))):
            with pytest.raises(TooOld):
                await store.read(old, keys, ranges)
        values, _ = await store.read(await store.read_version(), (b"a",))
        assert values == [b"2"]

    play(scene, path, clock=clock)


# --- commits


def test_tasks_that_commit_at_once_share_sqlite_transactions(path):
    async def scene(store):
        trace = await committing(store)
        version = await store.read_version()
        commits = (store.commit(version, (), [Atomic("add", b"n", b"\x01")]) for _ in range(200))
        versions = await asyncio.gather(*commits)
        assert sorted(set(versions)) == sorted(versions)
        values, _ = await store.read(max(versions), (b"n",))
        assert values == [b"\xc8"]
        assert trace.count("BEGIN") == trace.count("COMMIT") <= 20

    play(scene, path)


def test_one_round_decides_conflicts_as_many_would(path):
    async def scene(store):
        version = await store.read_version()
        commits = (store.commit(version, [point(b"a")], [Set(b"a", b"")]) for _ in range(50))
        ends = await asyncio.gather(*commits, return_exceptions=True)
        assert sum(isinstance(end, int) for end in ends) == 1

    play(scene, path)


def test_a_cancelled_commit_goes_on(path):
    async def scene(store):
        version = await store.read_version()
        tasks = [
            asyncio.create_task(store.commit(version, (), [Set(b"%d" % n, b"")], b"%d" % n))
            for n in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [n % 2 == 0 for n in range(20)]
        await store.commit(version, (), ())  # comes after them
        values, _ = await store.read(await store.read_version(), [b"%d" % n for n in range(20)])
        assert values == [b""] * 20
        assert [entry for _, entry in await store.log()] == [b"%d" % n for n in range(20)]

    play(scene, path)


def test_closing_waits_for_what_is_queued(path):
    async def scene(store):
        version = await store.read_version()
        tasks = [
            asyncio.create_task(store.commit(version, (), [Set(b"%d" % n, b"")])) for n in range(30)
        ]
        await asyncio.sleep(0)
        await store.close()
        assert all(task.done() and task.result() for task in tasks)
        with pytest.raises(StoreUnavailable, match="has been closed: open another SqliteStore"):
            await store.read(version, (b"a",))
        async with opened(path) as again:
            values, _ = await again.read(await again.read_version(), [b"%d" % n for n in range(30)])
            assert values == [b""] * 30

    play(scene, path)


def test_the_loop_goes_on_while_another_process_holds_the_lock(path):
    async def scene(store):
        version = await store.commit(await store.read_version(), (), [Set(b"a", b"1")])
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        commit = asyncio.create_task(store.commit(version, (), [Set(b"a", b"2")]))
        for _ in range(50):
            values, _ = await store.read(version, (b"a",))
            assert values == [b"1"]
            await asyncio.sleep(0.001)
        assert not commit.done()
        holder.execute("COMMIT")
        holder.close()
        assert await commit > version

    play(scene, path, timeout=patience())


def test_a_lock_held_for_too_long_is_said_and_the_store_goes_on(path):
    async def scene(store):
        version = await store.read_version()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedFile, match="locked by another process"):
            await store.commit(version, (), [Set(b"a", b"1")], b"entry")
        holder.close()
        assert await store.log() == []
        assert await store.commit(version, (), [Set(b"a", b"2")]) > version

    play(scene, path, timeout=0.05)


def test_reads_go_on_while_nobody_can_write(path):
    """However long: the lock's holder stands still, so what was the latest stays it."""
    clock = Clock()

    async def scene(store):
        await store.commit(await store.read_version(), (), [Set(b"a", b"1")])
        older = await store.read_version()
        version = await store.commit(older, (), [Set(b"a", b"2")])
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        for seconds in (1.0, 60.0):
            clock.time += seconds
            assert await store.read_version() == version
            assert await store.read(version, (b"a",), ((b"", b"z", 5),)) == (
                [b"2"],
                [[(b"a", b"2")]],
            )
        with pytest.raises(TooOld):
            await store.read(older, (b"a",))
        holder.execute("ROLLBACK")
        holder.close()
        with pytest.raises(TooOld):
            await store.commit(version, (), [Set(b"a", b"3")])
        assert await store.read_version() > version
        with pytest.raises(TooOld):
            await store.read(version, (b"a",))

    play(scene, path, clock=clock)


def test_a_file_from_before_the_log_gets_one(path):
    """The table is made with the first entry, so nothing else about the file changes."""

    async def scene(store):
        await store.commit(await store.read_version(), (), [Set(b"a", b"1")])
        plain = sqlite3.connect(path)
        named = "SELECT count(*) FROM sqlite_schema WHERE name = 'log'"
        assert plain.execute(named).fetchone() == (0,)
        assert await store.log() == []
        async with opened(path) as other:
            await other.commit(await other.read_version(), (), (), b"one")
        await store.commit(await store.read_version(), (), (), b"two")
        assert plain.execute(named).fetchone() == (1,)
        plain.close()
        assert [entry for _, entry in await store.log()] == [b"one", b"two"]

    play(scene, path)
