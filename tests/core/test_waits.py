"""Waiting at a place: for what appears under a key, or for a time, whichever is first."""

import random

import msgspec
import pytest

from core import attempt as attempts
from core import effects
from core.ids import root_id
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Commit, Send
from core.store import KeyRange, Set
from core.waits import Awaited
from tests.core.programs import CODEC, increment, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND
WAITER = b"d\x00waiter"
THING = KeyRange(b"d\x00thing", b"d\x00thing\x00")


class Thing(msgspec.Struct, frozen=True):
    """An effect of these tests: wait for a value under one key, at most so long."""

    at_most: int


def wait_for_it(attempt, effect):
    yield from attempt.waits.prepare("waits")
    until = (yield from attempt.accesses.clock()) + effect.at_most if effect.at_most else None
    awaited = Awaited(
        ((*THING, 0),), lambda pairs: pairs[0][0][1] if pairs[0] else None, (THING,), WAITER
    )
    found = yield from attempt.waits.wait(attempt.regions.take_place(), awaited, until)
    return None if found is None else found.decode()


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setitem(attempts._HANDLERS, Thing, wait_for_it)


async def wait(self, at_most):
    await self.values.setitem("began", True)
    found = await effects.perform(Thing(at_most))
    await self.values.setitem("found", found)
    return found


async def wait_and_tell(self, at_most):
    found = await effects.perform(Thing(at_most))
    await effects.call("Counter", "increment", "told")
    return found


PROGRAM = program(
    ("Counter", {"increment": increment}),
    ("Waiter", {"wait": wait, "wait_and_tell": wait_and_tell}),
).keyed(b"secret")


@pytest.fixture
def host():
    return DirectHost(PROGRAM, MemoryStore(), NOW)


def ask(host, at_most, method="wait"):
    root = root_id(host.clock_ns // 1_000_000, random.Random(1))
    return root_request(PROGRAM, root, "Waiter", method, at_most)


def appear(host, value):
    host.store.commit(host.store.read_version(), [], [Set(THING.begin, value)])


def outcome(value):
    return Returned(CODEC.encode(value))


def test_it_ends_when_the_thing_is_there(host):
    request = ask(host, 0)
    assert host.run(request).outcome.kind == "Asleep"
    assert host.run(request).outcome.kind == "Asleep"
    assert len(host.commits) == 1
    appear(host, b"x")
    assert host.run(request).outcome == outcome("x")


def test_it_ends_when_the_time_has_come(host):
    request = ask(host, HOUR)
    assert host.run(request).outcome.kind == "Asleep"
    host.clock_ns += HOUR
    assert host.run(request).outcome == outcome(None)


def test_what_is_there_comes_before_the_time(host):
    request = ask(host, HOUR)
    host.run(request)
    host.clock_ns += HOUR
    appear(host, b"x")
    assert host.run(request).outcome == outcome("x")


def test_what_appears_while_a_wait_ends_without_it_makes_it_look_again(host, monkeypatch):
    """The region that goes on without the thing is in conflict with it."""
    request = ask(host, HOUR)
    host.run(request)
    host.clock_ns += HOUR
    late, perform = ["x"], host.perform

    def interfering(effect):
        if isinstance(effect, Commit) and late:
            appear(host, late.pop().encode())
        return perform(effect)

    monkeypatch.setattr(host, "perform", interfering)
    assert host.run(request).outcome == outcome("x")


def test_what_ended_a_wait_is_recorded(host):
    """Another execution goes on as the first did, whatever is there by then."""
    request = ask(host, HOUR, "wait_and_tell")
    host.run(request)
    host.clock_ns += HOUR
    first, answer = attempts.attempt(PROGRAM, request, "first"), None
    while not isinstance(effect := first.send(answer), Send):
        answer = host.perform(effect)
    first.close()  # it has decided, and dies before it tells
    appear(host, b"x")
    assert host.run(request).outcome == outcome(None)
