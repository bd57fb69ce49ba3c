"""Every call of the one module that touches the bindings, and what it makes of their errors."""

import asyncio
import gc
import os
import sys
import threading
import types

import pytest

from backends.fdb import FaultInjection, FdbStore, SetupError, bindings
from backends.fdb.bindings import connect, load
from backends.fdb.errors import FinalError
from core.errors import (
    Conflict,
    FutureVersion,
    StoreUnavailable,
    TooLarge,
    TooOld,
    Unknown,
)
from core.store import Atomic, Clear, ClearRange, KeyRange, Set, point
from tests.backends.fdb.clusters import plain, settings
from tests.backends.fdb.network import NETWORK, FDBError, Future
from tests.backends.fdb.standin import StandIn
from tests.backends.fdb.transaction import PAGE_BYTES
from tests.patience import patience

pytestmark = plain
NOBODYS = b"nobody"


@pytest.fixture
def fdb():
    return StandIn()


@pytest.fixture
def cluster(fdb):
    return connect(settings(), fdb)


def run(coroutine):
    return asyncio.run(coroutine)


def put(cluster, **pairs):
    mutations = [Set(key.encode(), value) for key, value in pairs.items()]
    return run(commit(cluster, (), mutations))


async def commit(cluster, reads, mutations, version=None):
    if version is None:
        version = await cluster.read_version()
    return await cluster.commit(version, reads, mutations, NOBODYS)


def content(fdb):
    return fdb.store.snapshot()


# --- what is missing


def test_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "fdb", None)
    with pytest.raises(SetupError, match=r"bindings do not load .*pip install 'mu2sls\[fdb\]'"):
        load()


def test_firebird_instead(monkeypatch):
    monkeypatch.setitem(sys.modules, "fdb", types.ModuleType("fdb"))
    with pytest.raises(SetupError, match=r"not FoundationDB's .*pip uninstall fdb"):
        load()


def test_the_package_is_loaded(monkeypatch, fdb):
    monkeypatch.setitem(sys.modules, "fdb", fdb)
    assert load() is fdb
    assert run(connect(settings()).read_version()) > 0


def test_no_native_library(fdb):
    fdb.supports = None
    with pytest.raises(SetupError, match=r"Unable to locate .*install the client package"):
        connect(settings(), fdb)


@pytest.mark.parametrize(
    ("prepare", "version", "message"),
    [
        ({"LATEST_API_VERSION": 710}, 730, "Latest known .*is 710.*install newer bindings"),
        ({"supports": 710}, 730, "The binding requires.*'foundationdb==7.3.*'"),
        ({"refused": (640,)}, 640, "not supported by the installed.*one that the client library"),
        ({"_version": 710}, 730, "already loaded at version 710.*set api_version to 710, or .*730"),
    ],
)
def test_api_versions_that_cannot_be_used(fdb, prepare, version, message):
    for name, value in prepare.items():
        setattr(fdb, name, value)
    with pytest.raises(SetupError, match=message):
        connect(settings(api_version=version), fdb)


@pytest.mark.parametrize("version", [630, 710, 730])
def test_api_versions_that_can(fdb, version):
    connect(settings(api_version=version), fdb)
    connect(settings("another", api_version=version), fdb)
    assert fdb._version == version


@pytest.mark.parametrize("at_open", [True, False])
@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 1515, "No cluster file found.* file .*/fdb.cluster .*; set FDB_CLUSTER_FILE"),
        ("nonsense", 2104, "invalid, for .*/fdb.cluster .*; a cluster file holds one line"),
    ],
)
def test_cluster_files(fdb, tmp_path, at_open, content, code, message):
    fdb.errors_at_open = at_open
    file = tmp_path / "fdb.cluster"
    if content:
        file.write_text(content)

    async def call():
        store = FdbStore.open(settings(cluster_file=str(file)), fdb)
        await store.check()

    with pytest.raises(SetupError, match=message) as caught:
        run(call())
    assert caught.value.code == code


def test_a_good_cluster_file(fdb, tmp_path):
    file = tmp_path / "fdb.cluster"
    file.write_text("test:abc@127.0.0.1:4500\n")
    run(FdbStore.open(settings(cluster_file=str(file)), fdb).check())


def test_an_unreachable_cluster(fdb):
    fdb.reachable = False
    store = FdbStore.open(settings(timeout=1.5), fdb)
    before = fdb.clock()
    with pytest.raises(SetupError, match=r"does not answer within 1\.5 s .*fdbcli.* --exec status"):
        run(store.check())
    assert fdb.clock() - before == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"application": ""}, "application is empty"),
        ({"api_version": 620}, "API version 620 is too old: 630"),
        ({"timeout": 0.0}, "too short"),
        ({"size_limit": 31}, "out of range: 32 to 10000000"),
        ({"size_limit": 10_000_001}, "out of range"),
    ],
)
def test_settings_that_cannot_work(change, message):
    with pytest.raises(SetupError, match=message):
        settings(**{"application": "test", **change})


def test_options_are_those_of_each_store(fdb):
    """The bindings give all of a process one database object: its options are left alone."""
    one, other = connect(settings(timeout=2.5, size_limit=1000), fdb), connect(settings(), fdb)
    states = spied(fdb)
    for cluster in (one, other):
        run(commit(cluster, [], [Set(b"a", b"")]))
    options = [(state.timeout, state.retry_limit, state.size_limit) for state in states]
    unused = 10_000_000
    assert options == [(2.5, 0, unused), (2.5, 0, 1000), (5.0, 0, unused), (5.0, 0, unused)]


# --- the calls


def test_read_version(fdb, cluster):
    committed = put(cluster, a=b"1")
    assert run(cluster.read_version()) >= committed


def test_read_at_a_travelling_version(cluster):
    first = put(cluster, a=b"1", b=b"1")
    put(cluster, a=b"2", c=b"2")
    read = cluster.read(first, [b"a", b"c"], [(b"a", b"z", 0), (b"a", b"z", 1)])
    assert run(read) == ([b"1", None], [[(b"a", b"1"), (b"b", b"1")], [(b"a", b"1")]])


def test_everything_is_asked_for_at_once(fdb, cluster):
    """A read of many keys and ranges has all of them in flight before the first answer."""
    version = put(cluster, a=b"1")
    asked = []
    do = NETWORK.do
    NETWORK.do = lambda job: (asked.append(job), do(job))

    async def read():
        with NETWORK.paused():
            task = asyncio.create_task(
                cluster.read(version, [b"a"] * 5, [(b"a", b"b", 0), (b"b", b"c", 0)])
            )
            await asyncio.sleep(0)
            in_flight = len(asked)
        await task
        return in_flight

    try:
        assert run(read()) == 7
    finally:
        NETWORK.do = do


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 7])
def test_ranges_longer_than_a_page(cluster, limit):
    """Pages end by their size; with a limit everything comes in one."""
    values = {f"k{number}": bytes(PAGE_BYTES // 2) for number in range(6)}
    version = put(cluster, **values)
    expected = [(key.encode(), value) for key, value in values.items()][: limit or None]
    ranges = [(b"a", b"z", limit), (b"k3", b"z", limit)]
    _, found = run(cluster.read(version, [], ranges))
    assert found == [expected, values_from(values, b"k3")[: limit or None]]


def values_from(values, begin):
    return [(key.encode(), value) for key, value in values.items() if key.encode() >= begin]


def test_reads_add_no_conflict(fdb, cluster):
    """They are snapshot reads of a transaction that never commits."""
    version = put(cluster, a=b"1")
    states = spied(fdb)
    run(cluster.read(version, [b"a"], [(b"a", b"z", 0)]))
    assert [state.reads for state in states] == [[]]
    assert [state.version for state in states] == [version]


def spied(fdb):
    """The states of all transactions from now on."""
    states, database = [], fdb.open()
    create = database.create_transaction

    def creating():
        transaction = create()
        states.append(transaction._state)
        return transaction

    database.create_transaction = creating
    return states


def test_commit_with_every_kind_of_mutation(fdb, cluster):
    put(cluster, a=b"\x01", b=b"1", c=b"1", d=b"1")
    mutations = [
        Set(b"e", b"2"),
        Clear(b"b"),
        ClearRange(b"c", b"d"),
        *(Atomic(name, b"n-" + name.encode(), b"\x05") for name in bindings._ATOMIC),
        Atomic("add", b"a", b"\x02"),
    ]
    version = run(commit(cluster, [point(b"a"), KeyRange(b"x", b"y")], mutations))
    kept = {k: v for k, v in fdb.store.snapshot(version).items() if not k.startswith(b"n-")}
    assert kept == {b"a": b"\x03", b"d": b"1", b"e": b"2"}
    assert len(content(fdb)) == 3 + len(bindings._ATOMIC)


@pytest.mark.parametrize("mutations", [[], [ClearRange(b"k", b"k")], [ClearRange(b"z", b"k")]])
def test_a_commit_that_writes_nothing_is_real(fdb, cluster, mutations):
    """The client itself would not even send it."""
    version = put(cluster, a=b"1")
    assert run(commit(cluster, [point(b"a")], mutations, version)) > version
    put(cluster, a=b"2")
    with pytest.raises(Conflict):
        run(commit(cluster, [point(b"a")], mutations, version))
    assert content(fdb) == {b"a": b"2"}


def test_inverted_and_empty_read_ranges_are_left_out(cluster):
    version = put(cluster, a=b"1")
    put(cluster, b=b"1")
    empty = [KeyRange(b"b", b"b"), KeyRange(b"c", b"a")]
    run(commit(cluster, empty, [Set(b"z", b"")], version))


def test_conflicts_without_the_special_keys(cluster, fdb, monkeypatch):
    """Which keys is a hint; where it cannot be had, the conflict is one all the same."""
    version = put(cluster, a=b"1")
    put(cluster, a=b"2")

    def fail(*arguments):
        raise FDBError(2000)

    monkeypatch.setattr("tests.backends.fdb.transaction.State.conflicting_keys", fail)
    with pytest.raises(Conflict) as caught:
        run(commit(cluster, [point(b"a")], [Set(b"z", b"")], version))
    assert caught.value.keys == ()


# --- time and threads


def test_the_event_loop_goes_on_while_nothing_answers(cluster):
    async def both():
        with NETWORK.paused():
            task = asyncio.create_task(cluster.read_version())
            for _ in range(10):
                await asyncio.sleep(0)
            assert not task.done()
        return await task

    assert run(both()) > 0


def test_a_transaction_lives_as_long_as_its_futures(cluster):
    """Collected earlier, it would fail them with 1025."""

    async def all_of_them():
        version = await cluster.read_version()
        with NETWORK.paused():
            calls = [
                cluster.read_version(),
                cluster.read(version, [b"a"], [(b"a", b"b", 0)]),
                cluster.commit(version, [], [Set(b"a", b"")], NOBODYS),
            ]
            tasks = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0)
            gc.collect()
        await asyncio.gather(*tasks)

    run(all_of_them())


def test_a_cancelled_call_lets_go(cluster, fdb):
    """Whoever waited is gone, also with his event loop; the callback does no harm."""
    caught = []
    threading.excepthook, previous = caught.append, threading.excepthook

    async def cancelled():
        with NETWORK.paused():
            task = asyncio.create_task(cluster.read_version())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        await cluster.read_version()

    async def left(read):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        task = asyncio.create_task(read)
        await asyncio.sleep(0)
        task.cancel()

    try:
        run(cancelled())
        with NETWORK.paused():
            run(left(cluster.read_version()))
        assert run(cluster.read_version()) > 0
    finally:
        threading.excepthook = previous
    assert caught == []


# --- what errors mean

COMMITTING = [
    (1007, TooOld),
    (1009, FutureVersion),
    (1020, Conflict),
    (1021, Unknown),
    (1025, Unknown),
    (1031, Unknown),
    (1039, Unknown),
    (1037, StoreUnavailable),
    (1038, StoreUnavailable),
    (1042, StoreUnavailable),
    (1051, StoreUnavailable),
    (1078, StoreUnavailable),
    (1213, StoreUnavailable),
    (1223, StoreUnavailable),
    (2101, TooLarge),
    (2102, TooLarge),
    (2103, TooLarge),
    (1515, SetupError),
    (2104, SetupError),
    *((code, FinalError) for code in (1000, 1004, 1032, 1062, 2000, 2002, 2004, 2017, 2131)),
]


def failing(monkeypatch, method, code):
    def fail(*arguments):
        future = Future()
        future.resolve(error=FDBError(code))
        return future

    monkeypatch.setattr(f"tests.backends.fdb.transaction.{method}", fail)


@pytest.mark.parametrize(("code", "kind"), COMMITTING)
def test_errors_of_a_commit(cluster, monkeypatch, code, kind):
    failing(monkeypatch, "Transaction.commit", code)
    with pytest.raises(kind) as caught:
        run(commit(cluster, [], [Set(b"a", b"")]))
    assert type(caught.value) is kind
    if kind is not Conflict:
        assert f"FoundationDB error {code}: " in str(caught.value)
    if kind is FinalError:
        assert caught.value.code == code


@pytest.mark.parametrize(("code", "kind"), COMMITTING)
def test_errors_of_a_read(cluster, monkeypatch, code, kind):
    """Nothing was committed by a read, whatever the code says of commits."""
    failing(monkeypatch, "Reads.get_read_version", code)
    expected = StoreUnavailable if kind in (Conflict, Unknown) else kind
    with pytest.raises(expected) as caught:
        run(cluster.read_version())
    assert type(caught.value) is expected


def test_errors_in_the_middle_of_a_read(fdb, cluster):
    version = put(cluster, a=b"1")
    with pytest.raises(FutureVersion):
        run(cluster.read(version + 10**9, [b"a"], []))
    fdb.advance(20)
    for keys, ranges in (([b"a"], []), ([], [(b"a", b"b", 0)])):
        with pytest.raises(TooOld):
            run(cluster.read(version, keys, ranges))


# --- what a process knows that has just been started


def newcomer(fdb):
    return connect(settings(), fdb.another_process())


def test_a_new_process_reads_at_versions_that_others_took(fdb, cluster):
    """All but those from before it asked for one of its own, which it does at its first read."""
    put(cluster, a=b"1")
    new = newcomer(fdb)
    with pytest.raises(StoreUnavailable):
        run(new.read(run(cluster.read_version()) - 1, [b"a"], []))
    for _ in range(3):
        fdb.advance(0.1)
        version = put(cluster, a=b"1")
        assert run(new.read(version, [b"a"], [])) == ([b"1"], [])


def test_the_client_itself_would_refuse(fdb, cluster):
    """What the above is about: else the stand-in would let pass what a cluster does not."""
    version = put(cluster, a=b"1")
    database = fdb.another_process().open()
    for _ in range(3):
        transaction = database.create_transaction()
        transaction.set_read_version(version)
        with pytest.raises(FDBError, match="1007"):
            transaction.get(b"a").wait()


def test_a_version_from_before_the_first_is_not_too_old(fdb, cluster):
    """The region that took it was not slow: this process was late."""
    version = put(cluster, a=b"1")
    put(cluster, a=b"2")
    new = newcomer(fdb)
    with pytest.raises(StoreUnavailable, match="it has just been started"):
        run(new.read(version, [b"a"], []))
    assert run(cluster.read(version, [b"a"], [])) == ([b"1"], [])
    own = run(new.read_version())
    fdb.advance(20)
    with pytest.raises(TooOld):
        run(new.read(own, [b"a"], []))


def test_the_first_commit_of_a_new_process_is_not_lost_in_doubt(fdb, cluster):
    """A client that knows nobody yet may answer 1021; by then ours knows the cluster."""
    for number in range(20):
        version = put(cluster, a=b"%d" % number)
        run(commit(newcomer(fdb), [], [Set(b"b", b"%d" % number)], version))


def test_a_new_process_that_finds_no_cluster_has_committed_nothing(fdb, cluster):
    version = put(cluster, a=b"1")
    fdb.reachable = False
    with pytest.raises(StoreUnavailable):
        run(commit(newcomer(fdb), [], [Set(b"b", b"")], version))


def test_a_commit_over_the_size_limit_of_the_settings(fdb):
    cluster = connect(settings(size_limit=1000), fdb)
    with pytest.raises(TooLarge, match="2101"):
        run(commit(cluster, [], [Set(b"a", bytes(2000))]))
    assert content(fdb) == {}


def test_a_commit_that_times_out_may_have_happened(fdb):
    """It is Unknown, whichever it was."""
    applied = set()
    cluster = connect(settings(timeout=0.001), fdb)
    for number in range(20):
        key = b"%d" % number
        with pytest.raises(Unknown, match="1031"):
            run(commit(cluster, [], [Set(key, b"")], fdb.store.read_version()))
        applied.add(key in content(fdb))
    assert applied == {True, False}


def test_fault_injection_is_switched_on_before_the_network(fdb):
    for _ in range(2):
        connect(settings(faults=FaultInjection(50, 20)), fdb)
    with pytest.raises(SetupError, match="one kind of fault injection"):
        connect(settings(faults=FaultInjection(50, 21)), fdb)
    options = fdb.options
    assert (options.enabled, options.activated, options.fired) == (True, 50, 20)


def test_fault_injection_too_late(fdb):
    connect(settings(), fdb)
    with pytest.raises(SetupError, match=r"2007.*before the first connection"):
        connect(settings(faults=FaultInjection()), fdb)


# --- a process that was forked


def in_a_fork(what):
    """What a forked child says; it must not hang."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            what()
            text = "nothing"
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


def test_the_client_does_not_survive_a_fork(fdb):
    """The network thread is gone in the child, where nothing would ever answer."""
    cluster = connect(settings(), fdb)
    said = in_a_fork(lambda: connect(settings(), fdb))
    assert said.startswith("SetupError: this process was forked from process")
    assert "fork first, then open the store" in said
    said = in_a_fork(lambda: run(cluster.read_version()))
    assert said.startswith("RuntimeError: the cluster was opened in process")
    assert run(cluster.read_version()) > 0


def test_who_forks_first_may_connect(fdb):
    assert in_a_fork(lambda: connect(settings(), fdb)) == "nothing"
    assert run(connect(settings(), fdb).read_version()) > 0


# --- nothing blocks


async def beating(what):
    """How often the event loop came round while ``what`` could not go on; and its result."""
    beats, task = 0, None
    with NETWORK.paused():
        task = asyncio.ensure_future(what)
        for _ in range(20):
            await asyncio.sleep(0.001)
            beats += 1
        assert not task.done()
    return beats, await task


def calls_of(store, version):
    return {
        "read_version": store.read_version(),
        "read": store.read(version, [b"a", b"b"], [(b"a", b"b", 0), (b"c", b"d", 3)]),
        "commit": store.commit(version, [point(b"a")], [Set(b"a", b"")], b"entry" * 30_000),
        "log": store.log(),
        "check": store.check(),
        "erase": store.erase(),
    }


CALLS = ["read_version", "read", "commit", "log", "check", "erase"]


@pytest.mark.parametrize("name", CALLS)
def test_no_call_blocks_the_event_loop(fdb, name):
    """The stand-in refuses to block where a loop runs, so a call that does would fail."""
    NETWORK.blocked.clear()

    async def main():
        store = FdbStore.open(settings(), fdb)
        version = await store.commit(await store.read_version(), (), [Set(b"c", b"")], b"entry")
        calls = calls_of(store, version)
        wanted = calls.pop(name)
        for other in calls.values():
            other.close()
        beats, _ = await beating(wanted)
        await store.close()
        return beats

    assert run(main()) == 20
    assert NETWORK.blocked == []


def test_a_conflict_and_its_keys_do_not_block_either(fdb):
    NETWORK.blocked.clear()

    async def main():
        store = FdbStore.open(settings(), fdb)
        version = await store.read_version()
        await store.commit(version, (), [Set(b"a", b"")])
        with pytest.raises(Conflict) as caught:
            await beating(store.commit(version, [point(b"a")], [Set(b"a", b"")]))
        assert caught.value.keys == (b"a",)

    run(main())
    assert NETWORK.blocked == []


def test_opening_inside_a_running_loop_waits_for_nothing(fdb):
    """Not even for a cluster that is not there."""
    fdb.reachable = False
    NETWORK.blocked.clear()

    async def main():
        with NETWORK.paused():
            store = FdbStore.open(settings(), fdb)
            await store.close()

    run(asyncio.wait_for(main(), patience()))
    assert NETWORK.blocked == []


def test_the_stand_in_would_tell(fdb, monkeypatch):
    """The attack: a call that does not wait for its callback is refused, and remembered."""
    NETWORK.blocked.clear()

    async def at_once(future):
        return None

    monkeypatch.setattr(bindings, "_ready", at_once)

    async def main():
        with NETWORK.paused():
            await FdbStore.open(settings(), fdb).read_version()

    with pytest.raises(AssertionError, match="blocks the event loop"):
        run(main())
    assert NETWORK.blocked == ["Future"]
    NETWORK.blocked.clear()


# --- what the order of the calls is about


def test_read_conflicts_are_added_before_writes(fdb, cluster):
    """A range that is added after its keys were written is dropped, as the transaction would
    read them from itself; and with it the conflict with its own journal record."""
    version = put(cluster, a=b"1")
    put(cluster, a=b"2")
    transaction = fdb.open().create_transaction()
    transaction.set_read_version(version)
    transaction.set(b"a", b"3")
    transaction.add_read_conflict_key(b"a")
    transaction.commit().wait()  # no conflict!
    with pytest.raises(Conflict):
        run(commit(cluster, [point(b"a")], [Set(b"a", b"4")], version))
