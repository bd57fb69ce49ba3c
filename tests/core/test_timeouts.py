"""Timeouts: a wait that takes longer is broken off, here or in what was called."""

import random

import pytest

from core import effects
from core.alarms import wake
from core.attempt import attempt
from core.cancelling import cancel
from core.errors import Cancelled, Conflict
from core.ids import root_id
from core.layout import ALARMS, INTENTS, RESTING
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Commit, Due, Send
from core.recovery import drive
from tests.core.programs import CODEC, increment, look, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND


async def hurry(self, key, inside, outside):
    """Sleep for ten hours in two timeouts: which of them was over; or that it slept."""
    try:
        async with effects.Timeout(outside):
            try:
                async with effects.Timeout(inside):
                    await effects.sleep(10 * HOUR)
            except TimeoutError:
                return "inside"
            finally:
                await effects.sleep(HOUR)
                await self.values.setitem((key, "over"), True)
    except TimeoutError:
        return "outside"
    return "slept"


async def nap(self, key):
    try:
        await effects.sleep(10 * HOUR)
    finally:
        await effects.call("Sleeper", "doze", key)
        await self.values.setitem((key, "over"), True)


async def doze(self, key):
    await effects.sleep(10 * HOUR)
    return await effects.call("Counter", "increment", key)


async def through(self, key):
    return await effects.call("Sleeper", "nap", key)


async def within(self, key):
    """Call, through another one, what sleeps for longer, and then go on waiting."""
    try:
        async with effects.Timeout(HOUR):
            await effects.call("Sleeper", "through", key)
    except TimeoutError as error:
        await effects.sleep(10 * HOUR)
        return str(error)


async def beside(self, key):
    """Two that sleep for longer, at once; both are broken off."""
    try:
        async with effects.Timeout(HOUR):
            first = await effects.spawn("Sleeper", "nap", (key, 1))
            second = await effects.spawn("Sleeper", "nap", (key, 2))
            await effects.join(effects.gather(first, second))
    except TimeoutError:
        return "late"


async def told(self, key):
    """Tell whether it was in time, when it has decided."""
    try:
        async with effects.Timeout(HOUR):
            await effects.sleep(2 * HOUR)
    except TimeoutError:
        await effects.call("Counter", "increment", key)
        return "late"


async def leave(self, key):
    """After the block nothing is broken off any more; what is raised in it leaves it as it is."""
    async with effects.Timeout(HOUR):
        await effects.sleep(SECOND)
    await effects.sleep(9 * HOUR)
    try:
        async with effects.Timeout(HOUR):
            raise Cancelled("mine")
    except Cancelled as mine:
        return mine.args[0]


METHODS = [hurry, nap, doze, through, within, beside, told, leave, look]
PROGRAM = program(
    ("Counter", {"increment": increment, "look": look}),
    ("Sleeper", {each.__name__: each for each in METHODS}),
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
    return CODEC.decode(host.run(ask(host, "look", key, service=service)).outcome.value)


def settle(host, hours=60, step=HOUR // 2):
    for _ in range(int(hours * HOUR / step)):
        host.clock_ns += step
        while woken := host.drive(wake(host.clock_ns)):
            host.drive(drive(woken))


def section(host, part):
    return [key for key in host.store.snapshot() if part.begin <= key < part.end]


def done(host, request):
    host.run(request)
    settle(host)
    outcome = host.run(request).outcome
    assert isinstance(outcome, Returned), outcome
    assert not section(host, ALARMS) + section(host, RESTING) + section(host, INTENTS)
    return CODEC.decode(outcome.value)


@pytest.mark.parametrize(
    ("inside", "outside", "was"),
    [
        (2 * HOUR, 5 * HOUR, "inside"),
        (5 * HOUR, 2 * HOUR, "outside"),
        (2 * HOUR, 2 * HOUR, "outside"),
        (20 * HOUR, 30 * HOUR, "slept"),
        (20 * HOUR, int(10.5 * HOUR), "outside"),  # in finally
        (0, 20 * HOUR, "inside"),
    ],
)
def test_the_earliest_is_over_first_and_finally_may_wait(host, inside, outside, was):
    assert done(host, ask(host, "hurry", "a", inside, outside)) == was
    assert value(host, ("a", "over")) == (outside != int(10.5 * HOUR))


def test_it_is_over_on_time(host):
    request = ask(host, "hurry", "a", 2 * HOUR, 5 * HOUR)
    asleep = host.run(request).outcome
    assert abs(asleep.until - host.clock_ns - 2 * HOUR) < SECOND


def test_it_is_as_if_it_had_been_woken_on_time(host):
    """Who was woken late, because nobody was up, had slept to the end before the timeout."""
    request = ask(host, "leave", "a")
    host.run(request)
    host.clock_ns += 100 * HOUR
    assert done(host, request) == "mine"


def test_it_holds_in_what_is_called_once(host):
    """Further down, too; and what is called in finally there is not broken off again."""
    assert done(host, ask(host, "within", "a")) == "it was not done within 3600 s"
    assert value(host, ("a", "over")) is True
    assert value(host, "a", "Counter") == 1


def test_it_holds_in_all_that_are_called_at_once(host):
    assert done(host, ask(host, "beside", "a")) == "late"
    assert value(host, (("a", 1), "over")) is True
    assert value(host, (("a", 2), "over")) is True


def test_after_the_block_it_is_gone(host):
    assert done(host, ask(host, "leave", "a")) == "mine"


def test_that_it_was_over_is_recorded(host):
    """Another execution goes on as the first did, whatever its clock says."""
    request = ask(host, "told", "a")
    host.run(request)
    host.clock_ns += HOUR
    first, answer = attempt(PROGRAM, request, "first"), None
    while not isinstance(effect := first.send(answer), Send):
        answer = host.perform(effect)
    first.close()  # it has decided, and dies before it tells
    second, answer = attempt(PROGRAM, request, "second"), None
    try:
        while True:
            effect = second.send(answer)
            answer = False if isinstance(effect, Due) else host.perform(effect)
    except StopIteration as stop:
        outcome = stop.value.outcome
    assert outcome == Returned(CODEC.encode("late"))
    assert value(host, "a", "Counter") == 1


def test_a_request_that_is_cancelled_is_so_in_its_timeouts_too(host):
    request = ask(host, "hurry", "a", 2 * HOUR, 5 * HOUR)
    host.run(request)
    host.drive(cancel(request.id.root))
    settle(host)
    assert host.run(request).outcome.type == "Cancelled"
    assert value(host, ("a", "over")) is True


def test_an_execution_that_begins_anew_knows_what_it_sent_with_its_calls(host, monkeypatch):
    """The store refuses a commit, and the answer of what was called before is there already."""
    request, perform, refused = ask(host, "within", "a"), host.perform, []

    def refusing(effect):
        its_own = isinstance(effect, Commit) and effect.request == request.id
        if its_own and effect.place == 1 and not refused:
            refused.append(effect)
            raise Conflict
        return perform(effect)

    monkeypatch.setattr(host, "perform", refusing)
    assert done(host, request) == "it was not done within 3600 s"
    assert refused
