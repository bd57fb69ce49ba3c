"""What was forgotten is counted exactly: every request once, every key, and only what is gone."""

import asyncio
import random

import pytest

from backends.runtime import upkeep
from backends.runtime.tally import Tally
from backends.runtime.upkeep import forget
from core import retention
from core.client_keys import root_of_key
from core.errors import Conflict, Unknown
from core.ids import earliest_root
from core.layout import WATERMARK, intent_key
from core.store import Set
from tests import leaping
from tests.backends.runtime.cluster import Cluster


def record(root, path=b"", place=1, part=b""):
    return Set(b"j" + root + path + b"\x00\x01" + bytes((place,)) + part, b"record")


async def filled(mutations):
    cluster = Cluster("counter")
    await cluster.store.commit(await cluster.store.read_version(), [], mutations)
    return cluster, cluster.hosts["Counter"]


def keys(cluster):
    return set(cluster.store.store.snapshot()) - {WATERMARK}


def run(coroutine):
    return leaping.run(asyncio.wait_for(coroutine, 3_600))


def test_a_request_counts_once_whatever_it_left():
    root = earliest_root(1_000)
    left = [
        record(root),
        record(root, place=2),
        record(root, part=b"\x01"),
        record(root, b"\x01\x05"),
    ]

    async def main():
        cluster, host = await filled([*left, record(earliest_root(1_001)), Set(b"data", b"x")])
        tally = Tally()
        await host.maintain(root_of_key(b"client's", root))
        before = keys(cluster)
        await forget(host, 2_000 * 10**6, tally)
        assert before - keys(cluster) == before - {b"data"}
        assert (tally.requests, tally.keys) == (2, 7)

    run(main())


def test_a_client_s_key_alone_is_a_request_too():
    """That of a method that records nothing."""

    async def main():
        _, host = await filled([])
        await host.maintain(root_of_key(b"client's", earliest_root(1_000)))
        tally = Tally()
        await forget(host, 2_000 * 10**6, tally)
        assert (tally.requests, tally.keys) == (1, 2)

    run(main())


def test_what_stays_does_not_count():
    times = range(1_000, 1_100)

    async def main():
        cluster, host = await filled([record(earliest_root(each)) for each in times])
        intent = Set(intent_key(earliest_root(1_040)), b"intent")
        await cluster.store.commit(await cluster.store.read_version(), [], [intent])
        tally = Tally()
        await forget(host, 1_090 * 10**6, tally)
        assert (tally.requests, tally.keys) == (40, 40)
        assert len(cluster.journal()) == 60
        await forget(host, 1_090 * 10**6, tally)
        assert (tally.requests, tally.keys) == (40, 40)

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_many_pieces_with_many_clients_keys_on_a_store_that_refuses(monkeypatch, seed):
    """Whatever is refused is tried again, and counts when it is gone."""
    monkeypatch.setattr(upkeep, "_PIECE", 20)
    monkeypatch.setattr(retention, "KEYS_AT_ONCE", 7)
    rng = random.Random(seed)

    async def main():
        cluster, host = await filled([record(earliest_root(each)) for each in range(1_000, 1_100)])
        for each in range(1_000, 1_100):
            await host.maintain(root_of_key(b"key of %d" % each, earliest_root(each)))
        commit = cluster.store.commit

        async def refusing(*words):
            if rng.random() < 0.2:
                raise Conflict
            return await commit(*words)

        cluster.store.commit = refusing
        tally = Tally()
        for _ in range(200):
            try:
                await forget(host, 2_000 * 10**6, tally)
                break
            except Conflict:
                continue
        assert keys(cluster) == set()
        assert (tally.requests, tally.keys) == (100, 300)

    run(main())


def test_what_nobody_knows_does_not_count():
    async def main():
        cluster, host = await filled([record(earliest_root(1_000))])

        async def lost(*_):
            raise Unknown("in memory")

        cluster.store.commit = lost
        tally = Tally()
        with pytest.raises(Unknown):
            await forget(host, 2_000 * 10**6, tally)
        assert (tally.requests, tally.keys) == (0, 0)

    run(main())
