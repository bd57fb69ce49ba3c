"""Giving room back: the file gets smaller, its content stays, no read is told anything false."""

import sqlite3

import pytest

from backends.sqlite.shrink import shrink
from core.errors import Conflict, StoreUnavailable, TooOld
from core.store import ClearRange, KeyRange, Set, point
from tests.backends.sqlite.subject import Opened


@pytest.fixture
def path(tmp_path):
    """A store that was large once."""
    path = tmp_path / "store.db"
    store = Opened(path)
    for number in range(20):
        writes = [Set(b"j%02d%04d" % (number, n), b"x" * 1_000) for n in range(100)]
        store.commit(store.read_version(), [], writes)
    store.commit(
        store.read_version(), [], [Set(b"a", b"1"), Set(b"z", b"2"), ClearRange(b"j", b"k")]
    )
    store.close()
    return path


def size(path):
    return sum(each.stat().st_size for each in path.parent.glob("store.db*"))


def content(path):
    store = Opened(path)
    found = store.get_range(b"", b"\xff", store.read_version())
    store.close()
    return found


def test_the_file_gets_smaller_and_its_content_stays(path):
    assert size(path) > 2_000_000
    shrink(str(path), alone=True)
    assert size(path) < 100_000
    assert content(path) == [(b"a", b"1"), (b"z", b"2")]


def test_no_version_from_before_can_be_used_any_more(path):
    before = Opened(path)
    version = before.read_version()
    before.close()
    shrink(str(path), alone=True)
    store = Opened(path)
    for use in (
        lambda: store.get(b"j000000", version),
        lambda: store.get_range(b"", b"\xff", version),
        lambda: store.commit(version, [point(b"a")], [Set(b"a", b"9")]),
    ):
        with pytest.raises(TooOld):
            use()
    assert store.read_version() > version
    store.close()


def test_what_was_shrunk_goes_on_as_any_store(path):
    shrink(str(path), alone=True)
    store = Opened(path)
    first = store.read_version()
    second = store.commit(first, [point(b"a")], [Set(b"a", b"3")])
    assert second > first
    with pytest.raises(Conflict):
        store.commit(first, [KeyRange(b"a", b"c")], [Set(b"b", b"")])
    assert store.get(b"a", first) == b"1"
    assert store.get(b"a", store.read_version()) == b"3"
    store.close()
    shrink(str(path), alone=True)
    assert content(path) == [(b"a", b"3"), (b"z", b"2")]


def test_beside_others_only_the_log_is_cut(path):
    store = Opened(path)
    version = store.read_version()
    shrink(str(path), alone=False)
    assert store.get(b"a", version) == b"1"
    assert store.commit(version, [point(b"a")], [Set(b"a", b"3")]) > version
    store.close()
    assert content(path) == [(b"a", b"3"), (b"z", b"2")]


def test_beside_one_who_writes_nobody_waits(path):
    store = Opened(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    shrink(str(path), alone=False)
    writer.execute("COMMIT")
    writer.close()
    store.close()
    assert content(path) == [(b"a", b"1"), (b"z", b"2")]


def test_another_programs_file_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE past (x)")
    other.execute("INSERT INTO past VALUES (1)")
    other.commit()
    other.close()
    with pytest.raises(StoreUnavailable, match="another program"):
        shrink(str(path), alone=True)
    other = sqlite3.connect(path)
    assert other.execute("SELECT * FROM past").fetchall() == [(1,)]
    other.close()
