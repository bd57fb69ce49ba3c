"""What every implementation of the Store port must do, as FoundationDB was seen to do it.

A backend's test module subclasses the classes below and gives each an ``open``
that returns a new, empty store: an object with the port's four blocking calls,
``advance(seconds)`` and ``close()``.

``StoreConformance`` never advances time. ``WindowConformance`` does, by many
seconds: where time cannot be moved at will, ``advance`` sleeps, and the backend
marks its subclass as slow. Random histories are in ``tests.store_histories``.
"""

import pytest

from core.errors import Conflict, FutureVersion, TooLarge, TooOld
from core.store import (
    KEY_LIMIT,
    TRANSACTION_LIMIT,
    VALUE_LIMIT,
    VERSIONS_PER_SECOND,
    WINDOW_SECONDS,
    Atomic,
    Clear,
    ClearRange,
    KeyRange,
    Set,
    point,
)

FIVE = {b"o/%d" % number: b"%d" % number for number in range(5)}
MUTATIONS = (Set(b"z", b""),)


class Base:
    def open(self):
        raise NotImplementedError("return a new, empty store with advance and close")

    @pytest.fixture
    def store(self):
        store = self.open()
        yield store
        store.close()


def put(store, pairs):
    """Write pairs blindly: the committed version."""
    return store.commit(store.read_version(), (), [Set(k, v) for k, v in pairs.items()])


def mutate(store, *mutations):
    return store.commit(store.read_version(), (), mutations)


def now(store, key):
    return store.get(key, store.read_version())


def everything(store):
    return dict(store.get_range(b"", b"\xff", store.read_version()))


def conflict_keys(store, version, reads, mutations=MUTATIONS):
    """The keys of the conflict that the commit must end in; it must change nothing."""
    before = everything(store)
    with pytest.raises(Conflict) as caught:
        store.commit(version, reads, list(mutations))
    assert everything(store) == before
    return caught.value.keys


class StoreConformance(Base):
    # --- reading

    def test_absent_key(self, store):
        assert now(store, b"a") is None
        assert store.get_range(b"a", b"z", store.read_version()) == []

    def test_present_key(self, store):
        put(store, {b"a": b"1"})
        assert now(store, b"a") == b"1"
        assert type(now(store, b"a")) is bytes

    def test_empty_key_and_empty_value(self, store):
        put(store, {b"": b"1", b"a": b""})
        assert everything(store) == {b"": b"1", b"a": b""}

    def test_bytes_of_every_kind_keep_their_order(self, store):
        keys = [b"", b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"a", b"a\x00", b"b", b"\xfe\xff"]
        put(store, {key: key for key in reversed(keys)})
        version = store.read_version()
        assert store.get_range(b"", b"\xff", version) == [(key, key) for key in keys]
        assert [store.get(key, version) for key in keys] == keys

    def test_a_range_holds_its_begin_and_not_its_end(self, store):
        put(store, FIVE)
        version = store.read_version()
        assert store.get_range(b"o/1", b"o/3", version) == [(b"o/1", b"1"), (b"o/2", b"2")]

    def test_limit(self, store):
        put(store, FIVE)
        version = store.read_version()
        assert store.get_range(b"o/", b"o0", version, 2) == [(b"o/0", b"0"), (b"o/1", b"1")]
        assert store.get_range(b"o/", b"o0", version, 9) == list(FIVE.items())
        assert store.get_range(b"o/", b"o0", version, 0) == list(FIVE.items())

    def test_limit_does_not_count_removed_keys(self, store):
        put(store, FIVE)
        mutate(store, Clear(b"o/0"), Clear(b"o/2"))
        version = store.read_version()
        assert store.get_range(b"o/", b"o0", version, 2) == [(b"o/1", b"1"), (b"o/3", b"3")]

    @pytest.mark.parametrize(("begin", "end"), [(b"o/2", b"o/2"), (b"o/3", b"o/1")])
    def test_empty_ranges(self, store, begin, end):
        put(store, FIVE)
        assert store.get_range(begin, end, store.read_version()) == []

    def test_reads_at_old_versions_see_the_past(self, store):
        versions = [put(store, {b"a": b"%d" % number, b"n%d" % number: b""}) for number in range(4)]
        removed = mutate(store, Clear(b"a"), ClearRange(b"n", b"o"))
        again = put(store, {b"a": b"again"})
        for number, version in enumerate(versions):
            assert store.get(b"a", version) == b"%d" % number
            present = [key for key, _ in store.get_range(b"", b"\xff", version)]
            assert present == [b"a", *(b"n%d" % earlier for earlier in range(number + 1))]
        assert store.get(b"a", versions[0] - 1) is None
        assert store.get(b"a", removed) is None
        assert store.get_range(b"", b"\xff", removed) == []
        assert store.get(b"a", again) == b"again"

    def test_limit_at_an_old_version(self, store):
        version = put(store, FIVE)
        mutate(store, Clear(b"o/0"), Set(b"o/1", b"new"), Set(b"o/", b"new"))
        assert store.get_range(b"o/", b"o0", version, 2) == [(b"o/0", b"0"), (b"o/1", b"1")]

    # --- versions

    def test_read_version_is_at_least_the_last_commit(self, store):
        for _ in range(3):
            assert store.read_version() >= 0
            committed = put(store, {b"a": b""})
            assert store.read_version() >= committed

    def test_commits_strictly_advance(self, store):
        versions = [put(store, {b"a": b"%d" % number}) for number in range(20)]
        assert versions == sorted(set(versions))

    def test_a_commit_comes_after_every_version_handed_out(self, store):
        """Otherwise what was read at that version would change."""
        for number in range(20):
            version = store.read_version()
            before = store.get(b"a", version)
            assert put(store, {b"a": b"%d" % number}) > version
            assert store.get(b"a", version) == before

    def test_a_commit_at_an_older_version_comes_after_every_version_handed_out(self, store):
        for _ in range(20):
            older = store.read_version()
            newer = store.read_version()
            assert store.commit(older, (), [Set(b"a", b"")]) > newer

    def test_a_version_ahead_of_the_store(self, store):
        ahead = store.read_version() + 20 * VERSIONS_PER_SECOND
        with pytest.raises(FutureVersion):
            store.get(b"a", ahead)
        with pytest.raises(FutureVersion):
            store.get_range(b"a", b"b", ahead)

    # --- conflicts

    def test_two_read_modify_writes_of_one_key(self, store):
        put(store, {b"a": b"1"})
        version = store.read_version()
        store.commit(version, [point(b"a")], [Set(b"a", b"2")])
        assert conflict_keys(store, version, [point(b"a")], [Set(b"a", b"3")]) in ((), (b"a",))
        assert now(store, b"a") == b"2"

    def test_two_blind_writes_of_one_key(self, store):
        version = store.read_version()
        store.commit(version, (), [Set(b"a", b"1")])
        store.commit(version, (), [Set(b"a", b"2")])
        assert now(store, b"a") == b"2"

    def test_a_changed_key_that_is_not_among_the_reads(self, store):
        version = store.read_version()
        put(store, {b"a": b"1", b"a\x00": b"1"})
        store.commit(version, [point(b"b"), KeyRange(b"a\x01", b"z")], [Set(b"c", b"")])

    def test_a_key_changed_at_the_read_version_itself(self, store):
        version = put(store, {b"a": b"1"})
        store.commit(version, [point(b"a"), KeyRange(b"", b"\xff")], [Set(b"a", b"2")])

    @pytest.mark.parametrize(
        "change",
        [
            Set(b"a", b"new"),
            Set(b"a", b"old"),
            Clear(b"a"),
            ClearRange(b"a", b"a\x00"),
            ClearRange(b"", b"\xff"),
            Atomic("add", b"a", b"\x00"),
            Atomic("byte_min", b"a", b"z"),
        ],
    )
    @pytest.mark.parametrize("reads", [point(b"a"), KeyRange(b"", b"b"), KeyRange(b"a", b"a\x00z")])
    @pytest.mark.parametrize("present", [True, False])
    def test_every_kind_of_write_conflicts(self, store, change, reads, present):
        """Also one that leaves the value as it was, and a clear of an absent key."""
        if present:
            put(store, {b"a": b"old"})
        version = store.read_version()
        mutate(store, change)
        assert set(conflict_keys(store, version, [reads])) <= {b"a", b""}

    def test_phantom(self, store):
        put(store, FIVE)
        version = store.read_version()
        mutate(store, Set(b"o/25", b""))
        assert conflict_keys(store, version, [KeyRange(b"o/", b"o0")]) in ((), (b"o/25",))

    def test_a_key_that_left_the_range(self, store):
        put(store, FIVE)
        version = store.read_version()
        mutate(store, Clear(b"o/2"))
        assert conflict_keys(store, version, [KeyRange(b"o/", b"o0")]) in ((), (b"o/2",))

    def test_a_range_that_was_read_with_a_limit(self, store):
        """A reader that stopped after two of five depends on the range up to the second alone."""
        put(store, FIVE)
        version = store.read_version()
        last = store.get_range(b"o/", b"o0", version, 2)[-1][0]
        mutate(store, Set(b"o/4", b"new"))
        store.commit(version, [KeyRange(b"o/", last + b"\x00")], [Set(b"z", b"")])

    def test_bounds_of_ranges_in_conflicts(self, store):
        version = store.read_version()
        mutate(store, ClearRange(b"b", b"d"), Set(b"f", b""), Set(b"h", b""))
        for begin, end in ((b"a", b"b"), (b"d", b"f"), (b"f\x00", b"h"), (b"h\x00", b"z")):
            store.commit(version, [KeyRange(begin, end)], [Set(b"z", b"")])
        for begin, end in ((b"a", b"b\x00"), (b"c", b"c\x00"), (b"c\xff", b"d"), (b"f", b"g")):
            conflict_keys(store, version, [KeyRange(begin, end)])

    def test_empty_ranges_never_conflict_and_clear_nothing(self, store):
        put(store, FIVE)
        version = store.read_version()
        mutate(store, ClearRange(b"o/2", b"o/2"))
        assert everything(store) == FIVE
        store.commit(version, [KeyRange(b"", b"\xff")], [Set(b"o/2", b"new")])
        store.commit(version, [KeyRange(b"o/2", b"o/2")], [Set(b"z", b"")])

    def test_one_conflict_among_many_reads(self, store):
        version = store.read_version()
        put(store, {b"m": b""})
        reads = [point(b"k%d" % number) for number in range(50)]
        store.commit(version, reads, [Set(b"z", b"")])
        reads.insert(25, point(b"m"))
        assert conflict_keys(store, version, reads) in ((), (b"m",))

    def test_own_commits_conflict_like_any_others(self, store):
        version = store.read_version()
        committed = store.commit(version, [point(b"a")], [Set(b"a", b"1")])
        conflict_keys(store, version, [point(b"a")])
        store.commit(committed, [point(b"a")], [Set(b"a", b"2")])

    def test_a_refused_commit_is_no_write(self, store):
        version = store.read_version()
        put(store, {b"a": b""})
        conflict_keys(store, version, [point(b"a")], [Set(b"b", b"")])
        store.commit(version, [point(b"b")], [Set(b"c", b"")])

    def test_read_only_transactions_never_conflict(self, store):
        """They end without reads to check, whatever changed since."""
        version = store.read_version()
        put(store, {b"a": b"1"})
        assert store.get(b"a", version) is None
        store.commit(version, (), ())
        assert everything(store) == {b"a": b"1"}

    def test_conflict_keys_without_a_mutation(self, store):
        version = store.read_version()
        committed = store.commit(version, [point(b"a")], ())
        assert committed > version
        put(store, {b"a": b""})
        conflict_keys(store, version, [point(b"a")], ())
        conflict_keys(store, version, [KeyRange(b"", b"b")], ())

    def test_conflict_keys_are_not_written(self, store):
        version = store.read_version()
        store.commit(version, [point(b"a")], ())
        store.commit(version, [point(b"a")], [Set(b"b", b"")])
        assert everything(store) == {b"b": b""}

    # --- mutations

    def test_mutations_apply_in_order_at_one_version(self, store):
        put(store, {b"a": b"0", b"b": b"0", b"n": b"\x01"})
        version = store.read_version()
        committed = mutate(
            store,
            Set(b"a", b"1"),
            ClearRange(b"a", b"c"),
            Set(b"b", b"1"),
            Set(b"b", b"2"),
            Atomic("add", b"n", b"\x02"),
            Atomic("add", b"n", b"\x03"),
            Clear(b"m"),
            Atomic("add", b"m", b"\x04"),
            Set(b"c", b"1"),
            Clear(b"c"),
        )
        assert everything(store) == {b"b": b"2", b"m": b"\x04", b"n": b"\x06"}
        assert dict(store.get_range(b"", b"\xff", committed)) == everything(store)
        before = {b"a": b"0", b"b": b"0", b"n": b"\x01"}
        assert dict(store.get_range(b"", b"\xff", version)) == before
        assert dict(store.get_range(b"", b"\xff", committed - 1)) == before

    def test_clear_range_removes_exactly_the_range(self, store):
        put(store, FIVE)
        mutate(store, ClearRange(b"o/1", b"o/3"))
        assert sorted(everything(store)) == [b"o/0", b"o/3", b"o/4"]

    @pytest.mark.parametrize(
        ("operation", "stored", "operand", "result"),
        [
            ("add", None, b"\x05", b"\x05"),
            ("add", b"\x01", b"\x01" + bytes(7), b"\x02" + bytes(7)),
            ("add", b"\xff", b"\x01", b"\x00"),
            ("add", b"\xff\x00", b"\x01\x00", b"\x00\x01"),
            ("add", b"\x01\x02\x03", b"\x01", b"\x02"),
            ("add", b"", b"\x07\x00", b"\x07\x00"),
            ("add", b"\x07", b"", b""),
            ("max", None, b"\x00", b"\x00"),
            ("max", b"\x00\x01", b"\xff\x00", b"\x00\x01"),
            ("max", b"\x02", b"\x01\x00", b"\x02\x00"),
            ("max", b"\x01\x01", b"\x02", b"\x02"),
            ("max", b"\x03\x01", b"\x02", b"\x03"),
            ("min", None, b"\x05", b"\x05"),
            ("min", b"\x00\x01", b"\xff\x00", b"\xff\x00"),
            ("min", b"\x02", b"\x00\x01", b"\x02\x00"),
            ("min", b"\x01\x01", b"\x02", b"\x01"),
            ("min", b"", b"\x02", b"\x00"),
            ("byte_max", None, b"abc", b"abc"),
            ("byte_max", b"abc", b"abd", b"abd"),
            ("byte_max", b"abd", b"abc", b"abd"),
            ("byte_max", b"ab", b"abc", b"abc"),
            ("byte_max", b"b", b"abc", b"b"),
            ("byte_min", None, b"abc", b"abc"),
            ("byte_min", b"abc", b"abd", b"abc"),
            ("byte_min", b"abd", b"abc", b"abc"),
            ("byte_min", b"ab", b"abc", b"ab"),
            ("byte_min", b"", b"abc", b""),
            ("and", None, b"\x0f", b"\x0f"),
            ("and", b"\x33", b"\x0f", b"\x03"),
            ("and", b"\xff", b"\x0f\xf0", b"\x0f\x00"),
            ("and", b"\xff\xff", b"\x0f", b"\x0f"),
            ("or", None, b"\x0f", b"\x0f"),
            ("or", b"\x33", b"\x0f", b"\x3f"),
            ("or", b"\x30", b"\x0f\xf0", b"\x3f\xf0"),
            ("or", b"\x30\x30", b"\x0f", b"\x3f"),
            ("xor", None, b"\x0f", b"\x0f"),
            ("xor", b"\x33", b"\x0f", b"\x3c"),
            ("xor", b"\x33", b"\x0f\xf0", b"\x3c\xf0"),
            ("xor", b"\x33\x33", b"\x0f", b"\x3c"),
        ],
    )
    def test_atomic_operations(self, store, operation, stored, operand, result):
        if stored is not None:
            put(store, {b"a": stored})
        mutate(store, Atomic(operation, b"a", operand))
        assert now(store, b"a") == result

    def test_atomic_operation_on_a_removed_key(self, store):
        put(store, {b"a": b"\x07"})
        mutate(store, Clear(b"a"))
        mutate(store, Atomic("add", b"a", b"\x01"))
        assert now(store, b"a") == b"\x01"

    def test_concurrent_atomic_adds_both_count(self, store):
        version = store.read_version()
        store.commit(version, (), [Atomic("add", b"a", b"\x01")])
        store.commit(version, (), [Atomic("add", b"a", b"\x01")])
        assert now(store, b"a") == b"\x02"

    # --- limits

    def test_the_largest_key_and_value(self, store):
        key, value = b"k" * KEY_LIMIT, b"v" * VALUE_LIMIT
        put(store, {key: value})
        assert now(store, key) == value
        assert store.get_range(b"k", b"l", store.read_version()) == [(key, value)]

    @pytest.mark.parametrize(
        "mutation",
        [
            Set(b"k" * (KEY_LIMIT + 1), b""),
            Set(b"k", b"v" * (VALUE_LIMIT + 1)),
            Atomic("add", b"k" * (KEY_LIMIT + 1), b"\x01"),
            Atomic("add", b"k", b"v" * (VALUE_LIMIT + 1)),
        ],
        ids=["key", "value", "atomic key", "atomic operand"],
    )
    def test_over_the_limit(self, store, mutation):
        with pytest.raises(TooLarge):
            mutate(store, Set(b"a", b""), mutation)
        assert everything(store) == {}

    def test_transaction_limit(self, store):
        value = b"v" * VALUE_LIMIT
        fits = TRANSACTION_LIMIT * 9 // 10 // VALUE_LIMIT
        put(store, {b"%d" % number: value for number in range(fits)})
        too_many = TRANSACTION_LIMIT * 11 // 10 // VALUE_LIMIT
        with pytest.raises(TooLarge):
            put(store, {b"n%d" % number: value for number in range(too_many)})
        assert len(everything(store)) == fits

    def test_too_large_is_found_before_a_conflict(self, store):
        version = store.read_version()
        put(store, {b"a": b""})
        with pytest.raises(TooLarge):
            store.commit(version, [point(b"a")], [Set(b"k", b"v" * (VALUE_LIMIT + 1))])

    def test_keys_outside_the_user_key_space(self, store):
        version = store.read_version()
        with pytest.raises(ValueError, match="user key space"):
            store.get(b"\xff/a", version)
        with pytest.raises(ValueError, match="user key space"):
            store.get_range(b"\xff", b"\xff\xff", version)
        with pytest.raises(ValueError, match="user key space"):
            store.commit(version, (), [Set(b"\xff", b"")])

    def test_keys_and_values_must_be_bytes(self, store):
        version = store.read_version()
        with pytest.raises(TypeError, match="bytes"):
            store.get("a", version)
        for mutation in (Set("a", b""), Set(b"a", 1), Set(b"a", "1"), Clear("a")):
            with pytest.raises(TypeError, match="bytes"):
                store.commit(version, (), [mutation])
        assert everything(store) == {}


class WindowConformance(Base):
    def test_versions_advance_with_time(self, store):
        first = put(store, {b"a": b"1"})
        store.advance(2.0)
        passed = put(store, {b"a": b"2"}) - first
        assert 1.9 * VERSIONS_PER_SECOND < passed < 4.0 * VERSIONS_PER_SECOND

    def test_a_version_can_be_used_for_nearly_the_window(self, store):
        put(store, {b"a": b"1", b"b": b"1"})
        version = store.read_version()
        put(store, {b"a": b"2", b"c": b"2"})
        mutate(store, ClearRange(b"b", b"c"))
        store.advance(0.8 * WINDOW_SECONDS)
        put(store, {b"d": b""})
        assert store.get_range(b"", b"\xff", version) == [(b"a", b"1"), (b"b", b"1")]
        for read in (point(b"a"), point(b"b"), KeyRange(b"b\x00", b"b\x01"), KeyRange(b"c", b"d")):
            conflict_keys(store, version, [read])
        store.commit(version, [point(b"e")], [Set(b"e", b"")])

    def test_a_version_out_of_the_window(self, store):
        put(store, {b"a": b"1"})
        version = store.read_version()
        put(store, {b"a": b"2"})
        store.advance(4 * WINDOW_SECONDS)
        with pytest.raises(TooOld):
            store.get(b"a", version)
        with pytest.raises(TooOld):
            store.get_range(b"a", b"b", version)
        for reads in ((), (point(b"a"),), (point(b"b"),), (KeyRange(b"", b"\xff"),)):
            with pytest.raises(TooOld):
                store.commit(version, reads, [Set(b"a", b"3")])
        assert everything(store) == {b"a": b"2"}

    def test_too_large_is_found_before_too_old(self, store):
        version = store.read_version()
        store.advance(4 * WINDOW_SECONDS)
        with pytest.raises(TooLarge):
            store.commit(version, (), [Set(b"k", b"v" * (VALUE_LIMIT + 1))])

    def test_an_idle_store_stays_usable(self, store):
        put(store, {b"a": b"1"})
        store.advance(4 * WINDOW_SECONDS)
        version = store.read_version()
        assert store.get(b"a", version) == b"1"
        store.commit(version, [point(b"a")], [Set(b"a", b"2")])
        assert now(store, b"a") == b"2"

    def test_what_left_the_window_is_forgotten_without_a_trace(self, store):
        for number in range(3):
            put(store, {b"a": b"%d" % number, b"b%d" % number: b"", b"c": b""})
            mutate(store, Clear(b"c"), ClearRange(b"b", b"c"), Clear(b"never"))
            store.advance(1.5 * WINDOW_SECONDS)
        put(store, {b"d": b""})
        assert everything(store) == {b"a": b"2", b"d": b""}
        put(store, {b"c": b"back", b"b1": b"back"})
        assert everything(store) == {b"a": b"2", b"b1": b"back", b"c": b"back", b"d": b""}


class LogConformance(Base):
    """The log of commits, which the backends for real keep (``backends.runtime.store``)."""

    def commit(self, store, entry, *mutations, reads=()):
        return store.commit(store.read_version(), reads, mutations, entry)

    def test_no_entry(self, store):
        assert store.log() == []
        put(store, {b"a": b"1"})
        assert store.log() == []

    def test_entries_stand_in_the_order_of_the_commits_with_their_versions(self, store):
        expected = []
        for number in range(30):
            entry = b"%d" % number
            expected.append((self.commit(store, entry, Set(b"a", entry)), entry))
            put(store, {b"b": b""})
        assert store.log() == expected

    @pytest.mark.parametrize("size", [0, 1, VALUE_LIMIT - 1, VALUE_LIMIT, VALUE_LIMIT + 1, 650_000])
    def test_entries_of_any_size(self, store, size):
        entries = [bytes([byte]) * size for byte in (1, 0, 255)]
        versions = [self.commit(store, entry, Set(b"a", b"")) for entry in entries]
        assert store.log() == list(zip(versions, entries, strict=True))

    def test_a_log_of_many_entries(self, store):
        large = bytes(3 * VALUE_LIMIT + 7)
        entries = [large if number % 3 else b"%d" % number for number in range(70)]
        for entry in entries:
            self.commit(store, entry)
        assert [entry for _, entry in store.log()] == entries

    def test_an_entry_alone_is_a_commit(self, store):
        version = store.read_version()
        committed = store.commit(version, (), (), b"entry")
        assert committed > version
        assert store.log() == [(committed, b"entry")]
        assert store.read_version() >= committed

    def test_reads_do_not_see_the_log(self, store):
        self.commit(store, b"entry", Set(b"a", b"1"))
        assert everything(store) == {b"a": b"1"}
        mutate(store, ClearRange(b"", b"\xff"))
        assert [entry for _, entry in store.log()] == [b"entry"]

    def test_the_log_conflicts_with_nothing(self, store):
        version = store.read_version()
        self.commit(store, b"one")
        store.commit(version, [KeyRange(b"", b"\xff")], [Set(b"a", b"")], b"two")
        assert [entry for _, entry in store.log()] == [b"one", b"two"]

    def test_a_refused_commit_leaves_no_entry(self, store):
        version = store.read_version()
        put(store, {b"a": b""})
        with pytest.raises(Conflict):
            store.commit(version, [point(b"a")], [Set(b"b", b"")], b"entry")
        with pytest.raises(TooLarge):
            self.commit(store, b"entry", Set(b"k", b"v" * (VALUE_LIMIT + 1)))
        assert store.log() == []

    def test_entries_count_for_the_size(self, store):
        with pytest.raises(TooLarge):
            self.commit(store, bytes(TRANSACTION_LIMIT * 11 // 10), Set(b"a", b""))
        pairs = [Set(b"%d" % n, bytes(VALUE_LIMIT)) for n in range(60)]
        with pytest.raises(TooLarge):
            self.commit(store, bytes(TRANSACTION_LIMIT // 2), *pairs)
        assert (store.log(), everything(store)) == ([], {})
        self.commit(store, bytes(TRANSACTION_LIMIT // 10 * 9))

    def test_an_entry_must_be_bytes(self, store):
        with pytest.raises(TypeError, match="bytes"):
            self.commit(store, "entry")
