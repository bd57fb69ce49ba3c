"""The Store port on SQLite does what every store must do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.sqlite.versions import TICK
from core.errors import Conflict, FutureVersion, StoreUnavailable, TooOld
from core.store import VERSIONS_PER_SECOND, Clear, ClearRange, KeyRange, Set, point
from tests.backends.sqlite.subject import Clock, Opened, Subject, rows
from tests.store_conformance import (
    LogConformance,
    StoreConformance,
    WindowConformance,
    everything,
    put,
)
from tests.store_histories import Model, check_history, histories, keys, mutations, ranges


class Opens:
    def open(self):
        return Subject()


class TestLocal(Opens, StoreConformance):
    pass


class TestLocalLog(Opens, LogConformance):
    pass


class TestLocalWindow(Opens, WindowConformance):
    pass


@settings(deadline=None, max_examples=40)
@given(histories)
def test_random_histories(history):
    check_history(Subject(), history)


@pytest.fixture
def store():
    store = Subject()
    yield store
    store.close()


@pytest.fixture
def opened(tmp_path):
    """Opens stores on one file."""
    stores = []

    def open_(clock=None, **options):
        stores.append(Opened(tmp_path / "store.db", "off", clock=clock or Clock(), **options))
        return stores[-1]

    yield open_
    for each in stores:
        each.close()


def test_conflict_names_the_keys(store):
    version = store.read_version()
    store.commit(version, (), [Set(b"b", b""), Clear(b"d"), ClearRange(b"m", b"p")])
    reads = [point(b"a"), point(b"b"), KeyRange(b"c", b"e"), point(b"n"), KeyRange(b"k", b"z")]
    with pytest.raises(Conflict) as caught:
        store.commit(version, reads, ())
    assert caught.value.keys == (b"b", b"d", b"n", b"m")


def test_an_idle_store_hands_out_fresh_versions(store):
    version = store.read_version()
    store.advance(0.1)
    assert store.read_version() == version
    for _ in range(100):
        store.advance(0.3)
        fresh = store.read_version()
        assert version < fresh
        assert store.latest()[1] - fresh <= TICK
        version = fresh


def test_what_is_read_before_and_after_a_commit_under_way_is_the_same(opened):
    """Another process has drawn its version and not committed yet, while the clock went on."""
    clock = Clock()
    one, other = opened(clock), opened(clock)
    put(one, {b"a": b"1"})
    clock.time += 0.1
    raw = other.connect()
    raw.execute("BEGIN IMMEDIATE")
    clock.time += 0.1
    version = one.read_version()
    before = one.get(b"a", version)
    raw.execute("COMMIT")
    raw.close()
    assert put(other, {b"a": b"2"}) > version
    assert one.get(b"a", version) == before


def test_read_versions_travel_between_processes(opened):
    clock = Clock()
    one, other = opened(clock), opened(clock)
    version = put(one, {b"a": b"1", b"b": b"1"})
    later = put(other, {b"a": b"2"})
    assert other.get(b"a", version) == b"1"
    assert one.get(b"a", later) == b"2"
    assert one.get_range(b"", b"c", later) == [(b"a", b"2"), (b"b", b"1")]
    with pytest.raises(Conflict):
        other.commit(version, [point(b"a")], ())
    clock.time += 4.0
    put(other, {b"a": b"3"})
    assert one.get(b"a", version) == b"1"
    clock.time += 2.0
    for each in (one, other):
        with pytest.raises(TooOld):
            each.get(b"a", version)


def test_versions_and_the_window_survive_a_restart(opened):
    clock = Clock()
    store = opened(clock)
    version = put(store, {b"a": b"1"})
    put(store, {b"a": b"2", b"b": b"2"})
    store.close()
    clock.time += 3.0
    store = opened(clock)
    assert store.read_version() > version + 2 * VERSIONS_PER_SECOND
    assert store.get_range(b"", b"c", version) == [(b"a", b"1")]
    with pytest.raises(Conflict):
        store.commit(version, [point(b"a")], ())
    clock.time += 3.0
    store.close()
    with pytest.raises(TooOld):
        opened(clock).get(b"a", version)


@pytest.mark.parametrize("jump", [-1e9, -3_600.0, -0.000_5, 0.0, 1e9])
def test_a_clock_that_jumped_while_nobody_ran(opened, jump):
    """The machine was started anew: its monotonic clock too."""
    store = opened(Clock(1e9 + 7.0))
    version = put(store, {b"a": b"1"})
    store.close()
    clock = Clock(1e9 + 7.0 + jump)
    store = opened(clock)
    assert store.read_version() >= version
    assert everything(store) == {b"a": b"1"}
    second = put(store, {b"a": b"2"})
    assert second > version
    clock.time += 2.0
    third = put(store, {b"a": b"3"})
    assert 1.9 * VERSIONS_PER_SECOND < third - second < 2.1 * VERSIONS_PER_SECOND
    clock.time += 4.0
    with pytest.raises(TooOld):
        store.get(b"a", second)


def test_a_clock_that_jumps_back_in_mid_run(store):
    versions = [put(store, {b"a": b"1"})]
    for jump in (1.0, -50.0, 0.0, 2.0, -10.0, 1.0):
        store.advance(jump)
        versions.append(put(store, {b"a": b"%d" % len(versions)}))
    assert versions == sorted(set(versions))
    assert versions[-1] - versions[-2] >= VERSIONS_PER_SECOND


def test_a_version_of_any_size(store):
    put(store, {b"a": b"1"})
    for ahead in (store.read_version() + 1, 1 << 62, 1 << 80):
        for ask in (
            lambda ahead=ahead: store.get(b"a", ahead),
            lambda ahead=ahead: store.get_range(b"", b"b", ahead),
            lambda ahead=ahead: store.commit(ahead, [point(b"a")], [Set(b"b", b"")]),
        ):
            with pytest.raises(FutureVersion, match="ahead"):
                ask()
    for behind in (-1, -(1 << 80)):
        with pytest.raises(TooOld):
            store.get(b"a", behind)
        with pytest.raises(TooOld):
            store.get_range(b"", b"b", behind)


def test_a_window_of_ones_own(opened):
    clock = Clock()
    store = opened(clock, window=0.5)
    version = store.read_version()
    clock.time += 0.6
    with pytest.raises(TooOld):
        store.commit(version, (), ())


def test_the_real_clock_by_default(tmp_path):
    store = Opened(str(tmp_path / "store.db"))
    first = put(store, {b"a": b"1"})
    assert 0 < put(store, {b"a": b"2"}) - first < VERSIONS_PER_SECOND
    store.close()


def test_a_closed_store_says_so(store):
    version = store.read_version()
    for _ in range(2):
        store.run(store.store.close())
    for ask in (
        store.read_version,
        store.log,
        lambda: store.get(b"a", version),
        lambda: store.get_range(b"a", b"b", version),
        lambda: store.commit(version, (), ()),
    ):
        with pytest.raises(StoreUnavailable, match=r"store\.db has been closed: open another"):
            ask()


def test_storage_is_bounded_by_the_keys_and_the_window(store):
    for number in range(2_000):
        store.advance(0.01)
        key, hot = b"k%d" % number, b"hot%d" % (number % 10)
        put(store, {key: b"", hot: b"%d" % number})
        store.commit(
            store.read_version(),
            (),
            [Clear(key), Clear(b"never%d" % number), ClearRange(b"x", b"y")],
        )
    assert max(rows(store)) < 3 * 510 * 2 * 2
    store.advance(6.0)
    put(store, {b"end": b""})
    store.advance(6.0)
    for _ in range(4):  # a piece at a time
        put(store, {b"end": b""})
    assert rows(store) == (11, 4, 0)


def test_a_large_past_is_forgotten_a_piece_at_a_time(store):
    put(store, {b"%d" % number: b"" for number in range(2_500)})
    store.commit(store.read_version(), (), [ClearRange(b"", b"\xff")])
    store.advance(6.0)
    left = []
    for _ in range(7):
        put(store, {b"end": b""})
        left.append(rows(store)[1])
    assert left == [3_001, 2_002, 1_003, 4, 5, 6, 7]
    assert rows(store) == (1, 7, 0)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.lists(mutations, max_size=3), keys, ranges, st.floats(0.0, 3.0)),
        min_size=5,
        max_size=20,
    )
)
def test_pruning_cannot_be_seen_from_within_the_window(history):
    store, model = Subject(), Model()
    versions = [store.read_version()]
    for changes, key, bounds, seconds in history:
        committed = store.commit(store.read_version(), (), changes)
        model.commits.append((committed, changes))
        versions.append(committed)
        store.advance(seconds)
        now = store.latest()[1]
        for version in versions:
            if version < now - 5 * VERSIONS_PER_SECOND:
                with pytest.raises(TooOld):
                    store.get(b"", version)
                continue
            content = model.content(version)
            assert store.get(key, version) == content.get(key)
            assert dict(store.get_range(b"", b"\xff", version)) == content
            reads = [point(key), KeyRange(*bounds)]
            if model.conflicts(version, reads):
                with pytest.raises(Conflict):
                    store.commit(version, reads, [Set(b"never", b"")])
    store.advance(6.0)
    put(store, {b"end": b""})
    assert rows(store)[:2] == (len(everything(store)), 1)
    store.close()
