import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Conflict, FutureVersion, TooOld
from core.memory import MemoryStore
from core.store import VERSIONS_PER_SECOND, Atomic, Clear, ClearRange, KeyRange, Set, point
from tests.patience import until
from tests.store_conformance import StoreConformance, WindowConformance, put
from tests.store_histories import Model, check_history, histories, keys, mutations, ranges


class Clock:
    def __init__(self, time=100.0):
        self.time = time

    def __call__(self):
        return self.time


class Subject(MemoryStore):
    def __init__(self):
        super().__init__(Clock())

    def advance(self, seconds):
        self._clock.time += seconds

    def close(self):
        pass


def footprint(store):
    """How many things a store holds, of any kind."""
    assert len(store._keys) == len(store._current)
    past = sum(map(len, store._past.values()))
    written = sum(len(keys) for _, keys in store._written)
    return len(store._current) + len(store._past) + past + written + len(store._cleared)


class Opened:
    def open(self):
        return Subject()


class TestMemory(Opened, StoreConformance):
    pass


class TestMemoryWindow(Opened, WindowConformance):
    pass


@settings(deadline=None, max_examples=200)
@given(histories)
def test_random_histories(history):
    check_history(Subject(), history)


@pytest.fixture
def store():
    return Subject()


def test_conflict_names_the_keys(store):
    version = store.read_version()
    store.commit(version, (), [Set(b"b", b""), Clear(b"d"), ClearRange(b"m", b"p")])
    reads = [point(b"a"), point(b"b"), KeyRange(b"c", b"e"), point(b"n"), KeyRange(b"k", b"z")]
    with pytest.raises(Conflict) as caught:
        store.commit(version, reads, ())
    assert caught.value.keys == (b"b", b"d", b"n", b"m")


def test_commits_within_one_instant_of_the_clock_have_versions_of_their_own(store):
    versions = [put(store, {b"a": b"%d" % number}) for number in range(5)]
    assert versions == list(range(versions[0], versions[0] + 5))
    assert [store.get(b"a", version) for version in versions] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_version_somebody_took_is_not_committed_at(store):
    put(store, {b"a": b"1"})
    store.advance(1.0)
    assert store.commit(1, (), [Set(b"a", b"2")]) == 1 + VERSIONS_PER_SECOND
    store.advance(1.0)
    version = store.read_version()
    assert store.commit(1, (), [Set(b"a", b"3")]) == version + 1


def test_a_version_somebody_read_at_is_not_committed_at(store):
    """Even when nobody took it as a read version."""
    put(store, {b"a": b"1"})
    store.advance(1.0)
    guess = 1 + VERSIONS_PER_SECOND
    assert store.get(b"a", guess) == b"1"
    assert store.commit(1, (), [Set(b"a", b"2")]) == guess + 1
    assert store.get(b"a", guess) == b"1"


def test_a_commit_at_a_version_ahead_is_refused(store):
    with pytest.raises(FutureVersion, match="ahead"):
        store.commit(store.read_version() + 1, (), [Set(b"a", b"")])
    assert store.snapshot() == {}


def test_the_edge_of_the_window(store):
    version = put(store, {b"a": b"1"})
    put(store, {b"a": b"2"})
    store.advance(5.0 - 2 / VERSIONS_PER_SECOND)
    assert store.get(b"a", version) == b"1"
    with pytest.raises(Conflict):
        store.commit(version, [point(b"a")], ())
    store.advance(4 / VERSIONS_PER_SECOND)
    with pytest.raises(TooOld, match="window"):
        store.get(b"a", version)


def test_a_window_of_ones_own():
    clock = Clock()
    store = MemoryStore(clock, window=0.5)
    version = store.read_version()
    clock.time += 0.6
    with pytest.raises(TooOld):
        store.commit(version, (), ())


def test_the_real_clock_by_default():
    store = MemoryStore()
    first = store.read_version()
    began = time.monotonic()
    until(lambda: store.read_version() - first > VERSIONS_PER_SECOND / 100, "its time passing")
    assert time.monotonic() - began >= 0.009


def test_an_unknown_atomic_operation_is_refused_before_anything_is_done(store):
    with pytest.raises(ValueError, match="no atomic operation 'mul': there are add"):
        store.commit(store.read_version(), (), [Set(b"a", b""), Atomic("mul", b"a", b"")])
    assert store.snapshot() == {}


def test_load(store):
    store.load([(b"b", b"2"), (b"a", b"1")])
    assert list(store.snapshot().items()) == [(b"a", b"1"), (b"b", b"2")]
    version = store.read_version()
    store.commit(version, [KeyRange(b"", b"\xff")], [Set(b"a", b"3")])
    assert store.snapshot(version) == {b"a": b"1", b"b": b"2"}
    assert store.get(b"a", 0) is None
    with pytest.raises(ValueError, match="only a new store"):
        store.load([])


def test_snapshots(store):
    first = put(store, {b"a": b"1", b"b": b"1"})
    second = store.commit(first, (), [Clear(b"a"), Set(b"b", b"2")])
    assert store.snapshot(first) == {b"a": b"1", b"b": b"1"}
    assert store.snapshot(second) == store.snapshot() == {b"b": b"2"}
    with pytest.raises(FutureVersion):
        store.snapshot(second + VERSIONS_PER_SECOND)


def test_a_copy_goes_its_own_way(store):
    first = put(store, {b"a": b"1", b"b": b"1"})
    second = store.commit(first, (), [Set(b"a", b"2"), ClearRange(b"c", b"d")])
    copy = store.copy()
    put(copy, {b"a": b"3"})
    put(copy, {b"a": b"4", b"z": b""})
    put(store, {b"a": b"5"})
    assert copy.snapshot() == {b"a": b"4", b"b": b"1", b"z": b""}
    assert store.snapshot() == {b"a": b"5", b"b": b"1"}
    assert store.snapshot(first) == copy.snapshot(first) == {b"a": b"1", b"b": b"1"}
    with pytest.raises(Conflict):
        copy.commit(first, [point(b"c")], ())
    copy.commit(second, [point(b"c")], ())
    store.advance(6.0)  # the clock of both
    for each in (store, copy):
        put(each, {b"end": b""})
        assert footprint(each) == len(each.snapshot()) + 1


def test_a_copy_prunes_for_itself(store):
    first = put(store, {b"a": b"1"})
    store.advance(3.0)
    second = put(store, {b"a": b"2"})
    put(store, {b"a": b"3"})
    copy = store.copy()
    store.advance(3.0)
    put(store, {b"end": b""})
    assert store.get(b"a", second) == copy.get(b"a", second) == b"2"
    with pytest.raises(TooOld):
        copy.get(b"a", first)
    store.advance(4.0)
    put(store, {b"end": b""})
    assert [value for _, value in copy._past[b"a"]] == [b"1", b"2"]
    put(copy, {b"end": b""})
    assert footprint(copy) == len(copy.snapshot()) + 1


def test_memory_is_bounded_by_the_keys_and_the_window(store):
    for number in range(5_000):
        store.advance(0.01)
        key, hot = b"k%d" % number, b"hot%d" % (number % 10)
        put(store, {key: b"", hot: b"%d" % number})
        store.commit(
            store.read_version(),
            (),
            [Clear(key), Clear(b"never%d" % number), ClearRange(b"x", b"y")],
        )
    in_window = 500 * 2 * 4
    assert footprint(store) < 3 * in_window
    store.advance(6.0)
    put(store, {b"end": b""})
    assert len(store.snapshot()) == 11
    assert footprint(store) == 11 + 1  # the keys, and the last commit's own note


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.lists(mutations, max_size=3), keys, ranges, st.floats(0.0, 3.0)),
        min_size=5,
        max_size=30,
    )
)
def test_pruning_cannot_be_seen_from_within_the_window(history):
    """Every version in the window reads, and conflicts, as if nothing had been forgotten."""
    store, model = Subject(), Model()
    versions = [store.read_version()]
    for changes, key, bounds, seconds in history:
        committed = store.commit(store.read_version(), (), changes)
        model.commits.append((committed, changes))
        versions += [committed, store.read_version()]
        store.advance(seconds)
        for version in versions:
            if version < store._now() - 5 * VERSIONS_PER_SECOND:
                with pytest.raises(TooOld):
                    store.get(b"", version)
                continue
            content = model.content(version)
            assert store.get(key, version) == content.get(key)
            assert store.snapshot(version) == content
            reads = [point(key), KeyRange(*bounds)]
            for read in reads:
                assert bool(store._conflicts(version, [read])) == model.conflicts(version, [read])
    store.advance(6.0)
    put(store, {b"end": b""})
    assert footprint(store) == len(store.snapshot()) + 1
