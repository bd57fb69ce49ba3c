"""Upkeep: abandoned trees are completed, finished ones forgotten by pieces, and it ends at once."""

import asyncio
import logging
import time

import msgspec
import pytest

from backends.runtime import upkeep
from backends.runtime.upkeep import SteadyClock, forget, keep_up
from core.errors import StoreUnavailable
from core.ids import earliest_root
from core.layout import JOURNAL, WATERMARK, intent_key
from core.store import ClearRange, Set
from tests.backends.runtime.cluster import SETTINGS, Cluster

QUICK = msgspec.structs.replace(
    SETTINGS, recovery_interval=0.02, stale=0.0, retention_interval=0.02, retention=0.05, attempts=2
)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_what_was_abandoned_is_completed_and_then_forgotten():
    async def main():
        cluster = Cluster("hotel", settings=QUICK)
        cluster.cut_off.add("Order")
        request = cluster.root_request("Frontend.book", "guest", "flight-06", "hotel-02")
        await cluster.caller.call(request)
        assert cluster.intents()
        stop = asyncio.Event()
        keeping = asyncio.ensure_future(keep_up(cluster.hosts["Hotel"], stop))
        await asyncio.sleep(0.1)
        assert cluster.journal()  # nothing is forgotten past an intent
        cluster.cut_off.clear()
        await until(lambda: not cluster.intents() and not cluster.journal())
        cluster.check_invariants()
        stop.set()
        await keeping

    run(main())


def test_it_ends_at_once_whatever_is_under_way():
    async def main():
        cluster = Cluster("counter", settings=QUICK)
        asked = []

        async def hang():
            asked.append(1)
            await asyncio.sleep(60)

        cluster.store.read_version = hang
        stop = asyncio.Event()
        keeping = asyncio.ensure_future(keep_up(cluster.hosts["Counter"], stop))
        await until(lambda: len(asked) == 2)
        stop.set()
        begun = time.monotonic()
        await keeping
        assert time.monotonic() - begun < 1

    run(main())


@pytest.mark.parametrize(
    ("error", "level"), [(StoreUnavailable("away"), logging.INFO), (KeyError("x"), logging.ERROR)]
)
def test_a_round_that_fails_is_tried_again(error, level, caplog):
    caplog.set_level(logging.INFO)

    async def main():
        cluster = Cluster("counter", settings=QUICK)
        failures = []

        async def fail():
            failures.append(1)
            raise error

        cluster.store.read_version = fail
        stop = asyncio.Event()
        keeping = asyncio.ensure_future(keep_up(cluster.hosts["Counter"], stop))
        await until(lambda: len(failures) > 5)
        stop.set()
        await keeping

    run(main())
    assert {record.levelno for record in caplog.records if "round" in record.msg} == {level}


# --- forgetting by pieces


async def with_records(times_ms, each=1):
    """A cluster with journal records of requests that began then."""
    cluster = Cluster("counter")
    pairs = [
        Set(b"j" + earliest_root(ms)[:15] + bytes((number,)) + b"\x00\x01\x00", b"record")
        for ms in times_ms
        for number in range(each)
    ]
    await cluster.store.commit(await cluster.store.read_version(), [], pairs)
    cluster.largest = 0
    commit = cluster.store.commit

    async def measured(version, reads, mutations, entry=None):
        for mutation in mutations:
            if isinstance(mutation, ClearRange):
                inside = [k for k in cluster.journal() if mutation.begin <= k < mutation.end]
                cluster.largest = max(cluster.largest, len(inside))
        return await commit(version, reads, mutations, entry)

    cluster.store.commit = measured
    return cluster


def test_forgetting_goes_by_pieces(monkeypatch):
    monkeypatch.setattr(upkeep, "_PIECE", 10)

    async def main():
        cluster = await with_records(range(1_000, 1_100))
        host = cluster.hosts["Counter"]
        assert await forget(host, 1_090 * 1_000_000)
        assert len(cluster.journal()) == 10
        assert 1 < cluster.largest <= 10
        assert not await forget(host, 1_090 * 1_000_000)
        assert await forget(host, 2_000 * 1_000_000)
        assert not cluster.journal()

    run(main())


def test_more_requests_of_one_millisecond_than_a_piece(monkeypatch):
    monkeypatch.setattr(upkeep, "_PIECE", 10)

    async def main():
        cluster = await with_records([1_000, 1_001, 1_002], each=37)
        assert await forget(cluster.hosts["Counter"], 1_002 * 1_000_000)
        assert len(cluster.journal()) == 37

    run(main())


def test_nothing_is_forgotten_past_the_oldest_intent(monkeypatch):
    monkeypatch.setattr(upkeep, "_PIECE", 10)

    async def main():
        cluster = await with_records(range(1_000, 1_100))
        store = cluster.store
        intent = Set(intent_key(earliest_root(1_055)), b"intent")
        await store.commit(await store.read_version(), [], [intent])
        assert await forget(cluster.hosts["Counter"], 1_090 * 1_000_000)
        assert len(cluster.journal()) == 45
        assert store.store.snapshot()[WATERMARK] == earliest_root(1_055)
        assert not await forget(cluster.hosts["Counter"], 1_090 * 1_000_000)

    run(main())


def test_an_empty_journal_moves_the_watermark_all_the_same():
    async def main():
        cluster = Cluster("counter")
        assert await forget(cluster.hosts["Counter"], 5_000 * 1_000_000)
        assert cluster.store.section(JOURNAL) == {}
        assert cluster.store.store.snapshot()[WATERMARK] == earliest_root(5_000)

    run(main())


class Clocks:
    def __init__(self):
        self.wall, self.monotonic = 1_000_000 * 10**9, 5 * 10**9

    def pass_(self, seconds, jump=0.0):
        self.monotonic += int(seconds * 1e9)
        self.wall += int((seconds + jump) * 1e9)


def test_a_clock_that_jumps_forgets_nothing_until_it_has_kept_its_word():
    clocks = Clocks()
    clock = SteadyClock(lambda: clocks.wall, lambda: clocks.monotonic)
    clocks.pass_(60, jump=1.0)
    assert clock.read() == clocks.wall
    clocks.pass_(60, jump=400 * 86_400)
    assert clock.read() is None
    clocks.pass_(300)
    assert clock.read() is None
    clocks.pass_(60, jump=-400 * 86_400)  # set right again
    assert clock.read() == clocks.wall
    clocks.pass_(60, jump=7200)
    assert clock.read() is None
    clocks.pass_(SteadyClock.PATIENCE)
    assert clock.read() == clocks.wall
