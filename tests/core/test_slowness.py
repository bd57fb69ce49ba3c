"""A region that is too slow comes to a verdict; a store that is away, slow or still for a while
does not bring one about."""

import pytest

from core import effects
from core.errors import FutureVersion, StoreUnavailable, TooOld
from core.layout import INTENTS, SET_ASIDE
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Commit, Pause, Read, ReadVersion
from tests.core.programs import CODEC, increment, program
from tests.direct import DirectHost, root_request

ROOT = b"r" * 16


async def sums(self, key):
    """Reads eight keys, one after the other, and writes one."""
    total = 0
    for number in range(8):
        total += await self.values.get((key, number), 0)
    await self.values.setitem(key, total)
    return total


async def noted(self, key):
    """An effect, then a region that reads much."""
    await effects.call("Note", "increment", key)
    return await sums(self, key)


async def travelled(self, key):
    """An effect, then a transaction whose reads are a callee's."""
    await effects.call("Note", "increment", key)
    async with effects.Transaction():
        return await effects.call("Sum", "sums", key)


APP = program(
    ("Sum", {"sums": sums, "noted": noted, "travelled": travelled}),
    ("Note", {"increment": increment}),
)


class Host(DirectHost):
    """Effects take the seconds that ``takes`` says, or are refused with what it raises."""

    def __init__(self, takes):
        self.now, self.takes, self.owed = 0.0, takes, []
        super().__init__(APP, MemoryStore(clock=lambda: self.now))

    def perform(self, effect):
        self.now += self.takes(self, effect)
        if isinstance(effect, Pause):
            self.owed.append(effect.owed)
        return super().perform(effect)

    def ask(self, method):
        return self.run(root_request(APP, ROOT, "Sum", method, "k")).outcome

    def keys(self, section):
        return [k for k in self.store.snapshot() if section.begin <= k < section.end]


def slow_reads(host, effect):
    return 0.9 if isinstance(effect, Read) else 0.0


def test_who_is_too_slow_is_told_so_and_nothing_has_happened():
    host = Host(slow_reads)
    outcome = host.ask("sums")
    assert (outcome.kind, outcome.definite) == ("TooSlow", True)
    assert "test_slowness.py:" in outcome.text
    assert host.ask("sums") == outcome, "the verdict is remembered"
    assert host.commits
    assert not host.keys(SET_ASIDE)


@pytest.mark.parametrize("method", ["noted", "travelled"])
def test_what_is_half_done_and_too_slow_is_set_aside(method):
    host = Host(slow_reads)
    outcome = host.ask(method)
    assert (outcome.kind, outcome.definite) == ("SetAside", False)
    assert len(host.keys(SET_ASIDE)) == 1
    assert host.keys(INTENTS) == []


def test_the_end_of_a_suspicion_is_owed_to_whoever_asks_again():
    host = Host(slow_reads)
    host.ask("sums")
    assert host.owed == [True] * 4


def until(seconds, trouble):
    """A store in trouble for so long."""

    def takes(host, effect):
        if host.now < seconds and isinstance(effect, Read | Commit):
            return trouble(host, effect)
        return 0.1

    return takes


def refuses(error):
    def trouble(host, effect):
        host.now += 0.05
        raise error("in trouble")

    return trouble


@pytest.mark.parametrize("method", ["sums", "noted", "travelled"])
@pytest.mark.parametrize(
    "trouble",
    [refuses(StoreUnavailable), refuses(FutureVersion), refuses(TooOld), lambda *_: 6.0],
    ids=["away", "behind", "forgetful", "still"],
)
def test_however_long_a_store_is_in_trouble_the_request_is_done_afterwards(method, trouble):
    host = Host(until(600.0, trouble))
    outcome = host.ask(method)
    assert isinstance(outcome, Returned), outcome
    assert CODEC.decode(outcome.value) == 0
    assert host.keys(INTENTS) == host.keys(SET_ASIDE) == [] or method != "sums"


def test_one_region_that_was_held_up_is_no_habit():
    held = iter([6.0] * 4)

    def takes(host, effect):
        computes = isinstance(effect, ReadVersion) and len(host.owed) < 4
        return next(held, 0.0) if computes and host.effects.get("Read") else 0.0

    assert isinstance(Host(takes).ask("sums"), Returned)
