"""The conformance suite and random histories through ``backends.fdb``."""

import pytest
from hypothesis import HealthCheck, given, settings

from core.errors import Conflict, TooLarge
from core.store import (
    KEY_LIMIT,
    TRANSACTION_LIMIT,
    VALUE_LIMIT,
    KeyRange,
    Set,
    point,
    transaction_size,
)
from tests.backends.fdb.clusters import Real, Standing, Subject, needs_cluster, plain
from tests.store_conformance import (
    LogConformance,
    StoreConformance,
    WindowConformance,
    now,
    put,
)
from tests.store_histories import check_history, histories


class KeysUnderAPrefix(StoreConformance):
    def test_the_largest_key_and_value(self, store):
        """The prefix counts."""
        room = KEY_LIMIT - len(store.store.namespace.prefix)
        key, value = b"k" * room, b"v" * VALUE_LIMIT
        put(store, {key: value})
        assert now(store, key) == value
        assert store.get_range(b"k", b"l", store.read_version()) == [(key, value)]
        said = f"has {room + 1:,} bytes, more than {room:,}: shorten it"
        with pytest.raises(TooLarge, match=said):
            put(store, {key + b"k": b""})

    def test_the_largest_transaction(self, store):
        """What we let pass, the cluster takes: the prefix counts with every key."""
        writes = [Set(b"%06d" % number, b"") for number in range(20_000)]
        reads = [point(b"r%06d" % number) for number in range(20_000)]
        prefix = len(store.store.namespace.prefix)
        last = Set(b"last", b"v" * VALUE_LIMIT)
        room = TRANSACTION_LIMIT - transaction_size(reads, [*writes, last], prefix)
        keys, rest = divmod(room, 3 * (prefix + 6) + VALUE_LIMIT)
        writes += [Set(b"v%05d" % number, b"v" * VALUE_LIMIT) for number in range(keys)]
        with pytest.raises(TooLarge, match="more than 10,000,000: do less in one transaction"):
            store.commit(store.read_version(), reads, [*writes, last, Set(b"more", b"v" * rest)])
        store.commit(store.read_version(), reads, [*writes, last])


@plain
class TestStandIn(KeysUnderAPrefix):
    def open(self):
        return Subject(Standing())


@plain
class TestStandInWindow(WindowConformance):
    def open(self):
        return Subject(Standing())


@plain
class TestStandInLog(LogConformance):
    def open(self):
        return Subject(Standing())


@plain
@needs_cluster
class TestCluster(KeysUnderAPrefix):
    def open(self):
        return Subject(Real())


@plain
@needs_cluster
class TestClusterWindow(WindowConformance):
    def open(self):
        return Subject(Real())


@plain
@needs_cluster
class TestClusterLog(LogConformance):
    def open(self):
        return Subject(Real())


@plain
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_random_histories(history):
    check_history(Subject(Standing()), history)


@plain
@needs_cluster
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_random_histories_on_a_cluster(history):
    check_history(Subject(Real()), history)


@plain
def test_conflicts_name_their_keys():
    """Single keys; a range that was read does not say which of its keys changed."""
    store = Subject(Standing())
    version = store.read_version()
    put(store, {b"b": b"", b"d": b"", b"n": b""})
    reads = [point(b"a"), point(b"b"), KeyRange(b"c", b"e"), point(b"n"), KeyRange(b"o", b"p")]
    with pytest.raises(Conflict) as caught:
        store.commit(version, reads, [Set(b"z", b"")])
    assert caught.value.keys == (b"b", b"n")
    store.close()
