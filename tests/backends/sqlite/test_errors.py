"""Every kind of bad file: one clear error, with the path and the remedy, and nothing half-done."""

import copy
import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from backends.sqlite import errors
from backends.sqlite.database import APPLICATION_ID, SCHEMA_VERSION
from backends.sqlite.errors import (
    DamagedFile,
    DiskFull,
    ForeignFile,
    LockedFile,
    NewerFile,
    StoreFileError,
    UnreadableFile,
    UnwritableFile,
)
from core.errors import MuError, StoreUnavailable, Unknown
from core.store import Clear, ClearRange, KeyRange, Set, point
from tests.backends.sqlite.subject import Clock, Opened
from tests.store_conformance import everything, put

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store.db")


def refusal(path, kind, match, **options):
    """Opening fails with one error that names the file; the file is as it was."""
    before = Path(path).read_bytes() if os.path.isfile(path) else None
    with pytest.raises(kind, match=match) as caught:
        Opened(path, timeout=0.05, **options)
    error = caught.value
    assert isinstance(error, (StoreFileError, StoreUnavailable, MuError))
    assert str(error) == f"store {path} {error.trouble}: {error.remedy}"
    assert error.__suppress_context__ or error.__context__ is None
    if before is not None:
        assert Path(path).read_bytes() == before


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def filled(path):
    store = Opened(path, "off")
    for number in range(40):
        put(store, {b"%d/%d" % (number, n): bytes(500) for n in range(20)})
    store.close()


# --- files that are not ours to open


def test_a_text_file(path):
    Path(path).write_text("the quick brown fox jumps over the lazy dog" * 100)
    refusal(path, ForeignFile, "is not a SQLite database.*give another path")


def test_another_program_s_database(path):
    change(path, "CREATE TABLE customers (name)")
    refusal(path, ForeignFile, "is another program's SQLite database: give another path")


def test_another_program_s_empty_database(path):
    change(path, "PRAGMA application_id = 7", "PRAGMA user_version = 3")
    refusal(path, ForeignFile, "another program's")


def test_a_newer_store(path):
    filled(path)
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    refusal(path, NewerFile, r"has schema 2, and this release knows 1 at most: upgrade mu2sls")


def test_a_store_cut_short(path):
    filled(path)
    Path(path).write_bytes(Path(path).read_bytes()[:5_000])
    refusal(path, DamagedFile, r"is damaged: move it .* aside .*\.recover")


def test_a_store_without_a_table(path):
    filled(path)
    change(path, "DROP TABLE past")
    refusal(path, DamagedFile, "is damaged")


def test_a_store_without_its_row(path):
    filled(path)
    change(path, "DELETE FROM meta")
    refusal(path, DamagedFile, "is damaged")


def test_damage_found_later(path):
    """In pages that opening does not look at; the rest can still be read."""
    filled(path)
    pages = Path(path).read_bytes()
    pages = [pages[begin : begin + 4096] for begin in range(0, len(pages), 4096)]
    damaged = [
        bytes(4096) if b"20/10" in page and number else page for number, page in enumerate(pages)
    ]
    assert damaged != pages
    Path(path).write_bytes(b"".join(damaged))
    store = Opened(path)
    version = store.read_version()
    assert store.get(b"0/0", version) == bytes(500)
    for ask in (
        lambda: store.get(b"20/10", version),
        lambda: store.get_range(b"", b"\xff", version),
        lambda: store.commit(version, (), [Set(b"20/10", b"")]),
    ):
        with pytest.raises(DamagedFile, match="is damaged"):
            ask()
    store.close()


def test_an_empty_file_and_one_whose_making_was_cut_short_are_new(path):
    Path(path).touch()
    Opened(path).close()
    assert put_and_read(path)
    os.remove(path)
    change(path, "PRAGMA journal_mode = WAL")
    assert put_and_read(path)


def put_and_read(path):
    store = Opened(path)
    put(store, {b"a": b"1"})
    content = everything(store)
    store.close()
    return content == {b"a": b"1"}


def test_the_header(path):
    Opened(path).close()
    header = Path(path).read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID == int.from_bytes(b"mu2s", "big")


# --- places that cannot be written


def test_no_folder(tmp_path):
    path = str(tmp_path / "no" / "store.db")
    refusal(path, UnwritableFile, rf"has no folder to be in: create {tmp_path}/no$")


def test_a_folder_instead_of_a_file(tmp_path):
    refusal(str(tmp_path), UnwritableFile, "is a folder: give the path of a file")


PROGRAM = """
import os, sys
from tests.backends.sqlite.subject import Opened
from core.errors import MuError
if os.getuid() == 0:
    os.setuid(65534)
try:
    Opened(sys.argv[1])
except MuError as error:
    print(type(error).__name__, error)
"""


def as_nobody(path):
    command = [sys.executable, "-c", PROGRAM, path]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("exists", [False, True])
def test_an_unwritable_folder(tmp_path, path, exists):
    if exists:
        Opened(path).close()
        os.chmod(path, 0o444)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o555)
    said = as_nobody(path)
    tmp_path.chmod(0o755)
    start = f"UnwritableFile store {path} cannot be opened for writing: check the permissions"
    assert said.startswith(start)


# --- a full disk

FULL = """
import sys
from backends.sqlite.errors import DiskFull
from tests.backends.sqlite.subject import Clock, Opened
from core.store import Set
clock = Clock()
store = Opened(sys.argv[1] + "/store.db", clock=clock, window=0.1)
acknowledged = 0
try:
    while True:
        store.commit(store.read_version(), (), [Set(b"%06d" % acknowledged, bytes(3000))])
        acknowledged += 1
except DiskFull as error:
    print(error)
version = store.read_version()
assert len(store.get_range(b"", b"\\xff", version)) == acknowledged > 10
clock.time += 0.2  # more than the window: the version is old because nobody can commit
for _ in range(2):
    try:
        store.commit(version, [(b"a", b"b")], [Set(b"a", b"")])
    except DiskFull:
        print("named")
store.close()
store = Opened(sys.argv[1] + "/store.db", clock=clock)
pairs = store.get_range(b"", b"\\xff", store.read_version())
assert pairs == [(b"%06d" % number, bytes(3000)) for number in range(acknowledged)]
print("whole")
"""


def test_a_full_disk(tmp_path):
    """On a real file system of 400 kB, in a mount namespace that ends with the process."""
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=400k none "$0" && exec "$@"']
    command = [*mount, str(tmp_path), sys.executable, "-c", FULL, str(tmp_path)]
    try:
        probe = subprocess.run([*mount, str(tmp_path), "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if probe.returncode:
        pytest.skip("no mount namespaces here")
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        f"store {tmp_path}/store.db cannot grow, the disk is full: "
        "make room on its disk; nothing in it is lost",
        "named",
        "named",
        "whole",
    ]


# --- locks


def test_a_locked_file(path):
    store = Opened(path, timeout=0.05)
    put(store, {b"a": b"1"})
    version = store.read_version()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LockedFile, match="locked by another process: see which one with `fuser"):
        store.commit(version, (), [Set(b"a", b"2")])
    assert store.get(b"a", version) == b"1"
    holder.execute("COMMIT")
    store.commit(version, (), [Set(b"a", b"3")])
    holder.close()
    store.close()


def test_a_file_locked_for_good(path):
    filled(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    refusal(path, LockedFile, "is locked by another process")
    holder.close()
    Opened(path).close()


# --- trouble at any moment of a commit


class Faulty:
    """A connection whose cursor fails at one statement, before or after it took effect."""

    def __init__(self, connection, at, after, code):
        self.connection, self.at, self.after, self.code = connection, at, after, code
        self.statements = []

    def cursor(self):
        self.real = self.connection.cursor()
        return self

    def close(self):
        self.real.close()

    def execute(self, statement, values=()):
        return self.run(self.real.execute, statement, values)

    def executemany(self, statement, values):
        return self.run(self.real.executemany, statement, values)

    def run(self, perform, statement, values):
        self.statements.append(statement)
        fails = len(self.statements) - 1 == self.at
        if not fails or self.after:
            perform(statement, values)
        if fails:
            error = sqlite3.OperationalError("as the test says")
            error.sqlite_errorcode = self.code
            raise error
        return self.real


WORK = [Set(b"a", b"2"), Clear(b"b"), ClearRange(b"c", b"d"), Set(b"e", b"2")]
READS = [point(b"a"), KeyRange(b"x", b"z")]
BEFORE = {b"a": b"1", b"b": b"1", b"c": b"1"}
AFTER = {b"a": b"2", b"e": b"2"}


def struck(path, at, after, code):
    """A commit with one failing statement: what was raised, the statements, the content."""
    store = Opened(path, "off", clock=Clock())
    version = put(store, BEFORE)
    committer = store.store._committer
    faulty = Faulty(committer._connection, at, after, code)
    committer._connection = faulty
    error = None
    try:
        store.commit(version, READS, WORK, b"entry")
    except MuError as caught:
        error = caught
    statements = faulty.statements.copy()
    content = everything(store)
    assert [entry for _, entry in store.log()] == ([] if content == BEFORE else [b"entry"])
    assert put(store, {b"later": b""}) > version
    assert everything(store) == {**content, b"later": b""}
    store.commit(store.read_version(), (), (), b"another")
    assert store.log()[-1][1] == b"another"
    store.close()
    os.remove(path)
    return error, statements, content


def test_an_error_at_any_statement(path):
    error, statements, content = struck(path, None, False, 0)
    assert (error, content) == (None, AFTER)
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements[-1] == "COMMIT"
    for at, statement in enumerate(statements):
        for after in (False, True):
            error, _, content = struck(path, at, after, sqlite3.SQLITE_IOERR_WRITE)
            if statement == "COMMIT":
                assert isinstance(error, Unknown)
                assert str(error).startswith(f"the commit may have happened; store {path} could")
                assert content == (AFTER if after else BEFORE)
            else:
                assert type(error) is UnreadableFile
                assert "could not be used (as the test says): look into the system's log" in str(
                    error
                )
                assert content == BEFORE


def test_a_disk_full_at_the_last_moment_is_definite(path):
    _, statements, _ = struck(path, None, False, 0)
    error, _, content = struck(path, len(statements) - 1, False, sqlite3.SQLITE_FULL)
    assert type(error) is DiskFull
    assert content == BEFORE


LIMITED = """
import resource, sys
from tests.backends.sqlite.subject import Opened
from core.errors import Unknown
from core.store import Set
store = Opened(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
acknowledged = 0
try:
    while True:
        store.commit(store.read_version(), (), [Set(b"%06d" % acknowledged, bytes(3000))])
        acknowledged += 1
except Unknown as error:
    print(error)
    print(acknowledged)
"""


def test_a_file_that_may_not_grow(path):
    """A real error of the operating system in mid-commit, after which the process ends."""
    command = [sys.executable, "-c", LIMITED, path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said, acknowledged = run.stdout.splitlines()
    assert said.startswith(f"the commit may have happened; store {path} could not be used")
    store = Opened(path)
    keys = list(everything(store))
    assert keys[: int(acknowledged)] == [b"%06d" % number for number in range(int(acknowledged))]
    assert len(keys) - int(acknowledged) in (0, 1)
    store.close()


# --- the errors themselves


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_copies(again):
    error = again(DiskFull("x.db", "cannot grow", "make room"))
    assert type(error) is DiskFull
    assert str(error) == "store x.db cannot grow: make room"


@pytest.mark.parametrize("code", [0, 1, 5, 8, 10, 11, 13, 14, 26, 266, 522, 4874, 99])
def test_every_code_of_sqlite_has_an_explanation(code):
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = code
    assert "store x.db " in str(errors.explain(error, "x.db"))
    assert "x.db" in str(errors.explain(sqlite3.ProgrammingError("no code"), "x.db"))
