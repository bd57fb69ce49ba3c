"""Random histories of concurrent transactions, against a model that keeps every commit.

A backend's test module has a test ``@given(histories)`` that calls ``check_history``.
"""

from hypothesis import strategies as st

from core.errors import Conflict
from core.store import ATOMIC_OPERATIONS, Atomic, Clear, ClearRange, KeyRange, Set, point

keys = st.sampled_from([b"", b"a", b"a\x00", b"a\x00\x00", b"ab", b"b", b"c", b"\xfe"])
bounds = keys | st.just(b"\xff")
ranges = st.tuples(bounds, bounds).map(sorted)
values = st.binary(max_size=3)
mutations = st.one_of(
    st.builds(Set, keys, values),
    st.builds(Clear, keys),
    ranges.map(lambda bounds: ClearRange(*bounds)),
    st.builds(Atomic, st.sampled_from(ATOMIC_OPERATIONS), keys, values),
)
slots = st.integers(0, 2)
steps = st.one_of(
    st.tuples(st.just("begin"), slots),
    st.tuples(st.just("get"), slots, keys),
    st.tuples(st.just("range"), slots, ranges, st.integers(0, 3)),
    st.tuples(st.just("write"), slots, mutations),
    st.tuples(st.just("commit"), slots),
    st.tuples(st.just("advance"), st.sampled_from([0.0, 0.000001, 0.01])),
)
histories = st.lists(steps, min_size=20, max_size=80)


def numeric(operation, stored, operand):
    """Little-endian arithmetic digit by digit, as FoundationDB documents it."""
    digits = [stored[i] if i < len(stored) else 0 for i in range(len(operand))]
    if operation in ("max", "min"):
        pick = max if operation == "max" else min
        return bytes(pick(digits[::-1], list(operand)[::-1])[::-1])
    result, carry = [], 0
    for ours, theirs in zip(digits, operand, strict=True):
        if operation == "add":
            carry, digit = divmod(ours + theirs + carry, 256)
        else:
            digit = {"and": ours & theirs, "or": ours | theirs, "xor": ours ^ theirs}[operation]
        result.append(digit)
    return bytes(result)


class Model:
    """The list of all commits; everything is worked out from it anew."""

    def __init__(self):
        self.commits = []

    def content(self, version):
        content = {}
        for committed, changes in self.commits:
            if committed <= version:
                for change in changes:
                    self.apply(content, change)
        return content

    @staticmethod
    def apply(content, change):
        match change:
            case Set(key, value):
                content[key] = value
            case Clear(key):
                content.pop(key, None)
            case ClearRange(begin, end):
                for key in [key for key in content if begin <= key < end]:
                    del content[key]
            case Atomic(operation, key, operand):
                stored = content.get(key)
                if stored is None:
                    content[key] = operand
                elif operation.startswith("byte_"):
                    content[key] = (max if operation == "byte_max" else min)(stored, operand)
                else:
                    content[key] = numeric(operation, stored, operand)

    def conflicts(self, version, reads):
        written = []
        for committed, changes in self.commits:
            if committed > version:
                for change in changes:
                    if isinstance(change, ClearRange):
                        written.append((change.begin, change.end))
                    else:
                        written.append(point(change.key))
        return any(max(r[0], w[0]) < min(r[1], w[1]) for r in reads for w in written)


class Client:
    """One transaction at a time: its version, what it read and what it will write."""

    def __init__(self, store, model):
        self.store, self.model = store, model
        self.begin()

    def begin(self):
        self.version = self.store.read_version()
        if self.model.commits:
            assert self.version >= self.model.commits[-1][0]
        self.reads, self.changes = [], []

    def get(self, key):
        expected = self.model.content(self.version).get(key)
        assert self.store.get(key, self.version) == expected
        self.reads.append(point(key))

    def range(self, bounds, limit):
        begin, end = bounds
        content = self.model.content(self.version)
        expected = sorted((k, v) for k, v in content.items() if begin <= k < end)
        expected = expected[: limit or None]
        assert self.store.get_range(begin, end, self.version, limit) == expected
        if limit and len(expected) == limit:
            end = expected[-1][0] + b"\x00"
        self.reads.append(KeyRange(begin, end))

    def write(self, change):
        self.changes.append(change)

    def commit(self):
        try:
            committed = self.store.commit(self.version, self.reads, self.changes)
        except Conflict as conflict:
            assert self.model.conflicts(self.version, self.reads)
            for key in conflict.keys:
                assert self.model.conflicts(self.version, [point(key)])
                assert any(begin <= key < end for begin, end in self.reads)
        else:
            assert not self.model.conflicts(self.version, self.reads)
            if self.reads or self.changes:
                assert committed > max([self.version, *(c for c, _ in self.model.commits)])
            self.model.commits.append((committed, self.changes))
        self.begin()


def check_history(store, history):
    """Play a history on a new store; ``store`` also has ``advance`` and ``close``."""
    model = Model()
    try:
        first = store.read_version()
        clients = [Client(store, model) for _ in range(3)]
        for kind, *arguments in history:
            if kind == "advance":
                store.advance(*arguments)
            else:
                client, *rest = arguments
                getattr(clients[client], kind)(*rest)
        for version in (first, *(committed for committed, _ in model.commits)):
            content = dict(store.get_range(b"", b"\xff", version))
            assert content == model.content(version)
    finally:
        store.close()
