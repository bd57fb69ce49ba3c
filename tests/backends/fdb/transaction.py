"""Transactions of the stand-in: reads that see their own writes, conflicts, commits."""

from collections import namedtuple
from contextlib import suppress
from functools import partial

from core.atomic import combine
from core.errors import Conflict, FutureVersion, TooLarge, TooOld
from core.store import (
    ATOMIC_OPERATIONS,
    KEY_LIMIT,
    VALUE_LIMIT,
    Atomic,
    Clear,
    ClearRange,
    KeyRange,
    Set,
    point,
    transaction_size,
)
from tests.backends.fdb.network import (
    MAYBE_COMMITTED,
    NETWORK,
    NOT_COMMITTED,
    FDBError,
    Future,
    Key,
    Value,
)

KeyValue = namedtuple("KeyValue", ["key", "value"])
CONFLICTING = b"\xff\xff/transaction/conflicting_keys/"
PAGE_BYTES = 80_000  # a page of a range read that wants all
LATENCY = {"grv": 0.0003, "read": 0.0005, "commit": 0.0013}  # seconds, as measured
STAMP = bytes(10)


class StreamingMode:
    want_all, iterator, exact = -2, -1, 0


def must_be_bytes(kind, value):
    if isinstance(value, Value):
        value = value.value
    if not isinstance(value, bytes):
        raise TypeError(f"{kind} must be of type bytes")
    return value


def applied(operations, key, value):
    """The value of a key after operations, in order."""
    for operation in operations:
        match operation:
            case Set(k, new) if k == key:
                value = new
            case Clear(k) if k == key:
                value = None
            case ClearRange(begin, end) if begin <= key < end:
                value = None
            case Atomic("compare_and_clear", k, operand) if k == key:
                value = None if value == operand else value
            case Atomic(name, k, operand) if k == key:
                value = combine(name, value, operand)
    return value


def empty(operation):
    return isinstance(operation, ClearRange) and operation.begin == operation.end


def coalesced(ranges):
    """Overlapping and neighbouring ranges merged, sorted."""
    merged = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1]:
            merged[-1] = KeyRange(merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append(KeyRange(begin, end))
    return merged


class State:
    """What the native library holds; lives on while operations are in flight."""

    def __init__(self, database):
        self.database, self.fdb = database, database.fdb
        self.timeout, self.retry_limit, self.size_limit = 0, -1, 10_000_000
        self.report_conflicting_keys = False
        self.destroyed = False
        self.reset()

    def reset(self):
        self.started = self.fdb.clock()
        self.version = self.deferred = None
        self.operations, self.reads, self.writes = [], [], []
        self.stamped = []  # (operation, key template, where the stamp goes, value)
        self.unreadable = []
        self.committing = self.cancelled = False
        self.committed, self.conflicting = -1, []
        self.stamp = Key()

    def submit(self, future, kind, work, special=False):
        """An operation: refused, or done on the network thread.

        :param special: a read of special keys, which is allowed after the commit.
        """
        late = self.committing and not special

        def guarded():
            if self.destroyed or self.cancelled:
                raise FDBError(1025)
            if late:
                raise FDBError(2017)
            if self.deferred:
                raise self.deferred
            self.see_timeout()
            return work()

        def abandoned():
            """A commit that nobody waits for any more: it may happen all the same."""
            nobody = self.destroyed or self.cancelled or self.timed_out()
            if nobody and not late and not self.deferred and self.fdb.random.random() < 0.5:
                with suppress(FDBError):
                    work()
            return guarded()

        steps = abandoned if kind == "commit" else guarded
        return self.database.run(self, steps, future, kind)

    def timed_out(self):
        return self.timeout and self.fdb.clock() - self.started >= self.timeout

    def see_timeout(self):
        if self.timed_out():
            raise FDBError(1031)

    def fault(self, kind):
        fault = self.fdb.fault(kind)
        if isinstance(fault, int):
            raise FDBError(fault)
        return fault

    def read_version(self):
        if self.version is None:
            self.fault("grv")
            self.version = self.fdb.store.read_version()
            database = self.database
            database.oldest, database.has_met = min(database.oldest, self.version), True
        return self.version

    def version_to_read_at(self):
        """Of those that the client was never given it takes none that is older than all others."""
        version = self.read_version()
        if version < self.database.oldest:
            raise FDBError(1007)
        return version

    # --- reads, on the network thread

    def get(self, key, snapshot, operations):
        if key >= b"\xff":
            raise FDBError(2004)
        version = self.version_to_read_at()
        self.fault("read")
        self.readable(point(key))
        value = self.ask(self.fdb.store.get, key, version)
        if not snapshot:
            self.reads.append(point(key))
        return applied(operations, key, value)

    def page(self, begin, end, limit, reverse, page_bytes, snapshot, operations):
        if begin >= end:
            return [], 0, False
        if end > b"\xff":
            raise FDBError(2004)
        version = self.version_to_read_at()
        self.fault("read")
        self.readable(KeyRange(begin, end))
        stored = dict(self.ask(self.fdb.store.get_range, begin, end, version))
        own = {o.key for o in operations if not isinstance(o, ClearRange) and begin <= o.key < end}
        page, size, more = [], 0, False
        for key in sorted(stored.keys() | own, reverse=reverse):
            value = applied(operations, key, stored.get(key))
            if value is None:
                continue
            if (limit and len(page) == limit) or size > page_bytes:
                more = True
                break
            page.append(KeyValue(key, value))
            size += len(key) + len(value)
        if not snapshot:
            if page and (more or len(page) == limit):
                last = page[-1].key
                begin, end = (last, end) if reverse else (begin, last + b"\x00")
            self.reads.append(KeyRange(begin, end))
        return page, len(page), more

    def conflicting_keys(self):
        """ "Special keys", transaction module: begin of a range with 1, its end with 0."""
        pairs = []
        for begin, end in self.conflicting:
            pairs += [KeyValue(CONFLICTING + begin, b"1"), KeyValue(CONFLICTING + end, b"0")]
        return pairs, len(pairs), False

    def not_own(self, asked):
        """The parts of a range that the transaction would not read from what it wrote itself."""
        parts = [asked]
        for operation in self.operations:
            if isinstance(operation, Atomic):
                continue
            clears = isinstance(operation, ClearRange)
            written = KeyRange(operation.begin, operation.end) if clears else point(operation.key)
            begin, end = written
            parts = [
                KeyRange(*part)
                for b, e in parts
                for part in ((b, min(e, begin)), (max(b, end), e))
                if part[0] < part[1]
            ]
        return parts

    def readable(self, asked):
        for begin, end in self.unreadable:
            if max(begin, asked.begin) < min(end, asked.end):
                raise FDBError(1036)

    @staticmethod
    def ask(read, *arguments):
        try:
            return read(*arguments)
        except TooOld:
            raise FDBError(1007) from None
        except FutureVersion:
            raise FDBError(1009) from None

    # --- writes and commit

    def write(self, operation):
        if self.committing:
            self.deferred = FDBError(2017)
        self.operations.append(operation)
        if isinstance(operation, ClearRange):
            if operation.begin > operation.end:
                self.deferred = FDBError(2005)
        elif len(operation.key) > KEY_LIMIT and not isinstance(operation, Clear):
            self.deferred = FDBError(2102)
        elif operation.key >= b"\xff":
            self.deferred = FDBError(2004)
        else:
            value = getattr(operation, "value", getattr(operation, "operand", b""))
            if len(value) > VALUE_LIMIT:
                self.deferred = FDBError(2103)

    def stamp_key(self, key, value):
        """The last four bytes say, little-endian, where in the others the stamp goes."""
        template, offset = key[:-4], int.from_bytes(key[-4:], "little")
        if self.committing:
            self.deferred = FDBError(2017)
        elif len(key) < 4 or offset + len(STAMP) > len(template):
            self.deferred = FDBError(2000)
        elif template >= b"\xff":
            self.deferred = FDBError(2004)
        elif len(template) > KEY_LIMIT:
            self.deferred = FDBError(2102)
        elif len(value) > VALUE_LIMIT:
            self.deferred = FDBError(2103)
        else:
            self.stamped.append((template, offset, value))
            least = STAMP if self.version is None else self.version.to_bytes(8, "big") + bytes(2)
            first, last = (
                template[:offset] + stamp + template[offset + 10 :]
                for stamp in (least, b"\xff" * 10)
            )
            self.unreadable.append(KeyRange(first, last + b"\x00"))

    def commit(self):
        operations = [operation for operation in self.operations if not empty(operation)]
        if not operations and not self.writes and not self.stamped:
            return  # read-only: nothing is checked, and there is no version
        stamped = [Set(template, value) for template, _, value in self.stamped]
        size = transaction_size(self.reads, operations + stamped)
        if size > self.size_limit:
            raise FDBError(2101)
        code, _, fate = (self.stranger() or self.fault("commit") or "").partition(" ")
        if fate != "lost":
            with self.fdb.exclusive():
                self.apply(operations)
        if code:
            raise FDBError(int(code))

    def stranger(self):
        """What becomes of the first commit of a client that knows nobody yet."""
        if self.database.has_met or self.version is None:
            return None
        self.database.has_met = True
        return self.fdb.random.choice([None, "1021 applied", "1021 lost"])

    def apply(self, operations):
        store = self.fdb.store
        latest = store.read_version()
        version = latest if self.version is None else self.version
        batch = self.fdb.batch_version
        order = 0 if batch is None else self.fdb.batch_order
        stamped = latest + 1 if batch is None else batch
        stamp = stamped.to_bytes(8, "big") + order.to_bytes(2, "big")
        mutations = self.touched(latest) + self.plain(operations, latest)
        for template, offset, value in self.stamped:
            mutations.append(Set(template[:offset] + stamp + template[offset + 10 :], value))
        try:
            committed = self.ask(store.commit, version, self.reads, mutations)
        except Conflict as conflict:
            if self.report_conflicting_keys:
                self.conflicting = [
                    (begin, end)
                    for begin, end in coalesced(self.reads)
                    if any(begin <= key < end for key in conflict.keys)
                ]
            raise FDBError(1020) from None
        except TooLarge:
            raise FDBError(2101) from None
        assert committed == latest + 1
        assert committed <= stamped
        self.committed, self.fdb.batch_order = stamped, order + 1
        self.stamp.resolve(stamp)

    def touched(self, latest):
        """Write conflicts without a write: put back what is there."""
        touched = []
        for begin, end in self.writes:
            touched.append(ClearRange(begin, end))
            touched += [Set(k, v) for k, v in self.fdb.store.get_range(begin, end, latest)]
        return touched

    def plain(self, operations, latest):
        """Operations as the store knows them: compare_and_clear is worked out here."""
        plain = []
        for number, operation in enumerate(operations):
            if isinstance(operation, Atomic) and operation.operation not in ATOMIC_OPERATIONS:
                stored = self.fdb.store.get(operation.key, latest)
                value = applied(operations[: number + 1], operation.key, stored)
                key = operation.key
                operation = Clear(key) if value is None else Set(key, value)
            plain.append(operation)
        return plain


class Handle:
    """The pointer that a transaction and its snapshot share; frees what it points to."""

    def __init__(self, state):
        self.state = state

    def __del__(self):
        self.state.destroyed = True


class Range:
    """What ``get_range`` returns; the first page is under way."""

    def __init__(self, reads, begin, end, limit, reverse, mode):
        self._reads, self._begin, self._end = reads, begin, end
        self._limit, self._reverse, self._mode = limit, reverse, mode
        self._future = reads.page(begin, end, limit, reverse, mode)

    def to_list(self):
        return list(self)

    def __iter__(self):
        begin, end, limit, future = self._begin, self._end, self._limit, self._future
        while True:
            page, count, more = future.wait()
            yield from page
            if not count or not more or limit == count:
                return
            limit = limit - count if limit else 0
            last = page[-1].key
            begin, end = (begin, last) if self._reverse else (last + b"\x00", end)
            future = self._reads.page(begin, end, limit, self._reverse, self._mode)


class Reads:
    """Reading, with or without adding conflicts."""

    def __init__(self, handle, snapshot):
        self._handle, self._state, self._snapshot = handle, handle.state, snapshot

    def get_read_version(self):
        return self._state.submit(Future(), "grv", self._state.read_version)

    def get(self, key):
        key, state = must_be_bytes("Key", key), self._state
        operations = list(state.operations)
        # It holds the state and not the handle, or the transaction would never be collected.
        work = partial(state.get, key, self._snapshot, operations)
        return state.submit(Value(), "read", work)

    def get_range(self, begin, end, limit=0, reverse=False, streaming_mode=StreamingMode.iterator):
        begin = must_be_bytes("Key", b"" if begin is None else begin)
        end = must_be_bytes("Key", b"\xff" if end is None else end)
        return Range(self, begin, end, limit, reverse, streaming_mode)

    def page(self, begin, end, limit, reverse, mode):
        state, snapshot = self._state, self._snapshot
        if begin.startswith(CONFLICTING) and end == CONFLICTING + b"\xff\xff":
            return state.submit(Future(), "read", state.conflicting_keys, special=True)
        operations = list(state.operations)
        page_bytes = float("inf") if mode == StreamingMode.exact else PAGE_BYTES

        def work():
            if mode == StreamingMode.exact and not limit:
                raise FDBError(2210)
            return state.page(begin, end, limit, reverse, page_bytes, snapshot, operations)

        return state.submit(Future(), "read", work)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self.get_range(key.start, key.stop, reverse=key.step == -1)
        return self.get(key)


class TransactionOptions:
    def __init__(self, state):
        self._state = state

    def set_timeout(self, milliseconds):
        self._state.timeout = milliseconds / 1000

    def set_retry_limit(self, limit):
        self._state.retry_limit = limit

    def set_size_limit(self, limit):
        self._state.size_limit = limit

    def set_report_conflicting_keys(self):
        self._state.report_conflicting_keys = True


class Transaction(Reads):
    def __init__(self, database):
        super().__init__(Handle(State(database)), snapshot=False)
        self.snapshot = Reads(self._handle, snapshot=True)
        self.options = TransactionOptions(self._state)

    def set_read_version(self, version):
        self._state.version = version

    def set(self, key, value):
        self._state.write(Set(must_be_bytes("Key", key), must_be_bytes("Value", value)))

    def clear(self, key):
        self._state.write(Clear(must_be_bytes("Key", key)))

    def clear_range(self, begin, end):
        self._state.write(ClearRange(must_be_bytes("Key", begin), must_be_bytes("Key", end)))

    __setitem__ = set  # noqa: A003
    __delitem__ = clear

    def _atomic(self, name, key, operand):
        self._state.write(Atomic(name, must_be_bytes("Key", key), must_be_bytes("Value", operand)))

    def set_versionstamped_key(self, key, value):
        self._state.stamp_key(must_be_bytes("Key", key), must_be_bytes("Value", value))

    def add_read_conflict_range(self, begin, end):
        begin, end = must_be_bytes("Key", begin), must_be_bytes("Key", end)
        if begin > end:
            raise FDBError(2005)
        self._state.reads += self._state.not_own(KeyRange(begin, end))

    def add_read_conflict_key(self, key):
        self.add_read_conflict_range(key, key + b"\x00")

    def add_write_conflict_range(self, begin, end):
        begin, end = must_be_bytes("Key", begin), must_be_bytes("Key", end)
        if begin > end:
            raise FDBError(2005)
        self._state.writes.append(KeyRange(begin, end))

    def add_write_conflict_key(self, key):
        self.add_write_conflict_range(key, key + b"\x00")

    def commit(self):
        state = self._state
        future = state.submit(Future(), "commit", state.commit)
        state.committing = True
        return future

    def get_committed_version(self):
        return self._state.committed

    def get_versionstamp(self):
        return self._state.stamp

    def on_error(self, error):
        code = error.code if isinstance(error, FDBError) else error
        future, state = Future(), self._state
        if code in MAYBE_COMMITTED | NOT_COMMITTED and state.retry_limit != 0:
            state.reset()
            NETWORK.do(future.resolve)
        else:
            NETWORK.do(lambda: future.resolve(error=FDBError(code)))
        return future

    def reset(self):
        self._state.reset()

    def cancel(self):
        self._state.cancelled = True


def _operation(name):
    return lambda self, key, operand: self._atomic(name, key, operand)


for _name in ("add", "max", "min", "byte_max", "byte_min", "compare_and_clear"):
    setattr(Transaction, _name, _operation(_name))
for _name in ("and", "or", "xor"):
    setattr(Transaction, f"bit_{_name}", _operation(_name))
