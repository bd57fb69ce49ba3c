"""When the wall clock is believed: by the store at the start, after a jump by its own constancy."""

import asyncio
import logging

import pytest

from backends.runtime.clock import PATIENCE, SteadyClock, agrees, patience
from core.errors import StoreUnavailable
from core.ids import earliest_root
from core.layout import client_key_of_root, intent_key
from core.store import Set
from tests.backends.runtime.cluster import Cluster

DAY = 86_400
NOW = 1_800_000_000 * 10**9


class Clocks:
    """Two clocks, and a store that agrees with the one on the wall, or not."""

    def __init__(self, store_agrees):
        self.wall, self.monotonic = NOW, 5 * 10**9
        self.store_agrees = store_agrees
        self.asked = 0
        self.clock = SteadyClock(PATIENCE, self.agrees, lambda: self.wall, lambda: self.monotonic)

    async def agrees(self, now_ns):
        assert now_ns == self.wall
        self.asked += 1
        if isinstance(self.store_agrees, Exception):
            raise self.store_agrees
        return self.store_agrees

    def pass_(self, seconds, jump=0.0):
        self.monotonic += int(seconds * 1e9)
        self.wall += int((seconds + jump) * 1e9)

    def is_believed(self):
        reading = asyncio.run(self.clock.read())
        assert reading in (None, self.wall)
        return reading is not None


def test_a_clock_that_jumps_is_not_believed_until_it_has_kept_its_word():
    clocks = Clocks(store_agrees=True)
    clocks.pass_(60, jump=1.0)
    assert clocks.is_believed()
    clocks.pass_(60, jump=400 * DAY)
    assert not clocks.is_believed()
    clocks.pass_(300)
    assert not clocks.is_believed()
    clocks.pass_(60, jump=-400 * DAY)  # set right again
    assert clocks.is_believed()
    clocks.pass_(60, jump=7200)
    assert not clocks.is_believed()
    clocks.pass_(PATIENCE)
    assert clocks.is_believed()
    assert clocks.asked == 1  # once one is believed, no store has a say


def test_at_the_start_the_store_is_asked_and_else_it_has_to_keep_its_word():
    clocks = Clocks(store_agrees=False)
    assert not clocks.is_believed()
    clocks.pass_(PATIENCE - 1)
    assert not clocks.is_believed()
    clocks.pass_(1)
    assert clocks.is_believed()
    assert clocks.asked == 2


def test_a_clock_that_is_set_right_soon_after_the_start(caplog):
    caplog.set_level(logging.WARNING)
    clocks = Clocks(store_agrees=False)
    clocks.pass_(500)
    assert not clocks.is_believed()
    clocks.pass_(60, jump=-400 * DAY)
    assert not clocks.is_believed()
    assert "the clock jumped by -34560000 s" in caplog.text
    clocks.pass_(PATIENCE - 1)  # its word counts from then on
    assert not clocks.is_believed()
    clocks.store_agrees = True
    assert clocks.is_believed()


def test_a_store_that_does_not_answer_does_not_agree():
    clocks = Clocks(store_agrees=StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        clocks.is_believed()
    clocks.store_agrees = False
    assert not clocks.is_believed()


@pytest.mark.parametrize(
    ("retention", "expected"), [(DAY, 600), (1_200, 600), (60, 30), (0.05, 0.025)]
)
def test_patience_is_over_before_anything_of_a_new_store_is_to_be_forgotten(retention, expected):
    assert patience(retention) == expected


def holds(age, key):
    """Whether a store with a key of a request that began so long ago agrees, for a day's period."""

    async def ask():
        cluster = Cluster("counter")
        root = earliest_root(NOW // 10**6 - int(age * 1_000))
        await cluster.store.commit(await cluster.store.read_version(), [], [Set(key(root), b"x")])
        return await agrees(cluster.store, NOW, DAY)

    return asyncio.run(ask())


def journal(root):
    return b"j" + root + b"\x00\x01\x00"


@pytest.mark.parametrize("key", [journal, client_key_of_root])
@pytest.mark.parametrize(
    ("age", "agreed"),
    [(-DAY, False), (1, False), (599, False), (601, True), (DAY - 1, True), (DAY + 1, False)],
)
def test_what_began_within_the_period_but_not_just_now_agrees(key, age, agreed):
    assert holds(age, key) == agreed


def test_other_sections_say_nothing():
    assert not holds(3_600, intent_key)
