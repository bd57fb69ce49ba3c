"""The conformance suite and random histories through ``backends.fdb``."""

import pytest
from hypothesis import HealthCheck, given, settings

from core.errors import Conflict, TooLarge
from core.store import KEY_LIMIT, VALUE_LIMIT, KeyRange, Set, point
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
        with pytest.raises(TooLarge, match="2102"):
            put(store, {key + b"k": b""})


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
