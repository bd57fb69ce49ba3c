"""Outside functions on the executor: what is durable when, keys, answers, and what it costs."""

import contextlib
from inspect import signature

import pytest

from core import effects
from core.errors import Conflict
from core.ids import uuid7
from core.layout import INTENTS
from core.memory import MemoryStore
from core.messages import Failed, Raised, Returned
from core.outside import Outside, outside_key, present_key
from core.ports import Ask, Commit
from tests.core.programs import CODEC, increment, program
from tests.direct import DirectHost, root_request

NOW = 1_700_000_000 * 10**9


class World:
    """Answers with a number that grows, so that no two answers are the same."""

    def __init__(self):
        self.keys, self.failures = [], 0

    def charge(self, card):
        self.keys.append(present_key())
        if self.failures:
            self.failures -= 1
            raise ConnectionError(card)
        return f"{card} {len(self.keys)}"


async def charge(card):
    return await effects.perform(effects.Outside("charge", (card,), {}))


async def alone(self, card):
    return await charge(card)


async def between(self, card):
    await self.values.setitem("before", 1)
    receipt = await charge(card)
    await self.values.setitem("after", receipt)
    return receipt


async def twice(self, card):
    return [await charge(card), await charge(card)]


async def gathered(self, card):
    one = await effects.perform(effects.Outside("charge", (card,), {}, waits=False))
    two = await effects.perform(effects.Outside("charge", (card + "!",), {}, waits=False))
    await effects.call("Shop", "increment", "n")
    return list(await effects.gather(one, two))


async def unheard(self, card):
    await effects.perform(effects.Outside("charge", (card,), {}, waits=False))


async def caught(self, card):
    try:
        return await charge(card)
    except ConnectionError as error:
        return f"caught {error}"


async def inside(self, card):
    async with effects.Transaction():
        return await charge(card)


METHODS = {
    each.__name__: each
    for each in (alone, between, twice, gathered, unheard, caught, inside, increment)
}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def host(world):
    built = program(("Shop", METHODS)).keyed(b"secret")
    check = signature(world.charge).bind
    declared = Outside("charge", world.charge, check, 3, 10**9, 0, (Exception,), (ValueError,))
    built.outside = {"charge": declared}
    return DirectHost(built, MemoryStore(), NOW)


def ask(host, method, number=1):
    return root_request(host.program, uuid7(NOW // 10**6, number), "Shop", method, "ada")


def run(host, method, number=1):
    outcome = host.run(ask(host, method, number)).outcome
    return CODEC.decode(outcome.value) if isinstance(outcome, Returned) else outcome


COSTS = [("alone", 2), ("between", 2), ("twice", 3), ("caught", 2), ("unheard", 2)]


@pytest.mark.parametrize(("method", "commits"), COSTS)
def test_one_more_outside_call_costs_one_more_commit(host, method, commits):
    run(host, method)
    assert len(host.commits) == commits


@pytest.mark.parametrize("method", ["alone", "between", "twice", "gathered", "unheard"])
def test_asked_again_it_gives_the_same_and_asks_nothing(host, world, method):
    first, asked = run(host, method), len(world.keys)
    assert run(host, method) == first
    assert len(world.keys) == asked


def test_what_led_there_is_durable_with_an_intent(host):
    seen = []
    host.answer = lambda _: seen.append(intents(host)) or Returned(CODEC.encode("r"))
    run(host, "alone")
    assert seen == [1]


def intents(host):
    content = host.store.snapshot()
    return sum(INTENTS.begin <= key < INTENTS.end for key in content)


def test_tries_and_attempts_have_one_key(host, world):
    world.failures = 2
    run(host, "alone")
    assert len(world.keys) == 3
    again = DirectHost(host.program, MemoryStore(), NOW)
    run(again, "alone")
    assert len(set(world.keys)) == 1
    run(again, "twice", 2)
    assert len(set(world.keys)) == 3
    assert world.keys[0] == outside_key(b"secret", ask(host, "alone").id, 0)
    assert world.keys[0] != outside_key(b"other", ask(host, "alone").id, 0)


def test_the_last_exception_is_raised_and_recorded(host, world):
    world.failures = 3
    assert run(host, "caught") == "caught ada"
    world.failures = 0
    assert run(host, "caught") == "caught ada"
    world.failures = 3
    assert isinstance(run(host, "alone", 2), Raised)
    assert len(world.keys) == 6


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("method", ["alone", "between", "twice", "gathered"])
@pytest.mark.parametrize("strike", range(12))
def test_a_crash_anywhere_asks_again_under_the_same_key(host, world, method, strike):
    """The process dies before its n-th effect, or after it took place."""
    plain = host.perform
    for after in (False, True):
        host.store, left = MemoryStore(), strike
        world.keys.clear()

        def perform(effect, after=after):
            nonlocal left
            left -= 1
            if left == -1 and not after:
                raise Interrupted
            answer = plain(effect)
            if left == -1:
                raise Interrupted
            return answer

        host.perform = perform
        with contextlib.suppress(Interrupted):
            run(host, method)
        host.perform = plain
        answer = run(host, method)
        keys = len(set(world.keys))
        assert keys == {"twice": 2, "gathered": 2}.get(method, 1)
        assert run(host, method) == answer


def test_an_answer_is_kept_when_the_store_refuses(host, world):
    plain, refused = host.perform, []

    def perform(effect):
        if isinstance(effect, Commit) and world.keys and not refused:
            refused.append(effect)
            raise Conflict
        return plain(effect)

    host.perform = perform
    assert run(host, "between") == "ada 1"
    assert len(world.keys) == 1
    assert refused


def test_of_two_attempts_one_answer_counts(host, world):
    """A slow survivor hears its own answer, and goes on with that of the other."""
    plain, nested = host.perform, []

    def perform(effect):
        answer = plain(effect)
        if isinstance(effect, Ask) and not nested:
            nested.append(None)
            nested[0] = run(host, "between")
        return answer

    host.perform = perform
    assert run(host, "between") == nested[0]
    assert (
        CODEC.decode(host.store.get(key_of(host, "after"), host.store.read_version())) == nested[0]
    )


def key_of(host, name):
    (key,) = (k for k in host.store.snapshot() if name.encode() in k and k[:1] == b"d")
    return key


def test_called_inside_a_transaction_it_waits_for_another_revision(host, world):
    outcome = host.run(ask(host, "inside")).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind == "Unfamiliar"
    assert not world.keys
