"""Upkeep: abandoned trees are completed, finished ones forgotten by pieces, and it ends at once."""

import asyncio
import logging
import time
from functools import partial

import msgspec
import pytest

from backends.runtime import clock, upkeep
from backends.runtime.caller import patiently
from backends.runtime.clock import SteadyClock
from backends.runtime.upkeep import forget, keep_up
from core.errors import StoreUnavailable
from core.ids import earliest_root
from core.layout import ALARMS, JOURNAL, RESTING, WATERMARK, intent_key
from core.retries import with_deadline
from core.store import ClearRange, Set
from tests import leaping
from tests.backends.runtime.cluster import SETTINGS, Cluster

QUICK = msgspec.structs.replace(
    SETTINGS, recovery_interval=0.02, stale=0.0, retention_interval=0.02, retention=0.05, attempts=2
)


def run(coroutine):
    return leaping.run(asyncio.wait_for(coroutine, 3_600))


async def until(condition):
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


def wrapped(cluster):
    return dict(cluster.reference().instance("Shop").wrapped)


def test_what_was_started_and_what_sleeps_go_on_when_it_is_time():
    settings = msgspec.structs.replace(SETTINGS, recovery_interval=100.0, retention_interval=100.0)

    async def main():
        cluster = Cluster("reminders", settings=settings)
        stop = asyncio.Event()
        keeping = asyncio.ensure_future(keep_up(cluster.hosts["Stock"], stop))
        order = cluster.root_request("Shop.order", "customer-01", "item-1", "order-1")
        await cluster.caller.call(order)
        wrap = cluster.root_request("Shop.wrap_two", "item-1", "item-2")
        reply = (await cluster.caller.call(wrap)).reply
        assert reply.outcome.kind == "Asleep"
        began = time.time()
        await until(lambda: wrapped(cluster) == {"item-1": 1, "item-2": 1})
        assert 1.0 <= time.time() - began < 3.0  # of a time that leaps
        # What is to be shipped, and the reminder, which was started and has fallen asleep:
        await until(lambda: len(cluster.store.section(RESTING)) == 2 and not cluster.intents())
        assert len(cluster.store.section(ALARMS)) == 2
        stop.set()
        await keeping

    run(main())


def test_a_client_that_has_time_gets_the_answer_of_what_slept():
    async def main():
        cluster = Cluster("reminders", settings=QUICK)
        wrap = cluster.root_request("Shop.wrap_two", "item-1", "item-2")
        now = time.time_ns()
        reply = await patiently(cluster.caller, with_deadline(wrap, now, 5, 2.0))
        assert cluster.application.program.codec.decode(reply.outcome.value) == 2
        short = cluster.root_request("Customers.remind_me", "customer-01")
        reply = await patiently(cluster.caller, with_deadline(short, time.time_ns(), 5, 2.0))
        assert reply.outcome.kind == "Asleep"

    run(main())


def test_it_ends_at_once_whatever_is_under_way():
    async def main():
        cluster = Cluster("counter", settings=QUICK)
        asked = []

        async def hang():
            asked.append(1)
            await asyncio.Event().wait()

        cluster.store.read_version = hang
        stop = asyncio.Event()
        keeping = asyncio.ensure_future(keep_up(cluster.hosts["Counter"], stop))
        await until(lambda: len(asked) == 2)
        stop.set()
        begun = time.monotonic()
        await keeping
        assert time.monotonic() == begun

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


# --- a clock that starts a period ahead


A_DAY = 86_400
IN_USE = [7_200, A_DAY - 60]
"""How many seconds before now the requests of a store in use began."""


async def rounds(monkeypatch, settings, ages, ahead):
    """Some rounds of upkeep, on a store with requests of these ages and a clock that is ahead."""
    now_ms = time.time_ns() // 1_000_000
    cluster = await with_records([now_ms - int(age * 1_000) for age in ages])
    for host in cluster.hosts.values():
        host.settings = settings
    made = partial(
        SteadyClock,
        wall=lambda: time.time_ns() + int(ahead * 1e9),
        monotonic=lambda: time.monotonic_ns(),
    )
    monkeypatch.setattr(upkeep, "SteadyClock", made)
    stop = asyncio.Event()
    keeping = asyncio.ensure_future(keep_up(cluster.hosts["Counter"], stop))
    await asyncio.sleep(0.3)
    stop.set()
    await keeping
    return cluster, now_ms


def watermark_ms(cluster):
    return int.from_bytes(cluster.store.store.snapshot().get(WATERMARK, b"")[:6], "big")


DAILY = msgspec.structs.replace(QUICK, retention=float(A_DAY))


@pytest.mark.parametrize("ages", [IN_USE, [A_DAY + 60, 40 * A_DAY], []], ids=str)
def test_a_clock_that_starts_ahead_does_not_have_the_present_refused(monkeypatch, ages):
    async def main():
        cluster, _ = await rounds(monkeypatch, DAILY, ages, ahead=400 * A_DAY)
        assert len(cluster.journal()) == len(ages)
        assert watermark_ms(cluster) == 0

    run(main())


@pytest.mark.parametrize("ages", [[7_200, A_DAY + 60], [700, 40 * A_DAY]], ids=str)
def test_a_store_in_use_is_tidied_at_once(monkeypatch, ages):
    async def main():
        cluster, now_ms = await rounds(monkeypatch, DAILY, ages, ahead=0)
        assert len(cluster.journal()) == 1
        assert watermark_ms(cluster) == pytest.approx(now_ms - A_DAY * 1_000, abs=2_000)

    run(main())


@pytest.mark.parametrize("ages", [[], [40 * A_DAY], [1, 40 * A_DAY]], ids=str)
def test_a_store_that_was_not_used_waits(monkeypatch, ages):
    """Nothing of it says when now is; requests of the last minutes may have this clock's time."""

    async def main():
        cluster, _ = await rounds(monkeypatch, DAILY, ages, ahead=0)
        assert len(cluster.journal()) == len(ages)
        assert watermark_ms(cluster) == 0

    run(main())


def test_a_store_that_was_not_used_is_tidied_when_the_clock_has_kept_its_word(monkeypatch):
    monkeypatch.setattr(clock, "PATIENCE", 0.05)

    async def main():
        cluster, now_ms = await rounds(monkeypatch, DAILY, [40 * A_DAY], ahead=0)
        assert not cluster.journal()
        assert watermark_ms(cluster) == pytest.approx(now_ms - A_DAY * 1_000, abs=2_000)

    run(main())
