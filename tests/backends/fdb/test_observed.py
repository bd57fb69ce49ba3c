"""One case for each line of what a real FoundationDB 7.3 was seen to do.

The table was made with the official bindings at API version 730. The stand-in must give the
same, or what is tested on it says nothing; a real cluster is asked the same questions.
"""

import struct
import threading
from contextlib import nullcontext
from uuid import uuid4

import pytest

from tests.backends.fdb.clusters import PLACES, Standing, plain
from tests.backends.fdb.network import MAYBE_COMMITTED, MESSAGES, NETWORK, NOT_COMMITTED, FDBError
from tests.backends.fdb.standin import StandIn

CONFLICT = "error 1020 Transaction not committed due to conflict with another transaction"
TOO_OLD = "error 1007 Transaction is too old to perform reads or be committed"
USED = "error 2017 Operation issued while a commit was outstanding"
CANCELLED = "error 1025 Operation aborted because the transaction was cancelled"
TIMED_OUT = "error 1031 Operation aborted because the transaction timed out"
TOO_LONG = "error 2102 Key length exceeds limit"
RECOVERED = (TIMED_OUT, True, b"1", None)
SECOND = 1_000_000
CASES = []


def seen(tried, outcome, only_standin=False):
    """A line of the table; the function gives what happens, an exception counts as its text."""

    def case(function):
        CASES.append((tried, outcome, function, only_standin))
        return function

    return case


class Db:
    """A database whose keys begin with a prefix of their own; o/0 to o/4 are there."""

    def __init__(self, place):
        self.place, self.fdb = place, place.fdb
        self.fdb.api_version(730)
        self.db = self.fdb.open()
        self.prefix = f"test-{uuid4()}/".encode() if place.real else b""
        for number in range(5):
            self.put(b"o/s/%d" % number, b"1")
        self.put(b"k", b"1")

    def key(self, key):
        return self.prefix + key

    def begin(self):
        return self.db.create_transaction()

    def put(self, key, value):
        tr = self.begin()
        tr[self.key(key)] = value
        tr.commit().wait()

    def clean(self):
        """Leave nothing in a cluster that others use."""
        tr = self.begin()
        if self.prefix:
            tr.clear_range(self.prefix, self.prefix + b"\xff")
            tr.commit().wait()

    def started(self):
        """A transaction with a read version."""
        tr = self.begin()
        tr.get_read_version().wait()
        return tr

    def in_flight(self):
        return nullcontext() if self.place.real else NETWORK.paused()

    def keys(self, pairs):
        return [pair.key[len(self.prefix) :] for pair in pairs]


def end(tr):
    tr.commit().wait()
    return "succeeds"


def outcome_of(function, *arguments):
    try:
        return function(*arguments)
    except TypeError as error:
        return f"TypeError: {error}"
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    except Exception as error:
        return f"error {error.code} {error.description.decode()}"


@seen("value of a present key, type", "Value, bytes() b'1'")
def _(db):
    tr = db.begin()
    value = tr[db.key(b"k")]
    return f"{type(value).__name__}, bytes() {bytes(value)}"


@seen("absent key", "present() False, == None True")
def _(db):
    tr = db.begin()
    value = tr[db.key(b"absent")]
    return f"present() {value.present()}, == None {value == None}"  # noqa: E711


@seen("read-your-writes before commit", b"2")
def _(db):
    tr = db.begin()
    tr[db.key(b"k")] = b"2"
    return bytes(tr[db.key(b"k")])


@seen("snapshot read sees own write", b"3")
def _(db):
    tr = db.begin()
    tr[db.key(b"k")] = b"3"
    return bytes(tr.snapshot[db.key(b"k")])


@seen("get_committed_version of a read-only transaction", -1)
def _(db):
    tr = db.begin()
    tr[db.key(b"k")].wait()
    tr.commit().wait()
    return tr.get_committed_version()


@seen("get_committed_version after a write is an int", "int")
def _(db):
    tr = written(db)
    return type(tr.get_committed_version()).__name__


def written(db):
    tr = db.begin()
    tr[db.key(b"k")] = b"w"
    tr.commit().wait()
    assert tr.get_committed_version() > 0
    return tr


@seen("second commit on the same transaction object", USED)
def _(db):
    return end(written(db))


@seen("read on a committed transaction object", USED)
def _(db):
    tr = written(db)
    return tr[db.key(b"k")].value


def two(db, first, second):
    """Two transactions at one version: ``first`` and a commit, ``second`` and its commit."""
    one, other = db.started(), db.started()
    first(one)
    second(other)
    one.commit().wait()
    return end(other)


@seen("two read-modify-writes of one key, second commit", CONFLICT)
def _(db):
    def increment(tr):
        tr[db.key(b"k")] = tr[db.key(b"k")].value + b"1"

    return two(db, increment, increment)


@seen("two blind writes of one key, second commit", "succeeds")
def _(db):
    def write(tr):
        tr[db.key(b"k")] = b"2"

    return two(db, write, write)


def changed(db, read, change=b"k", write=True):
    """Read, have somebody change a key, write elsewhere and commit."""
    tr = db.started()
    read(tr)
    db.put(change, b"changed")
    if write:
        tr[db.key(b"elsewhere")] = b""
    return end(tr)


@seen("snapshot read of a key changed since, commit", "succeeds")
def _(db):
    return changed(db, lambda tr: tr.snapshot[db.key(b"k")].wait())


@seen("range read, key inserted into the range since, commit (phantom)", CONFLICT)
def _(db):
    return changed(db, lambda tr: list(tr[db.key(b"o/") : db.key(b"o0")]), b"o/s/25")


@seen("range read with limit 2 of 5, fifth key changed since, commit", "succeeds")
def _(db):
    def read(tr):
        assert len(list(tr.get_range(db.key(b"o/"), db.key(b"o0"), limit=2))) == 2

    return changed(db, read, b"o/s/4")


@seen("read-only transaction whose read changed since, commit", "succeeds")
def _(db):
    return changed(db, lambda tr: tr[db.key(b"k")].wait(), write=False)


@seen("set_read_version, add_read_conflict_key of a key changed since, commit", CONFLICT)
def _(db):
    earlier, tr = db.begin(), db.begin()
    tr.set_read_version(earlier.get_read_version().wait())
    return changed_since(db, tr, lambda: tr.add_read_conflict_key(db.key(b"k")))


def changed_since(db, tr, add, change=b"k"):
    db.put(change, b"changed")
    add()
    tr[db.key(b"elsewhere")] = b""
    return end(tr)


@seen("add_read_conflict_range, key inserted since, commit", CONFLICT)
def _(db):
    tr = db.started()
    add = lambda: tr.add_read_conflict_range(db.key(b"o/"), db.key(b"o0"))  # noqa: E731
    return changed_since(db, tr, add, b"o/s/25")


@seen("commit with conflict keys only, no mutation", "succeeds, with a committed version")
def _(db):
    """Of both kinds: the client takes one with read conflicts alone for read-only."""
    tr = db.started()
    tr.add_read_conflict_key(db.key(b"k"))
    tr.add_write_conflict_key(db.key(b"m"))
    outcome = end(tr)
    return outcome + (", with a committed version" if tr.get_committed_version() > 0 else "")


@seen("read at a version 20 s ahead (waited at most 5 s)", "error 1009 Request for future version")
def _(db):
    tr = db.begin()
    tr.options.set_timeout(10_000)
    now = db.begin()
    tr.set_read_version(now.get_read_version().wait() + 20 * SECOND)
    return tr[db.key(b"k")].value


def old(db):
    tr = db.started()
    db.place.advance(20)
    return tr


@seen("read at a version 20 s old", TOO_OLD)
def _(db):
    tr = old(db)
    return tr[db.key(b"k")].value


@seen("blind write at a version 20 s old, commit", TOO_OLD)
def _(db):
    tr = old(db)
    tr[db.key(b"k")] = b""
    return end(tr)


@seen("the same with a read conflict key", TOO_OLD)
def _(db):
    tr = old(db)
    tr[db.key(b"k")] = b""
    tr.add_read_conflict_key(db.key(b"other"))
    return end(tr)


@seen("set_read_version after the version was fetched", "succeeds")
def _(db):
    tr = db.begin()
    tr.set_read_version(tr.get_read_version().wait())
    return "succeeds"


@seen("versions in 2 seconds between two commits, about", 2_000_000)
def _(db):
    first = written(db).get_committed_version()
    db.place.advance(2)
    return round(written(db).get_committed_version() - first, -6)


@seen("key of 10,001 bytes, commit", "error 2102 Key length exceeds limit")
def _(db):
    tr = db.begin()
    tr[db.key(b"k" * (10_001 - len(db.prefix)))] = b""
    return end(tr)


@seen("value of 100,001 bytes", "error 2103 Value length exceeds limit")
def _(db):
    tr = db.begin()
    tr[db.key(b"k")] = bytes(100_001)
    return end(tr)


def commit_of(db, size, count):
    tr = db.begin()
    for number in range(count):
        tr[db.key(b"big/%d" % number)] = bytes(size)
    return end(tr)


@seen("transaction of about 9 MB, commit", "succeeds")
def _(db):
    return commit_of(db, 100_000, 90)


@seen("transaction of about 11 MB, commit", "error 2101 Transaction exceeds byte limit")
def _(db):
    return commit_of(db, 100_000, 110)


@seen("timeout option of 1 ms", TIMED_OUT)
def _(db):
    tr = db.begin()
    tr.options.set_timeout(1)
    for _ in range(1000):
        tr.get_read_version().wait()
        tr[db.key(b"k")].wait()
    return "no timeout"


@seen("size_limit option 1,000, commit of 2,000", "error 2101 Transaction exceeds byte limit")
def _(db):
    tr = db.begin()
    tr.options.set_size_limit(1_000)
    tr[db.key(b"k")] = bytes(2_000)
    return end(tr)


@seen("future of a transaction object already collected", CANCELLED)
def _(db):
    with db.in_flight():
        future = db.begin()[db.key(b"k")]
    return future.value


@seen("read after cancel", CANCELLED)
def _(db):
    tr = db.started()
    tr.cancel()
    return tr[db.key(b"k")].value


def number(value):
    return struct.unpack("<q", bytes(value))


def add(db, amount, tr=None):
    own = tr or db.begin()
    own.add(db.key(b"n"), struct.pack("<q", amount))
    if tr is None:
        own.commit().wait()


@seen("atomic add on an absent key", (5,))
def _(db):
    add(db, 5)
    return number(db.db[db.key(b"n")])


@seen("atomic add with 8-byte operand on a 1-byte value", b"\x02\0\0\0\0\0\0\0")
def _(db):
    db.put(b"n", b"\x01")
    add(db, 1)
    return db.db[db.key(b"n")]


@seen("two concurrent atomic adds, second commit", "succeeds, both counted")
def _(db):
    outcome = two(db, lambda tr: add(db, 1, tr), lambda tr: add(db, 1, tr))
    return outcome + (", both counted" if number(db.db[db.key(b"n")]) == (2,) else "")


@seen("read after an atomic add in the same transaction", (8,))
def _(db):
    add(db, 5)
    tr = db.begin()
    add(db, 3, tr)
    return number(tr[db.key(b"n")])


@seen("compare_and_clear with another value leaves the key", True)
def _(db):
    tr = db.begin()
    tr.compare_and_clear(db.key(b"k"), b"another")
    tr.commit().wait()
    return db.db[db.key(b"k")] == b"1"


@seen("byte_max", b"abd")
def _(db):
    db.put(b"k", b"abc")
    tr = db.begin()
    tr.byte_max(db.key(b"k"), b"abd")
    tr.commit().wait()
    return db.db[db.key(b"k")]


def stamped(db):
    key = db.key(b"v/")
    tr = db.begin()
    tr.set_versionstamped_key(key + bytes(10) + struct.pack("<L", len(key)), b"")
    return tr


@seen("versionstamp, bytes", 10)
def _(db):
    tr = stamped(db)
    stamp = tr.get_versionstamp()
    tr.commit().wait()
    after = db.begin()
    assert db.keys(after[db.key(b"v/") : db.key(b"v0")]) == [b"v/" + stamp.value]
    return len(stamp.value)


@seen("versionstamp first 8 bytes equal the committed version", True)
def _(db):
    tr = stamped(db)
    stamp = tr.get_versionstamp()
    tr.commit().wait()
    return int.from_bytes(stamp.value[:8], "big") == tr.get_committed_version()


@seen(
    "range read over a range with an own versionstamped key",
    "error 1036 Read or wrote an unreadable key",
)
def _(db):
    tr = stamped(db)
    return list(tr[db.key(b"v/") : db.key(b"v0")])


@seen("get_range order, reverse, limit", ([b"o/s/0", b"o/s/1"], [b"o/s/4", b"o/s/3"]))
def _(db):
    tr, bounds = db.begin(), (db.key(b"o/s/"), db.key(b"o/s0"))
    backwards = tr.get_range(*bounds, limit=2, reverse=True)
    return db.keys(tr.get_range(*bounds, limit=2)), db.keys(backwards)


@seen(
    "get_range over own writes and clears",
    [b"o/s/1", b"o/s/2", b"o/s/3", b"o/s/4", b"o/s/9"],
)
def _(db):
    tr = db.begin()
    tr[db.key(b"o/s/9")] = b""
    del tr[db.key(b"o/s/0")]
    return db.keys(tr[db.key(b"o/s/") : db.key(b"o/s0")])


@seen("get_range begin > end", [])
def _(db):
    return list(db.begin().get_range(db.key(b"z"), db.key(b"a")))


@seen("read beyond the user key space", "error 2004 Key outside legal range")
def _(db):
    tr = db.begin()
    return tr[b"\xff/beyond"].value


@seen("empty key", "succeeds", only_standin=True)
def _(db):
    """Not on a real cluster, where that key belongs to somebody else."""
    db.put(b"", b"")
    return "succeeds" if db.db[b""] == b"" else "absent"


@seen("str as key", "TypeError: Key must be of type bytes")
def _(db):
    return db.begin()["k"]


@seen("int as value", "TypeError: Value must be of type bytes")
def _(db):
    db.begin()[db.key(b"k")] = 1


@seen("on_error(1020), then the transaction is", "reset and usable")
def _(db):
    tr = db.started()
    tr[db.key(b"k")].wait()
    tr[db.key(b"k")] = b"2"
    db.put(b"k", b"changed")
    assert outcome_of(end, tr) == CONFLICT
    tr.on_error(1020).wait()
    assert bytes(tr[db.key(b"k")]) == b"changed"
    return "reset and usable" if end(tr) == "succeeds" else "not usable"


@seen("on_error(2102)", "error 2102 Key length exceeds limit")
def _(db):
    tr = db.begin()
    return tr.on_error(2102).wait()


@seen("unreachable cluster with a timeout of 1.5 s", (TIMED_OUT, 1.5), only_standin=True)
def _(db):
    db.fdb.reachable = False
    tr, before = db.begin(), db.fdb.clock()
    tr.options.set_timeout(1500)
    outcome = outcome_of(lambda: tr.get_read_version().wait())
    return outcome, round(db.fdb.clock() - before, 2)


@seen(
    "cluster file that does not exist",
    "error 1515 No cluster file found in current directory or default location",
)
def _(db):
    tr = db.fdb.open("/nowhere/fdb.cluster").create_transaction()
    return tr.get_read_version().wait()


@seen("malformed cluster file", "error 2104 Connection string invalid")
def _(db):
    tr = db.fdb.open(__file__).create_transaction()
    return tr.get_read_version().wait()


@seen(
    "second api_version call with another number",
    "RuntimeError: FDB API already loaded at version 730",
)
def _(db):
    db.fdb.api_version(730)
    return db.fdb.api_version(720)


@seen("on_ready runs on", "fdb-network-thread")
def _(db):
    names, called = [], threading.Event()

    def callback(future):
        names.append(threading.current_thread().name)
        called.set()

    tr = db.begin()
    with db.in_flight():
        future = tr.get_read_version()
        future.on_ready(callback)
    assert called.wait(5)
    return names[0]


# --- what a client process knows, and what becomes of a cluster


def at_a_given_version(db, version, own):
    """In a new process: read ``k`` at a version that another took, and say what comes of it."""

    def read(database):
        if own:
            first = database.create_transaction()
            first.get_read_version().wait()
        tr = database.create_transaction()
        tr.set_read_version(version(db) if callable(version) else version)
        return bytes(tr[db.key(b"k")])

    return db.place.in_another_process(read)


def taken(db):
    tr = db.begin()  # held, or its future is cancelled
    return tr.get_read_version().wait()


@seen("a process without a read version of its own: read at one that another took", TOO_OLD)
def _(db):
    return at_a_given_version(db, taken(db), own=False)


@seen("the same again, for as long as it asks for none of its own", [TOO_OLD] * 3)
def _(db):
    version = taken(db)

    def read(database):
        found = []
        for _ in range(3):
            tr = database.create_transaction()
            tr.set_read_version(version)
            found.append(outcome_of(lambda tr=tr: bytes(tr[db.key(b"k")])))
        return found

    return db.place.in_another_process(read)


@seen("the same after one get_read_version of its own, a version taken since", b"1")
def _(db):
    return at_a_given_version(db, taken, own=True)


@seen("the same, a version older than the oldest that the process has been given", TOO_OLD)
def _(db):
    version = taken(db)
    db.put(b"elsewhere", b"")
    return at_a_given_version(db, version, own=True)


@seen("the first commit of a process, at a version given to it", "succeeds or ends in 1021")
def _(db):
    version, ended = taken(db), set()

    def write(database):
        tr = database.create_transaction()
        tr.set_read_version(version)
        tr[db.key(b"elsewhere")] = b""
        return outcome_of(end, tr)

    for _ in range(3 if db.place.real else 40):
        ended.add(db.place.in_another_process(write))
    in_doubt = "error 1021 Transaction may or may not have committed"
    assert ended == {"succeeds", in_doubt} if not db.place.real else ended <= {"succeeds", in_doubt}
    return "succeeds or ends in 1021"


@seen(
    "any operation on a locked database", ["error 1038 Database is locked"] * 3, only_standin=True
)
def _(db):
    before = db.started()
    db.fdb.locked = True
    reading, writing = db.begin(), db.begin()
    writing[db.key(b"k")] = b"2"
    return [
        outcome_of(lambda: reading.get_read_version().wait()),
        outcome_of(lambda: before[db.key(b"k")].value),
        outcome_of(end, writing),
    ]


@seen("server frozen: reads and commits wait; with a time-out 1031; recovers", RECOVERED, True)
def _(db):
    waiting, writing, limited = db.started(), db.started(), db.started()
    writing[db.key(b"k")] = b"2"
    limited.options.set_timeout(1500)
    db.fdb.reachable = False
    read, written = waiting[db.key(b"o/s/1")], writing.commit()
    ended = outcome_of(lambda: limited[db.key(b"k")].value)
    waited = not read.is_ready() and not written.is_ready()
    db.fdb.reach_again()
    return ended, waited, bytes(read), outcome_of(written.wait)


@seen("key longer than the limit only with its prefix, at commit", TOO_LONG)
def _(db):
    prefix = b"02 a prefix of 26 bytes 00"
    tr = db.begin()
    tr[db.key(prefix + b"k" * (10_001 - len(prefix) - len(db.prefix)))] = b""
    return end(tr)


IDS = [tried for tried, *_ in CASES]


def test_no_line_is_missing():
    assert len(CASES) == len(set(IDS)) == 62


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("tried", "outcome", "function", "only_standin"), CASES, ids=IDS)
def test_observed(place, tried, outcome, function, only_standin):
    place = place()
    if place.real and only_standin:
        pytest.skip("cannot be tried on a cluster that others use")
    db = Db(place)
    try:
        assert outcome_of(function, db) == outcome
    finally:
        db.clean()


CODES = """
1000 - - - Operation failed
1004 - - - Operation timed out
1007 yes - yes Transaction is too old to perform reads or be committed
1009 yes - yes Request for future version
1020 yes - yes Transaction not committed due to conflict with another transaction
1021 yes yes - Transaction may or may not have committed
1025 - - - Operation aborted because the transaction was cancelled
1031 - - - Operation aborted because the transaction timed out
1032 - - - Too many watches currently set
1037 yes - yes Storage process does not have recent mutations
1038 yes - yes Database is locked
1039 yes yes - The protocol version of the cluster has changed
1042 yes - yes CommitProxy commit memory limit exceeded
1051 yes - yes Batch GRV request rate limit exceeded
1062 - - - Change feed was cancelled
1078 yes - yes GetReadVersion proxy memory limit exceeded
1213 yes - yes Transaction tag is being throttled
2000 - - - Invalid API call
2002 - - - Commit with incomplete read
2004 - - - Key outside legal range
2101 - - - Transaction exceeds byte limit
2102 - - - Key length exceeds limit
2103 - - - Value length exceeds limit
2131 - - - Tenant does not exist
"""
LINES = [line.split(maxsplit=4) for line in CODES.strip().splitlines()]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("code", "retryable", "maybe", "not_committed", "message"),
    LINES,
    ids=[line[0] for line in LINES],
)
def test_codes(place, code, retryable, maybe, not_committed, message):
    fdb = place().fdb
    fdb.api_version(730)
    error = fdb.FDBError(int(code))
    assert error.description.decode() == message
    predicates = fdb.predicates
    asked = [predicates.is_retryable, predicates.is_maybe_committed]
    asked.append(predicates.is_retryable_not_committed)
    assert [ask(error) for ask in asked] == [
        answer == "yes" for answer in (retryable, maybe, not_committed)
    ]


SEEN_OF_400 = {
    "succeeded": 317,
    "1021 applied": 29,
    "1021 lost": 12,
    1020: 14,
    1078: 11,
    1007: 8,
    1042: 6,
    1009: 3,
}


def injecting(activated, fired, seed=1):
    fdb = StandIn(seed)
    fdb.options.set_client_buggify_enable()
    fdb.options.set_client_buggify_section_activated_probability(activated)
    fdb.options.set_client_buggify_section_fired_probability(fired)
    fdb.api_version(730)
    return fdb, fdb.open()


def outcomes(fdb, database, count):
    """How often ``count`` read-modify-writes ended in what."""
    ended = dict.fromkeys(SEEN_OF_400, 0)
    for number in range(count):
        tr, key = database.create_transaction(), b"%d" % number
        try:
            tr[key] = (tr[key].value or b"") + b"1"
            tr.commit().wait()
            ended["succeeded"] += 1
        except FDBError as error:
            code = error.code
            if code == 1021:
                applied = fdb.store.get(key, fdb.store.read_version())
                code = "1021 applied" if applied else "1021 lost"
            ended[code] += 1
    return ended


@plain
def test_fault_injection_gives_the_outcomes_that_were_seen():
    fdb, database = injecting(100, 10)
    ended = outcomes(fdb, database, 4000)
    for outcome, of_400 in SEEN_OF_400.items():
        expected = of_400 * 10
        assert abs(ended[outcome] - expected) < 5 * expected**0.5, outcome


@plain
@pytest.mark.parametrize(("activated", "fired"), [(0, 10), (100, 0)])
def test_fault_injection_with_a_probability_of_zero(activated, fired):
    assert outcomes(*injecting(activated, fired), 200)["succeeded"] == 200


@plain
def test_fault_injection_comes_before_the_network():
    fdb, _ = injecting(100, 10)
    with pytest.raises(FDBError, match="2007"):
        fdb.options.set_client_buggify_enable()


@plain
def test_waiting_in_a_callback_is_refused():
    """Callbacks run on the network thread: whoever blocks there would wait for himself."""
    db = Db(Standing())
    tr, caught, called = db.begin(), [], threading.Event()

    def callback(_):
        caught.append(outcome_of(lambda: tr.get_read_version().wait()))
        called.set()

    with NETWORK.paused():
        tr.get_read_version().on_ready(callback)
    assert called.wait(5)
    assert caught[0].startswith("error 2025")


def test_every_code_that_the_stand_in_can_raise_has_a_message():
    assert set(MESSAGES) >= MAYBE_COMMITTED | NOT_COMMITTED
