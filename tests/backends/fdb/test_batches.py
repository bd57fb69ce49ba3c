"""Commits of one batch share a version: the log, in its own order, explains every read."""

import asyncio
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.drill.collect import Recorded, collect, keep
from backends.drill.order import PLACES
from backends.drill.recording import Entry, Noted
from backends.fdb import FdbStore, Settings
from core.codec import Codec
from core.errors import Conflict, StoreError
from core.ids import RequestId
from core.layout import DATA, JOURNAL
from core.messages import Returned
from core.program import Program
from core.store import Clear, ClearRange, KeyRange, Set, point
from experiment.checks.replay import Snapshot, replay
from experiment.record.history import Answered, History
from experiment.scenario.model import Scenario
from tests.backends.fdb.clusters import plain
from tests.backends.fdb.hosts import NoCounts
from tests.backends.fdb.network import NETWORK
from tests.backends.fdb.standin import StandIn

pytestmark = plain
KEYS = [DATA.begin + name for name in (b"a", b"b", b"c", b"d")]
A, B, C, D = KEYS
BATCHING = 0.0005


def opened(fdb):
    return FdbStore.open(Settings(application="test"), fdb)


class Recorder:
    """Transactions on a store, recorded as hosts do."""

    def __init__(self, fdb):
        self.store = opened(fdb)
        self.history, self.numbers = History(), 0

    async def begin(self):
        return Transaction(self, await self.store.read_version())

    def unit(self, version):
        self.numbers += 1
        return Noted(f"u{self.numbers}", RequestId(b"%016d" % self.numbers), version)

    def read_only(self, unit):
        """A client has the answer of what only read."""
        self.history.answers.append(
            Answered(0.0, unit.request, Returned(b""), 0, unit.version, [unit.name])
        )
        self.keep(unit)

    def keep(self, unit):
        keep(self.history, msgspec.msgpack.encode(unit))

    def replayed(self, log):
        """What the checks make of a log."""
        found = Recorded(log, [], [], {}, {}, 0.0, 1.0)
        program = Program("x", {}, Codec())
        history = collect(Scenario("x", "x"), program, self.history, NoCounts(), found).history
        answers = sorted(history.answers, key=lambda answer: answer.version)
        snapshots = [Snapshot(answer.version, tuple(answer.units)) for answer in answers]
        return history, replay({}, history.commits, history.units, snapshots)


class Transaction:
    def __init__(self, recorder, version):
        self.recorder, self.version = recorder, version
        self.unit = recorder.unit(version)
        self.conflicts, self.writes = [], []

    async def get(self, key):
        (value,), _ = await self.recorder.store.read(self.version, (key,))
        self.unit.reads.append((key, value))
        self.conflicts.append(point(key))
        return value

    async def scan(self, limit=0):
        asked = (*DATA, limit)
        _, (pairs,) = await self.recorder.store.read(self.version, (), (asked,))
        self.unit.scans.append((*asked, pairs))
        whole = not limit or len(pairs) < limit
        end = DATA.end if whole else pairs[-1][0] + b"\x00"
        self.conflicts.append(KeyRange(DATA.begin, end))

    async def commit(self):
        unit = self.unit
        entry = Entry(
            0.0, self.version, unit.request, 0, -1, [unit.name], self.conflicts, self.writes,
            False, [msgspec.msgpack.encode(unit)],
        )  # fmt: skip
        store = self.recorder.store
        return await store.commit(
            self.version, self.conflicts, self.writes, msgspec.msgpack.encode(entry)
        )


async def together(*commits):
    """Commits that are in one batch for certain."""
    with NETWORK.paused():
        before = NETWORK.asked
        tasks = [asyncio.ensure_future(commit) for commit in commits]
        while NETWORK.asked < before + len(tasks):
            await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


# --- batches as FoundationDB has them


@pytest.fixture
def fdb():
    found = StandIn()
    found.batching = BATCHING
    return found


def play(fdb, what):
    return asyncio.run(what(Recorder(fdb)))


def test_a_batch_has_one_version_and_an_order(fdb):
    async def main(recorder):
        version = await recorder.store.read_version()
        store = recorder.store
        commits = [
            store.commit(version, (), [Set(A, b"%d" % number)], b"%d" % number)
            for number in range(5)
        ]
        versions = await together(*commits)
        assert len(set(versions)) == 1
        log = await store.log()
        assert fdb.batches == [5]
        assert log == [(versions[0], b"%d" % number) for number in range(5)]
        (last,), _ = await store.read(versions[0], (A,))
        assert last == b"4"
        before, _ = await store.read(version, (A,))
        assert before == [None]
        assert await store.read_version() >= versions[0]

    play(fdb, main)


def test_a_commit_conflicts_with_earlier_ones_of_its_batch(fdb):
    async def main(recorder):
        store = recorder.store
        version = await store.read_version()
        first, second, third = await together(
            store.commit(version, [point(A)], [Set(A, b"1")], b"1"),
            store.commit(version, [point(A)], [Set(B, b"2")], b"2"),
            store.commit(version, [point(C)], [Set(C, b"3")], b"3"),
        )
        assert isinstance(second, Conflict)
        assert second.keys == (A,)
        assert first == third
        assert [entry for _, entry in await store.log()] == [b"1", b"3"]

    play(fdb, main)


def test_reads_at_the_version_of_a_commit_see_its_whole_batch(fdb):
    """So a committed version is a read version, as those who load a store use it."""

    async def main(recorder):
        store = recorder.store
        version = await store.read_version()
        first, second = await together(
            store.commit(version, (), [Set(A, b"1")]), store.commit(version, (), [Set(B, b"2")])
        )
        values, _ = await store.read(first, (A, B))
        assert values == [b"1", b"2"]
        await store.commit(second, [point(A), point(B)], [Set(C, b"3")])

    play(fdb, main)


# --- the log explains what was read


async def client(recorder, rng):
    for _ in range(8):
        try:
            transaction = await recorder.begin()
            for key in rng.sample(KEYS, rng.randrange(3)):
                await transaction.get(key)
            if rng.random() < 0.2:
                await transaction.scan(rng.choice((0, 2)))
            if rng.random() < 0.2:
                recorder.read_only(transaction.unit)
                continue
            for key in rng.sample(KEYS, rng.randrange(1, 3)):
                value = b"%d" % rng.randrange(1000)
                writes = [Set(key, value), Clear(key), ClearRange(key, DATA.end)]
                transaction.writes += rng.choices(writes, (6, 1, 1))
            await transaction.commit()
        except StoreError:
            continue


MISHAPS = {
    "read": {1007: 0.02, 1009: 0.02},
    "commit": {1020: 0.03, "1021 applied": 0.1, "1021 lost": 0.05, "1031 applied": 0.03},
}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 30), st.booleans())
def test_the_order_of_the_log_explains_every_read(seed, faults):
    fdb = StandIn(seed)
    fdb.batching = BATCHING
    fdb.mishaps = MISHAPS if faults else {}

    async def main(recorder):
        rngs = [random.Random(seed + number) for number in range(6)]
        await asyncio.gather(*(client(recorder, rng) for rng in rngs))
        fdb.mishaps = {}
        log = await recorder.store.log()
        _, (pairs,) = await recorder.store.read(
            await recorder.store.read_version(), (), ((*DATA, 0),)
        )
        history, replayed = recorder.replayed(log)
        assert replayed.differences == []
        assert replayed.disorder == []
        assert sorted(replayed.content.items()) == pairs
        assert len(history.commits) == len(log) > 0
        for found, (version, _) in zip(history.commits, log, strict=True):
            assert found.version in (version, version * PLACES + found.version % PLACES)

    asyncio.run(main(Recorder(fdb)))


# --- attacks


async def two_of_one_batch(recorder):
    """One reads what the other writes, and comes first: both commit, in this order alone."""
    reader, writer = await recorder.begin(), await recorder.begin()
    await reader.get(A)
    reader.writes.append(Set(B, b"1"))
    writer.writes.append(Set(A, b"2"))
    versions = await together(reader.commit(), writer.commit())
    assert len(set(versions)) == 1
    return await recorder.store.log()


def test_the_order_inside_a_batch_holds(fdb):
    async def main(recorder):
        log = await two_of_one_batch(recorder)
        _, replayed = recorder.replayed(log)
        assert (replayed.differences, replayed.disorder) == ([], [])

    play(fdb, main)


def test_a_swapped_order_inside_a_batch_is_seen(fdb):
    async def main(recorder):
        log = await two_of_one_batch(recorder)
        _, replayed = recorder.replayed(log[::-1])
        (difference,) = replayed.differences
        assert (difference.kind, difference.key, difference.seen) == ("read", A, None)

    play(fdb, main)


def test_a_read_in_the_midst_of_a_batch_is_seen(fdb):
    """Who read at a batch's version, and saw only a part of it."""

    async def main(recorder):
        log = await two_of_one_batch(recorder)
        unit = recorder.unit(log[0][0])
        unit.reads += [(B, b"1"), (A, None)]
        recorder.read_only(unit)
        _, replayed = recorder.replayed(log)
        assert [(each.key, each.seen) for each in replayed.differences] == [(A, None)]

    play(fdb, main)


def test_one_journal_key_twice_in_a_batch_is_seen(fdb):
    """The oracle goes by versions: those of a batch must not be taken for one commit."""

    async def main(recorder):
        key = JOURNAL.begin + b"k"
        one, other = await recorder.begin(), await recorder.begin()
        for transaction in (one, other):  # in no conflict, as the protocol never has it
            transaction.writes.append(Set(key, b""))
        await together(one.commit(), other.commit())
        history, _ = recorder.replayed(await recorder.store.log())
        assert len({commit.version for commit in history.commits}) == 2

    play(fdb, main)
