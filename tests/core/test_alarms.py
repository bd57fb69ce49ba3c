"""What is due later: started, asleep, at rest, woken."""

import pytest

from core import effects
from core.alarms import next_alarm, rest, started_root, wake
from core.errors import Conflict
from core.ids import RequestId, began_ms, root_id
from core.layout import ALARMS, INTENTS, JOURNAL, RESTING, WAITERS
from core.memory import MemoryStore
from core.messages import Failed, Returned
from core.recovery import clear_intents, drive
from core.retention import retain
from tests.core.programs import CODEC, increment, look, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND


async def later(self, key):
    """Start one for later; undo another."""
    try:
        async with effects.Transaction():
            await effects.start("Counter", "increment", "undone", after=HOUR)
            await effects.abort()
    except Exception:
        await self.values.setitem(key, 1)
    return await effects.start("Counter", "increment", key, after=HOUR)


async def nap(self, key):
    await self.values.setitem(key, "before")
    await effects.sleep(HOUR)
    await self.values.setitem(key, "after")
    return "done"


async def naps(self, key):
    """Two at once, one of them short, and one that does not sleep at all."""
    await effects.spawn("Sleeper", "nap", key)
    short = await effects.spawn("Sleeper", "doze", key)
    await effects.spawn("Counter", "increment", key)
    return await short


async def await_it(self, key):
    """Wait for what was started, and say what it gave."""
    root = await effects.start("Counter", "increment", key, after=HOUR)
    try:
        return await effects.result(root)
    except LookupError as error:
        return str(error)


async def await_any(self, root):
    return await effects.result(root)


async def doze(self, key):
    await effects.sleep(SECOND)
    await self.values.setitem((key, "dozed"), True)
    return key


PROGRAM = program(
    ("Counter", {"increment": increment, "look": look}),
    ("Starter", {"later": later}),
    ("Sleeper", {"nap": nap, "naps": naps, "doze": doze, "await_it": await_it, "any": await_any}),
    read_only=("Counter.look",),
).keyed(b"secret")


@pytest.fixture
def host(rng):
    host = DirectHost(PROGRAM, MemoryStore(), NOW)
    host.rng = rng
    return host


@pytest.fixture
def rng():
    import random

    return random.Random(1)


def ask(host, service, method, *args):
    root = root_id(host.clock_ns // 1_000_000, host.rng)
    return root_request(PROGRAM, root, service, method, *args)


def section(host, part):
    return [key for key in host.store.snapshot() if part.begin <= key < part.end]


def value(host, service, key):
    reply = host.run(ask(host, service, "look", key))
    return CODEC.decode(reply.outcome.value)


def wake_all(host):
    woken = host.drive(wake(host.clock_ns))
    host.drive(drive(woken))
    return woken


def test_what_is_started_runs_when_it_is_due_and_what_was_undone_never(host):
    reply = host.run(ask(host, "Starter", "later", "a"))
    root = CODEC.decode(reply.outcome.value)
    assert len(host.commits) == 1  # a start costs no commit of its own
    assert len(section(host, ALARMS)) == len(section(host, RESTING)) == 1
    assert host.drive(next_alarm()) == began_ms(root) * 1_000_000
    assert wake_all(host) == {}
    assert value(host, "Counter", "a") == 0
    host.clock_ns += HOUR + SECOND
    assert list(wake_all(host)) == [root]
    assert value(host, "Counter", "a") == 1
    assert value(host, "Counter", "undone") == 0
    assert not section(host, ALARMS) + section(host, RESTING) + section(host, INTENTS)


def test_a_duplicate_of_the_starter_starts_nothing_again(host):
    request = ask(host, "Starter", "later", "a")
    first = host.run(request)
    host.clock_ns += SECOND
    assert host.run(request).outcome == first.outcome
    assert len(section(host, ALARMS)) == 1


def test_who_sleeps_ends_and_goes_on_where_it_was(host):
    request = ask(host, "Sleeper", "nap", "a")
    reply = host.run(request)
    assert isinstance(reply.outcome, Failed)
    assert reply.outcome.kind == "Asleep"
    assert not reply.outcome.definite
    assert abs(reply.outcome.until - host.clock_ns - HOUR) < 1_000
    assert len(host.commits) == 1
    assert host.run(request).outcome.until == reply.outcome.until
    assert len(host.commits) == 1
    host.clock_ns += HOUR
    assert host.run(request).outcome == Returned(CODEC.encode("done"))
    assert len(host.commits) == 2


def test_at_rest_a_tree_has_no_intent_until_it_is_woken(host):
    reply = host.run(ask(host, "Sleeper", "nap", "a"))
    root, until = reply.id.root, reply.outcome.until
    assert section(host, INTENTS)
    host.drive(rest({root: reply.outcome}))
    assert not section(host, INTENTS)
    assert len(section(host, RESTING)) == 1
    host.clock_ns = until
    assert list(host.drive(wake(host.clock_ns))) == [root]
    assert section(host, INTENTS)
    assert not section(host, RESTING) + section(host, ALARMS)
    host.drive(rest({root: reply.outcome}))  # late: somebody has woken it
    assert section(host, INTENTS)


def test_waking_and_laying_to_rest_at_once_never_both_happen(host):
    reply = host.run(ask(host, "Sleeper", "nap", "a"))
    root, until = reply.id.root, reply.outcome.until
    host.clock_ns = until
    steps = rest({root: reply.outcome})
    answer = None
    for _ in range(2):
        answer = host.perform(steps.send(answer))
    late = steps.send(answer)
    host.drive(wake(host.clock_ns))
    with pytest.raises(Conflict):
        host.perform(late)
    assert section(host, INTENTS)


def test_all_parts_of_a_tree_wake_up_each_in_its_time(host):
    request = ask(host, "Sleeper", "naps", "a")
    reply = host.run(request)
    assert abs(reply.outcome.until - host.clock_ns - SECOND) < 1_000
    assert value(host, "Counter", "a") == 1
    host.drive(rest({request.id.root: reply.outcome}))
    host.clock_ns += 2 * SECOND
    assert len(wake_all(host)) == 1
    reply = host.run(request)
    assert reply.outcome.until - host.clock_ns > HOUR // 2
    host.clock_ns += HOUR
    wake_all(host)
    assert host.run(request).outcome == Returned(CODEC.encode("a"))
    assert not section(host, ALARMS) + section(host, RESTING)


def test_what_sleeps_is_not_forgotten(host):
    request = ask(host, "Sleeper", "nap", "a")
    reply = host.run(request)
    host.drive(rest({request.id.root: reply.outcome}))
    host.clock_ns += HOUR
    host.run(ask(host, "Counter", "increment", "b"))
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    wake_all(host)
    assert host.run(request).outcome == Returned(CODEC.encode("done"))
    host.drive(clear_intents([request.id.root]))
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert not section(host, JOURNAL)


def test_waking_goes_by_pages(host):
    for number in range(5):
        host.run(ask(host, "Starter", "later", number))
    host.clock_ns += 2 * HOUR
    assert [len(host.drive(wake(host.clock_ns, limit=2))) for _ in range(4)] == [2, 2, 1, 0]


def test_an_alarm_of_what_is_complete_is_taken_away(host):
    request = ask(host, "Sleeper", "nap", "a")
    host.run(request)
    host.clock_ns += HOUR
    host.run(request)
    host.drive(clear_intents([request.id.root]))
    assert wake_all(host) == {}
    assert not section(host, ALARMS)


def test_who_waits_for_an_answer_is_woken_by_the_commit_that_has_it(host):
    request = ask(host, "Sleeper", "await_it", "a")
    reply = host.run(request)
    assert reply.outcome.kind == "Asleep"
    assert len(host.commits) == 1
    assert host.run(request).outcome.kind == "Asleep"
    assert len(host.commits) == 1  # looking costs no commit
    assert len(section(host, WAITERS)) == 1
    host.clock_ns += HOUR + SECOND
    assert len(wake_all(host)) == 1
    assert not section(host, WAITERS)
    assert list(wake_all(host)) == [request.id.root]
    outcome = host.run(request).outcome
    assert outcome == Returned(CODEC.encode(1))
    assert not section(host, ALARMS) + section(host, RESTING) + section(host, INTENTS)
    assert host.run(request).outcome == outcome


def test_an_answer_is_there_for_who_waits_later(host):
    reply = host.run(ask(host, "Starter", "later", "a"))
    host.clock_ns += 2 * HOUR
    wake_all(host)
    root = CODEC.decode(reply.outcome.value)
    outcome = host.run(ask(host, "Sleeper", "any", root)).outcome
    assert outcome == Returned(CODEC.encode(1))
    assert not section(host, WAITERS)


def test_what_is_not_known_is_not_waited_for(host):
    outcome = host.run(ask(host, "Sleeper", "any", b"x" * 16)).outcome
    assert outcome.type == "LookupError"
    assert "was started" in outcome.text


def test_ids_of_what_is_started(rng):
    starter = RequestId(root_id(NOW // 1_000_000, rng))
    one = started_root(b"x" * 32, starter, 3, NOW)
    assert one == started_root(b"x" * 32, starter, 3, NOW)
    others = [
        started_root(b"y" * 32, starter, 3, NOW),
        started_root(b"x" * 32, starter, 4, NOW),
        started_root(b"x" * 32, starter.child(0), 3, NOW),
    ]
    assert one not in others
    assert started_root(b"x" * 32, starter, 3, 0) > starter.root  # however wrong the clock is
    assert one[6] >> 4 == 7
    assert one[8] >> 6 == 2
