"""Cancelling: who waits in a tree does not go on, and what must happen all the same happens."""

import random

import pytest

from core import effects
from core.alarms import rest, wake
from core.attempt import attempt
from core.cancelling import cancel, marks
from core.errors import Cancelled
from core.ids import root_id
from core.journal import METHOD_END
from core.layout import ALARMS, CANCELLED, INTENTS, JOURNAL, RESTING
from core.memory import MemoryStore
from core.messages import Raised, Returned
from core.ports import Commit, ReadVersion, Send
from core.recovery import drive, recover
from core.retention import retain
from core.store import Clear
from tests.core.programs import CODEC, increment, look, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND


async def nap(self, key):
    """Sleep; in ``finally`` call what sleeps, sleep, and say so."""
    try:
        await effects.sleep(HOUR)
        await self.values.setitem((key, "slept"), True)
    finally:
        await effects.call("Sleeper", "doze", key)
        await effects.sleep(HOUR)
        await self.values.setitem((key, "over"), True)
    return "done"


async def doze(self, key):
    await effects.sleep(HOUR)
    return await effects.call("Counter", "increment", key)


async def swallow(self, key):
    """Go on after all: nothing is cancelled a second time."""
    try:
        await effects.sleep(HOUR)
    except Cancelled:
        await effects.call("Counter", "increment", key)
    await effects.sleep(HOUR)
    return "went on"


async def beside(self, key):
    """Two that wait, at once."""
    first = await effects.spawn("Sleeper", "nap", (key, 1))
    second = await effects.spawn("Sleeper", "nap", (key, 2))
    try:
        return await effects.join(effects.gather(first, second))
    finally:
        await self.values.setitem((key, "told"), True)


async def beginner(self, key):
    await self.values.setitem((key, "began"), True)


async def launch(self, key, wait):
    """Start one for later and cancel it, in one transaction that may be undone."""
    root = await effects.start("Sleeper", "beginner", key, after=HOUR)
    try:
        async with effects.Transaction():
            await effects.cancel(root)
            if not wait:
                await effects.abort()
    except Exception:
        return root
    try:
        return await effects.result(root)
    except Cancelled:
        return "was cancelled"


PROGRAM = program(
    ("Counter", {"increment": increment, "look": look}),
    (
        "Sleeper",
        {
            "nap": nap,
            "doze": doze,
            "swallow": swallow,
            "beside": beside,
            "beginner": beginner,
            "launch": launch,
            "look": look,
        },
    ),
    read_only=("Counter.look", "Sleeper.look"),
).keyed(b"secret")


@pytest.fixture
def host():
    host = DirectHost(PROGRAM, MemoryStore(), NOW)
    host.rng = random.Random(1)
    return host


def ask(host, method, *args, service="Sleeper"):
    root = root_id(host.clock_ns // 1_000_000, host.rng)
    return root_request(PROGRAM, root, service, method, *args)


def value(host, key, service="Sleeper"):
    reply = host.run(ask(host, "look", key, service=service))
    return CODEC.decode(reply.outcome.value)


def section(host, part):
    return [key for key in host.store.snapshot() if part.begin <= key < part.end]


def wake_all(host):
    woken = host.drive(wake(host.clock_ns))
    host.drive(drive(woken))
    return list(woken)


def settle(host):
    for _ in range(10):
        host.clock_ns += HOUR
        while wake_all(host):
            pass


def is_cancelled(outcome):
    return isinstance(outcome, Raised) and outcome.type == "Cancelled"


def test_who_sleeps_is_woken_and_what_stands_in_finally_happens_and_may_wait(host):
    request = ask(host, "nap", "a")
    asleep = host.run(request).outcome
    host.drive(rest({request.id.root: asleep}))
    assert section(host, RESTING)
    found = host.drive(cancel(request.id.root))
    assert found.state == "sleeping"
    assert wake_all(host) == [request.id.root]
    assert host.run(request).outcome.kind == "Asleep"  # it calls who sleeps, and is not cut off
    settle(host)
    outcome = host.run(request).outcome
    assert is_cancelled(outcome)
    assert host.run(request).outcome == outcome
    assert value(host, "a", "Counter") == 1
    assert value(host, ("a", "over")) is True
    assert value(host, ("a", "slept")) == 0


def test_it_is_raised_once(host):
    request = ask(host, "swallow", "a")
    host.run(request)
    host.drive(cancel(request.id.root))
    settle(host)
    assert host.run(request).outcome == Returned(CODEC.encode("went on"))
    assert value(host, "a", "Counter") == 1


def test_it_reaches_what_was_called(host):
    request = ask(host, "beside", "a")
    host.run(request)
    host.drive(cancel(request.id.root))
    settle(host)
    assert is_cancelled(host.run(request).outcome)
    for number in (1, 2):
        assert value(host, (("a", number), "over")) is True
        assert value(host, (("a", number), "slept")) == 0
    assert value(host, ("a", "told")) is True


def test_what_has_not_begun_never_does(host):
    request = ask(host, "launch", "a", True)
    assert host.run(request).outcome.kind == "Asleep"
    assert len(wake_all(host)) == 1  # long before it is due
    settle(host)
    assert host.run(request).outcome == Returned(CODEC.encode("was cancelled"))
    assert value(host, ("a", "began")) == 0
    assert not section(host, ALARMS) + section(host, RESTING) + section(host, INTENTS)


def test_a_cancellation_that_is_undone_was_none(host):
    host.run(ask(host, "launch", "a", False))
    assert not section(host, CANCELLED)
    settle(host)
    assert value(host, ("a", "began")) is True


def test_who_is_past_its_last_wait_completes(host):
    request = ask(host, "increment", "a", service="Counter")
    assert host.drive(cancel(request.id.root)) is None  # nobody knows it
    first = host.run(request).outcome
    assert isinstance(first, Returned)
    assert host.drive(cancel(request.id.root)) is None
    assert host.run(request).outcome == first


def test_what_a_wait_saw_is_recorded(host):
    """Another execution goes on as the first did, cancelled or not by then."""
    request = ask(host, "swallow", "a")
    host.run(request)
    host.clock_ns += HOUR
    assert host.run(request).outcome.kind == "Asleep"
    host.drive(cancel(request.id.root))  # between the first sleep, which ended, and the second
    settle(host)
    assert is_cancelled(host.run(request).outcome)
    assert value(host, "a", "Counter") == 0


def test_a_cancellation_that_was_seen_is_recorded(host):
    request = ask(host, "swallow", "a")
    host.run(request)
    host.drive(cancel(request.id.root))
    steps, answer = attempt(PROGRAM, request, "first"), None
    while not isinstance(effect := steps.send(answer), Send):
        answer = host.perform(effect)
    steps.close()  # it has decided, and dies
    host.drive(written([Clear(key) for key in section(host, CANCELLED)]))
    settle(host)
    assert host.run(request).outcome == Returned(CODEC.encode("went on"))
    assert value(host, "a", "Counter") == 1


def test_who_looked_before_is_not_laid_to_rest_after_it_was_woken(host):
    """The alarm of the sleep is still there, but that of the cancellation is gone."""
    request = ask(host, "nap", "a")
    asleep = host.run(request).outcome
    host.drive(cancel(request.id.root))
    assert list(host.drive(wake(host.clock_ns))) == [request.id.root]
    host.drive(rest({request.id.root: asleep}))
    assert section(host, INTENTS)
    assert not section(host, RESTING)


def test_who_looked_after_it_was_woken_is_laid_to_rest(host):
    request = ask(host, "nap", "a")
    host.run(request)
    host.drive(cancel(request.id.root))
    host.drive(wake(host.clock_ns))
    host.drive(rest({request.id.root: host.run(request).outcome}))
    assert section(host, RESTING)
    assert not section(host, INTENTS)


def test_marks_are_forgotten_with_the_journal_and_also_those_of_what_was_forgotten_before(host):
    request = ask(host, "nap", "a")
    host.run(request)
    host.drive(cancel(request.id.root))
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert section(host, CANCELLED)  # the tree is not complete
    settle(host)
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert not section(host, CANCELLED) + section(host, JOURNAL)
    host.drive(written(marks(request.id.root)))  # who cancels cannot know how long ago it ended
    host.clock_ns += HOUR
    host.run(ask(host, "increment", "b", service="Counter"))
    wake_all(host)
    host.drive(retain(host.clock_ns + 2 * HOUR, SECOND))
    assert not section(host, CANCELLED) + section(host, ALARMS)


def written(mutations):
    version = yield ReadVersion()
    yield Commit(None, 0, METHOD_END, ("late",), version, [], mutations)


def test_what_was_woken_before_its_time_is_driven_by_recovery(host):
    """Whoever woke it may die before it has driven it."""
    host.run(ask(host, "launch", "a", True))
    host.drive(wake(host.clock_ns))
    assert len(section(host, INTENTS)) == 2  # it, and who waits for it
    host.drive(recover(host.clock_ns, SECOND))
    assert len(section(host, INTENTS)) == 1
    assert value(host, ("a", "began")) == 0
    host.clock_ns += 2 * HOUR
    settle(host)
    assert value(host, ("a", "began")) == 0
    assert not section(host, INTENTS)
