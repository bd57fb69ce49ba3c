"""The log of commits on FoundationDB: versionstamped keys, and what faults make of them."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.fdb import FaultInjection
from backends.fdb import store as module
from backends.fdb.log import Log
from backends.runtime.snapshot import snapshot
from core.errors import StoreError, StoreUnavailable, TooLarge, Unknown
from core.store import VALUE_LIMIT, Set
from tests.backends.fdb.clusters import Real as RealCluster
from tests.backends.fdb.clusters import Standing, Subject, needs_cluster, plain
from tests.backends.fdb.network import FDBError
from tests.backends.fdb.standin import StandIn

PREFIX = b"\x02prefix\x00"


def stamped(key, version, batch):
    """What the cluster makes of a versionstamped key."""
    template, place = key[:-4], int.from_bytes(key[-4:], "little")
    stamp = struct.pack(">QH", version, batch)
    return template[:place] + stamp + template[place + 10 :]


@given(st.lists(st.tuples(st.integers(1, 3), st.binary(max_size=3), st.integers(0, 2)), max_size=6))
def test_what_is_written_is_read(commits):
    """Also of commits that share a version, in the order in which they took place."""
    log, version, pairs, expected = Log(PREFIX), 1 << 40, [], []
    for number, (steps, small, large) in enumerate(commits):
        version += steps - 1
        entry = small * (large * VALUE_LIMIT or 1)
        pairs += [(stamped(key, version, number), value) for key, value in log.writes(entry)]
        expected.append((version, entry))
    assert all(len(value) <= VALUE_LIMIT for _, value in pairs)
    assert pairs == sorted(pairs)
    assert all(log.range.begin <= key < log.range.end for key, _ in pairs)
    assert log.entries(pairs) == expected


# --- the stand-in keeps to the contract of set_versionstamped_key


@pytest.fixture
def database():
    fdb = StandIn()
    fdb.api_version(730)
    return fdb.open()


def commit(database, key, value=b""):
    transaction = database.create_transaction()
    transaction.set_versionstamped_key(key, value)
    transaction.commit().wait()
    return transaction.get_committed_version()


def test_the_stamp_goes_where_the_key_says(database):
    version = commit(database, b"a/" + bytes(10) + b"/z" + struct.pack("<I", 2), b"v")
    (key,) = database.fdb.store.snapshot()
    assert key == b"a/" + struct.pack(">QH", version, 0) + b"/z"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (b"abc", b"", 2000),
        (bytes(10) + struct.pack("<I", 1), b"", 2000),
        (bytes(12) + struct.pack(">I", 2), b"", 2000),
        (b"\xff" + bytes(10) + struct.pack("<I", 1), b"", 2004),
        (bytes(10_001) + struct.pack("<I", 0), b"", 2102),
        (bytes(10) + struct.pack("<I", 0), bytes(VALUE_LIMIT + 1), 2103),
    ],
)
def test_keys_that_cannot_be_stamped(database, key, value, code):
    with pytest.raises(FDBError) as caught:
        commit(database, key, value)
    assert caught.value.code == code
    assert database.fdb.store.snapshot() == {}


def test_keys_and_values_must_be_bytes(database):
    for key, value in (("k", b""), (bytes(14), 1)):
        with pytest.raises(TypeError, match="must be of type bytes"):
            commit(database, key, value)


def test_what_was_stamped_before_the_read_version_can_be_read(database):
    """The unreadable range begins at the read version, if the transaction knows it."""
    key = bytes(10) + struct.pack("<I", 0)
    version = commit(database, key)
    transaction = database.create_transaction()
    transaction.get_read_version().wait()
    transaction.set_versionstamped_key(key, b"")
    old = struct.pack(">QH", version - 1, 0)
    assert not transaction[old].present()
    with pytest.raises(FDBError) as caught:
        transaction[struct.pack(">QH", version + 1_000_000, 0)].wait()
    assert caught.value.code == 1036


def test_stamped_values_count_for_the_size(database):
    transaction = database.create_transaction()
    transaction.options.set_size_limit(1_000)
    transaction.set_versionstamped_key(bytes(10) + struct.pack("<I", 0), bytes(1_000))
    with pytest.raises(FDBError) as caught:
        transaction.commit().wait()
    assert caught.value.code == 2101


# --- the store's log


@plain
def test_a_log_of_many_pages(monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 7)
    store = Subject(Standing())
    expected = []
    for number in range(15):
        entry = b"%d" % number * (1 + 120_000 * (number % 3))
        expected.append((store.commit(store.read_version(), (), (), entry), entry))
        store.advance(1.0)
    assert store.log() == expected
    store.close()


@plain
def test_reading_the_log_takes_longer_than_a_version_lives(monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 2)
    store = Subject(Standing())
    for number in range(9):
        store.commit(store.read_version(), (), (), b"%d" % number)
    read = store.store._cluster.read

    async def slow(*arguments):
        store.advance(3.0)
        return await read(*arguments)

    monkeypatch.setattr(store.store._cluster, "read", slow)
    assert [entry for _, entry in store.log()] == [b"%d" % number for number in range(9)]
    store.close()


@plain
def test_a_log_that_cannot_be_read(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    store = Subject(Standing(), timeout=0.01)
    store.place.fdb.reachable = False
    with pytest.raises(StoreUnavailable, match=r"the log of commits cannot be read: .* 1031"):
        store.log()


@plain
def test_the_size_limit_of_the_settings_counts_entries():
    store = Subject(Standing(), size_limit=5_000)
    with pytest.raises(TooLarge):
        store.commit(store.read_version(), (), [Set(b"a", b"")], bytes(5_000))
    assert store.log() == []
    store.commit(store.read_version(), (), [Set(b"a", b"")], bytes(4_000))
    store.close()


@plain
def test_applications_have_logs_of_their_own():
    place = Standing()
    one, other = Subject(place), Subject(place, application="other")
    one.commit(one.read_version(), (), (), b"one")
    assert ([entry for _, entry in one.log()], other.log()) == ([b"one"], [])
    one.close()
    other.close()


def log_and_data_agree(subject, monkeypatch):
    """Commits end as they may: what is in the log is what happened, unknown or not."""
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    acknowledged, unknown, refused = set(), set(), set()

    async def commit(number):
        key = b"%04d" % number
        try:
            version = await subject.store.read_version()
            entry = key * (30_000 if number % 10 == 0 else 1)
            await subject.store.commit(version, (), [Set(key, b"")], entry)
            acknowledged.add(key)
        except Unknown:
            unknown.add(key)
        except StoreError:
            refused.add(key)

    async def play():
        for number in range(300):
            await commit(number)
        await asyncio.sleep(0)
        return await subject.store.log(), await snapshot(subject.store)

    log, content = subject.run(play())
    logged = [entry[:4] for _, entry in log]
    assert sorted(content) == sorted(logged)
    assert len(set(logged)) == len(logged)
    assert acknowledged <= content.keys() <= acknowledged | unknown
    versions = [version for version, _ in log]
    assert versions == sorted(versions)
    subject.close()
    return unknown, refused, unknown & content.keys()


def test_log_and_data_agree_under_the_client_s_faults(monkeypatch):
    unknown, refused, happened = log_and_data_agree(
        Subject(Standing(3), faults=FaultInjection()), monkeypatch
    )
    assert refused
    assert happened
    assert unknown - happened


@needs_cluster
def test_log_and_data_agree_on_a_cluster(monkeypatch):
    log_and_data_agree(Subject(RealCluster()), monkeypatch)


# --- everything of an application is removed


def leftovers(store):
    return store.place.fdb.store.snapshot()


@plain
def test_erase_leaves_others_alone():
    place = Standing()
    one, other = Subject(place), Subject(place, application="other")
    for store in (one, other):
        store.commit(store.read_version(), (), [Set(b"a", b"")], bytes(250_000))
    kept = {key for key in leftovers(one) if b"other" in key}
    one.run(one.store.erase())
    assert set(leftovers(one)) == kept
    assert len(kept) == 1 + 3
    one.run(one.store.erase())
    other.run(other.store.erase())
    assert leftovers(one) == {}


@plain
def test_erase_under_the_client_s_faults(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    for seed in range(10):
        store = Subject(Standing(seed))
        store.commit(store.read_version(), (), [Set(b"a", b"")], b"entry")
        store.place.fdb.mishaps = {
            "grv": {1078: 0.03}, "read": {1007: 0.02, 1037: 0.02},
            "commit": {"1021 applied": 0.2, "1021 lost": 0.2, 1020: 0.05},
        }  # fmt: skip
        store.run(store.store.erase())
        store.place.fdb.mishaps = {}
        assert leftovers(store) == {}
        store.close()


@plain
def test_erase_looks_again_for_what_comes_late(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    store = Subject(Standing())
    store.commit(store.read_version(), (), [Set(b"a", b"")])
    commit, late = store.store._cluster.commit, []

    async def and_somebody_else(*arguments):
        version = await commit(*arguments)
        if not late:
            late.append(True)
            await commit(version, (), [Set(store.store.namespace.key(b"b"), b"")], b"nobody")
        return version

    monkeypatch.setattr(store.store._cluster, "commit", and_somebody_else)
    store.run(store.store.erase())
    assert late
    assert leftovers(store) == {}


@plain
def test_what_cannot_be_erased_is_said(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.001)
    store = Subject(Standing(), timeout=0.01)
    store.place.fdb.reachable = False
    with pytest.raises(StoreUnavailable, match=r"part for 'test' cannot be removed: .* 1031"):
        store.run(store.store.erase())
