"""Named events: waited for, signalled, each once, in whichever order."""

import random

import pytest

from core import effects
from core.alarms import wake
from core.errors import Conflict, TransactionException
from core.events import forget, named, signalled
from core.ids import root_id
from core.layout import ALARMS, EVENTS, EVENTS_BY_TIME, INTENTS
from core.memory import MemoryStore
from core.messages import Failed, Returned
from core.ports import Commit
from core.readable import readable_key
from core.recovery import clear_intents, drive
from core.retention import retain
from tests.core.programs import CODEC, increment, look, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND


async def wait(self, key, at_most=None):
    await self.values.setitem(key, "waits")
    try:
        value = await effects.event(named("paid", key), at_most)
    except TimeoutError as error:
        value = str(error)
    await self.values.setitem(key, value)
    return value


async def wait_twice(self, key):
    """The same event, which is there the second time; and one of another key."""
    first = await effects.event(named("paid", key))
    return [first, await effects.event(named("paid", key)), await self.values.get(key, 0)]


async def wait_for_all(self, keys):
    children = [await effects.spawn("Waiter", "wait", key) for key in keys]
    return [await child for child in children]


async def say(self, key, value):
    await effects.signal(named("paid", key), value)


async def say_and_undo(self, key, value):
    try:
        async with effects.Transaction():
            await effects.call("Payer", "say", key, value)
            await effects.signal(named("paid", (key, "own")), value)
            await effects.abort()
    except TransactionException:
        return await self.values.get(key, 0)


async def say_within(self, key, value):
    """Two callees of one transaction: the first to say something has said it."""
    async with effects.Transaction():
        await effects.call("Payer", "say", key, value)
        await effects.call("Payer", "say", key, "another")
        await effects.signal(named("paid", key), "a third")


async def say_and_wait(self, key):
    await effects.signal(named("paid", key), "mine")
    return await effects.event(named("paid", key))


PROGRAM = program(
    ("Counter", {"increment": increment, "look": look}),
    ("Waiter", {"wait": wait, "twice": wait_twice, "all": wait_for_all, "look": look}),
    (
        "Payer",
        {"say": say, "undo": say_and_undo, "within": say_within, "both": say_and_wait},
    ),
    read_only=("Counter.look", "Waiter.look"),
).keyed(b"secret")


@pytest.fixture
def host():
    host = DirectHost(PROGRAM, MemoryStore(), NOW)
    host.rng = random.Random(1)
    return host


def ask(host, service, method, *args):
    root = root_id(host.clock_ns // 1_000_000, host.rng)
    return root_request(PROGRAM, root, service, method, *args)


def tell(host, *args, method="say"):
    outcome = host.run(ask(host, "Payer", method, *args)).outcome
    assert not isinstance(outcome, Failed), outcome
    return outcome


def section(host, part):
    return [key for key in host.store.snapshot() if part.begin <= key < part.end]


def wake_all(host):
    woken = host.drive(wake(host.clock_ns))
    host.drive(drive(woken))
    return list(woken)


def gave(value):
    return Returned(CODEC.encode(value))


def test_who_waits_holds_nothing_and_is_woken_by_the_signal(host):
    request = ask(host, "Waiter", "wait", "a")
    assert host.run(request).outcome.kind == "Asleep"
    assert host.run(request).outcome.kind == "Asleep"
    assert len(host.commits) == 1  # looking costs no commit
    assert wake_all(host) == []
    tell(host, "a", 5)
    assert len(host.commits) == 2  # nor does a signal, beside that of its request
    assert wake_all(host) == [request.id.root]
    assert host.run(request).outcome == gave(5)
    assert not section(host, ALARMS)
    assert len(section(host, EVENTS)) == 1


def test_a_signal_that_comes_first_is_kept(host):
    tell(host, "a", 5)
    tell(host, "b", 6)
    assert host.run(ask(host, "Waiter", "wait", "a")).outcome == gave(5)
    assert host.run(ask(host, "Waiter", "twice", "b")).outcome == gave([6, 6, 0])
    assert len(section(host, EVENTS)) == 2


def test_the_same_signal_twice_counts_once(host):
    tell(host, "a", 5)
    tell(host, "a", 6)
    assert host.run(ask(host, "Waiter", "wait", "a")).outcome == gave(5)
    assert len(section(host, EVENTS_BY_TIME)) == 1


def test_a_signal_of_a_transaction_is_part_of_it(host):
    request = ask(host, "Waiter", "wait", "a")
    host.run(request)
    tell(host, "a", 5, method="undo")
    assert not section(host, ALARMS) + section(host, EVENTS_BY_TIME)
    assert host.run(request).outcome.kind == "Asleep"
    before = len(host.commits)
    tell(host, "a", 5, method="within")
    assert len(host.commits) == before + 1
    assert wake_all(host) == [request.id.root]
    assert host.run(request).outcome == gave(5)


def test_a_request_may_wait_for_what_it_signals(host):
    assert tell(host, "a", method="both") == gave("mine")


def test_all_who_wait_are_woken(host):
    requests = [ask(host, "Waiter", "wait", "a") for _ in range(3)]
    requests.append(ask(host, "Waiter", "all", ["a", "b", "a"]))
    for request in requests:
        assert host.run(request).outcome.kind == "Asleep"
    tell(host, "a", 5)
    assert sorted(wake_all(host)) == sorted(each.id.root for each in requests)
    assert [host.run(each).outcome for each in requests[:3]] == [gave(5)] * 3
    assert host.run(requests[3]).outcome.kind == "Asleep"
    tell(host, "b", 6)
    assert wake_all(host) == [requests[3].id.root]
    assert host.run(requests[3]).outcome == gave([5, 6, 5])


def test_a_wait_ends_when_its_time_has_come(host):
    request = ask(host, "Waiter", "wait", "a", HOUR)
    assert host.run(request).outcome.kind == "Asleep"
    host.clock_ns += HOUR
    assert wake_all(host) == [request.id.root]
    outcome = host.run(request).outcome
    assert outcome == gave("the event paid of 'a' did not come in time")
    assert not section(host, EVENTS)
    tell(host, "a", 5)  # too late for that one
    assert not section(host, ALARMS)
    assert host.run(request).outcome == outcome


def test_what_is_there_comes_before_the_time(host):
    request = ask(host, "Waiter", "wait", "a", HOUR)
    host.run(request)
    tell(host, "a", 5)
    host.clock_ns += 2 * HOUR
    wake_all(host)
    assert host.run(request).outcome == gave(5)


class Interfering(DirectHost):
    """Lets another request run right before a commit."""

    def __init__(self, *args):
        super().__init__(*args)
        self.before = []

    def perform(self, effect):
        if isinstance(effect, Commit) and self.before:
            self.run(self.before.pop())
        return super().perform(effect)


@pytest.mark.parametrize("first", ["Waiter", "Payer"])
def test_of_two_at_once_none_misses_the_other(first):
    host = Interfering(PROGRAM, MemoryStore(), NOW)
    host.rng = random.Random(1)
    waits, says = ask(host, "Waiter", "wait", "a"), ask(host, "Payer", "say", "a", 5)
    one, other = (waits, says) if first == "Waiter" else (says, waits)
    host.before.append(other)
    host.run(one)
    wake_all(host)
    assert host.run(waits).outcome == gave(5)
    assert host.run(says).outcome == gave(None)


def test_signals_from_outside(host):
    event, data = named("paid", "a"), CODEC.encode(5)
    request = ask(host, "Waiter", "wait", "a")
    host.run(request)
    assert host.drive(signalled(event, data, host.clock_ns))
    assert not host.drive(signalled(event, CODEC.encode(6), host.clock_ns))
    assert wake_all(host) == [request.id.root]
    assert host.run(request).outcome == gave(5)


def test_a_signal_from_outside_misses_nobody(host):
    steps = signalled(named("paid", "a"), CODEC.encode(5), NOW)
    answer = None
    for _ in range(2):
        answer = host.perform(steps.send(answer))
    late = steps.send(answer)
    host.run(ask(host, "Waiter", "wait", "a"))
    with pytest.raises(Conflict):
        host.perform(late)


def test_what_is_too_large_is_refused_where_it_stands(host):
    outcome = host.run(ask(host, "Payer", "say", "a", "x" * 100_001)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind == "TooLarge"
    assert "test_events.py" in outcome.text
    assert "the event paid of 'a' has 100,0" in outcome.text
    assert "keep it in a field" in outcome.text


def test_a_signal_is_kept_for_the_period_and_then_forgotten(host):
    tell(host, "a", 5)
    host.clock_ns += HOUR
    tell(host, "b", 6)
    host.drive(retain(host.clock_ns, 2 * HOUR))
    assert len(section(host, EVENTS)) == 2
    host.drive(retain(host.clock_ns + SECOND, HOUR // 2))
    assert len(section(host, EVENTS)) == len(section(host, EVENTS_BY_TIME)) == 1
    assert host.run(ask(host, "Waiter", "wait", "b")).outcome == gave(6)
    assert host.run(ask(host, "Waiter", "wait", "a")).outcome.kind == "Asleep"
    tell(host, "a", 7)  # it happens again
    assert len(section(host, ALARMS)) == 1


def test_a_signal_is_kept_for_who_began_before_it(host):
    """Even if the clock of who signalled is far behind."""
    request = ask(host, "Waiter", "wait", "a")
    host.run(request)
    host.clock_ns -= HOUR
    tell(host, "a", 5)
    host.clock_ns += 100 * HOUR
    host.drive(
        clear_intents([key[1:] for key in section(host, INTENTS) if key[1:] != request.id.root])
    )
    host.drive(retain(host.clock_ns, SECOND))
    assert host.run(request).outcome == gave(5)
    host.drive(clear_intents([request.id.root]))
    host.drive(wake(host.clock_ns))
    host.drive(retain(host.clock_ns, SECOND))
    assert not section(host, EVENTS) + section(host, EVENTS_BY_TIME)


def test_forgetting_goes_by_pages_and_stops_at_the_watermark(host, monkeypatch):
    monkeypatch.setattr("core.events.AT_ONCE", 2)
    for key in range(5):
        tell(host, key, key)
    host.drive(forget(b"\xff" * 16))
    assert len(section(host, EVENTS)) == 5
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert not section(host, EVENTS) + section(host, EVENTS_BY_TIME)


@pytest.mark.parametrize("key", ["a", 0, None, (1, "x"), b"\x00\x01", -1.5])
def test_keys_are_readable(host, key):
    host.run(ask(host, "Waiter", "wait", key))
    (waiter,) = section(host, EVENTS)
    assert f"for the event paid of {key!r}" in readable_key(waiter)
    tell(host, key, 1)
    (event,) = section(host, EVENTS)
    (moment,) = section(host, EVENTS_BY_TIME)
    assert readable_key(event) == f"the event paid of {key!r}"
    assert readable_key(moment) == f"the time of the event paid of {key!r}"
