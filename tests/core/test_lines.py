"""Lines: who is let in, who waits, and that nobody is forgotten."""

import random
from dataclasses import replace

import msgspec
import pytest

from core import effects
from core.alarms import rest, wake
from core.aside import notes, resume
from core.attempt import attempt
from core.cancelling import cancel
from core.errors import Conflict
from core.ids import root_id
from core.layout import ALARMS, INTENTS, JOURNAL, LINES, PLACES, RESTING, line_of
from core.lines import decode_line, lines, places
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Commit
from core.program import Queue
from core.recovery import clear_intents, drive, recover
from core.retention import retain
from core.store import Set
from tests.core.programs import CODEC, increment, look, program
from tests.direct import DirectHost, root_request

SECOND = 10**9
HOUR = 3_600 * SECOND
WHILE = 300 * SECOND
NOW = 1_700_000_000 * SECOND


async def serve(self, customer):
    """Something that takes a while, and says who was served."""
    await self.values.get("served")
    await effects.call("Counter", "increment", "begun")
    await effects.sleep(WHILE)
    served = await self.values.get("served", ())
    await self.values.setitem("served", (*served, customer))
    return customer


async def note(self, customer):
    return await increment(self, customer)


async def forward(self, customer):
    return await effects.call("Counter", "increment", customer, last=True)


async def serve_all(self, customers):
    return await effects.gather(*[await effects.spawn("Desk", "serve", each) for each in customers])


async def stuck(self, customer):
    await effects.call("Counter", "increment", "begun")
    await self.values.setitem("big", "x" * 200_000)


async def refuse(self, customer):
    raise ValueError(customer)


async def inside(self, customer):
    async with effects.Transaction():
        return await effects.call("Desk", "note", customer)


QUEUED = ("serve", "note", "forward", "stuck", "refuse")


def desk(**queue):
    of = Queue("Desk.serve", **queue) if queue else None
    return program(
        ("Counter", {"increment": increment, "look": look}),
        (
            "Desk",
            {"serve": serve, "note": note, "look": look, "forward": forward, "stuck": stuck,
             "refuse": refuse},
        ),
        ("Front", {"serve_all": serve_all, "inside": inside}),
        read_only=("Counter.look", "Desk.look"),
        queues=of and {f"Desk.{each}": of for each in QUEUED},
    ).keyed(b"secret")  # fmt: skip


class Host(DirectHost):
    """With a way to lose a commit, and to find out what is in the store."""

    def __init__(self, built):
        super().__init__(built, MemoryStore(), NOW)
        self.rng = random.Random(1)

    def ask(self, service, method, *args):
        root = root_id(self.clock_ns // 1_000_000, self.rng)
        return root_request(self.program, root, service, method, *args)

    def section(self, part):
        return [key for key in self.store.snapshot() if part.begin <= key < part.end]

    def value(self, service, key):
        return CODEC.decode(self.run(self.ask(service, "look", key)).outcome.value)

    def wake(self):
        woken = self.drive(wake(self.clock_ns))
        self.drive(drive(woken))
        return woken

    def settle(self):
        """Let time go by until nobody waits for anything."""
        for _ in range(200):
            if not self.wake():
                alarms = self.section(ALARMS)
                if not alarms:
                    return
                self.clock_ns = max(self.clock_ns, int.from_bytes(alarms[0][1:9], "big"))
        raise AssertionError(self.told())

    def told(self):
        return [line for each in self.drive(places()).values() for line in each]

    def left(self):
        return [self.section(part) for part in (LINES, PLACES, ALARMS, RESTING, INTENTS)]


@pytest.fixture
def make():
    return lambda **queue: Host(desk(**queue))


def asleep(reply):
    assert getattr(reply.outcome, "kind", None) == "Asleep", reply.outcome
    return reply


def test_one_at_a_time_and_who_came_first_goes_first(make):
    host = make(limit=1)
    requests = [host.ask("Desk", "serve", number) for number in range(4)]
    for request in requests:
        asleep(host.run(request))
    assert host.value("Counter", "begun") == 1
    assert sorted(host.told()) == [f"{each} of Desk.serve" for each in ("1st", "2nd", "3rd")]
    assert [(line.name, len(line.inside), line.waiting) for line in host.drive(lines())] == [
        ("Desk.serve", 1, 3)
    ]
    host.settle()
    assert host.value("Desk", "served") == (0, 1, 2, 3)
    for number, request in enumerate(requests):
        assert host.run(request).outcome == Returned(CODEC.encode(number))
    assert host.left() == [[], [], [], [], []]


def test_who_is_in_line_says_so_and_asking_again_costs_no_commit(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "a")))
    request = host.ask("Desk", "serve", "b")
    reply = asleep(host.run(request))
    assert reply.outcome.text.startswith("the request is in line for Desk.serve and goes on")
    before = len(host.commits)
    assert asleep(host.run(request)).outcome.until == reply.outcome.until
    assert len(host.commits) == before
    assert host.drive(places(request.id.root)) == {request.id.root: ["1st of Desk.serve"]}


def test_who_waits_rests_and_is_found_by_who_goes(make):
    host = make(limit=1)
    first, second = host.ask("Desk", "serve", "a"), host.ask("Desk", "serve", "b")
    told = {each.id.root: asleep(host.run(each)).outcome for each in (first, second)}
    until = told[first.id.root].until
    host.drive(rest(told))
    assert not host.section(INTENTS)
    host.clock_ns = until
    assert list(host.wake()) == [first.id.root]
    assert list(host.wake()) == [second.id.root]
    assert not host.told()


@pytest.mark.parametrize("limit", [2, 3])
def test_as_many_as_the_limit_says(make, limit):
    host = make(limit=limit)
    for number in range(7):
        asleep(host.run(host.ask("Desk", "serve", number)))
    assert host.value("Counter", "begun") == limit
    host.settle()
    assert host.value("Counter", "begun") == 7
    assert sorted(host.value("Desk", "served")) == list(range(7))
    assert host.left() == [[], [], [], [], []]


def test_a_line_for_each_value(make):
    host = make(limit=1, per="customer")
    for customer in ("a", "b", "a", 7):
        asleep(host.run(host.ask("Desk", "serve", customer)))
    assert host.value("Counter", "begun") == 3
    assert host.told() == ["1st of Desk.serve for customer 'a'"]
    host.settle()
    assert host.value("Counter", "begun") == 4


@pytest.mark.parametrize("method", ["note", "forward", "refuse"])
def test_methods_of_any_kind_wait_behind_who_is_in(make, method):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "a")))
    request = host.ask("Desk", method, "b")
    asleep(host.run(request))
    host.settle()
    outcome = host.run(request).outcome
    assert outcome == Returned(CODEC.encode(1)) or outcome.type == "ValueError"
    assert host.left() == [[], [], [], [], []]


def test_where_there_is_room_going_in_and_out_costs_no_commit(make):
    host = make(limit=1)
    host.run(host.ask("Desk", "note", "a"))
    assert len(host.commits) == 1
    assert host.effects["Read"] == 2
    assert not any(key for part in (LINES, PLACES) for key in host.section(part))
    asleep(host.run(host.ask("Desk", "serve", "a")))
    host.settle()
    unlimited = Host(desk())
    unlimited.run(unlimited.ask("Desk", "note", "a"))
    asleep(unlimited.run(unlimited.ask("Desk", "serve", "a")))
    unlimited.settle()
    assert len(host.commits) == len(unlimited.commits)


def test_the_rate_holds_at_any_time_and_uses_what_it_may(make):
    host = make(starts=3, within=SECOND)
    begun = []
    for number in range(20):
        host.run(host.ask("Desk", "note", number))
        host.clock_ns += SECOND // 10
    host.settle()
    times = [c for c in host.commits if c.request is not None and c.end == -1]
    assert len(times) == 20
    assert host.clock_ns - NOW >= 6 * SECOND
    for line in _lines_written(host):
        assert len(line.begun) <= 3
        begun += [each for each in line.begun if each not in begun]
    assert all(later - sooner >= SECOND for sooner, later in zip(begun, begun[3:], strict=False))
    assert len(begun) == 20
    assert begun[-1] - begun[0] < 10 * SECOND
    assert len(host.section(LINES)) == 1
    assert not host.section(PLACES) + host.section(ALARMS)
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert not host.section(LINES)


def _lines_written(host):
    """What was written of lines, in order."""
    written = [mutation for commit in host.commits for mutation in commit.mutations]
    for mutation in written:
        of_a_line = isinstance(mutation, Set) and LINES.begin <= mutation.key < LINES.end
        if of_a_line and line_of(mutation.key) == mutation.key:
            yield decode_line(mutation.value)


def test_a_limit_and_a_rate(make):
    host = make(limit=1, starts=1, within=2 * WHILE)
    for number in range(4):
        asleep(host.run(host.ask("Desk", "serve", number)))
    host.settle()
    assert host.value("Desk", "served") == (0, 1, 2, 3)
    assert host.clock_ns - NOW >= 7 * WHILE


def test_a_tree_may_stand_in_a_line_several_times(make):
    host = make(limit=2)
    request = host.ask("Front", "serve_all", (1, 2, 3, 4, 5))
    asleep(host.run(request))
    assert host.value("Counter", "begun") == 2
    host.settle()
    assert host.run(request).outcome == Returned(CODEC.encode((1, 2, 3, 4, 5)))
    assert host.left()[:3] == [[], [], []]


def test_in_a_transaction_nobody_stands_in_line(make):
    host = make(limit=1)
    outcome = host.run(host.ask("Front", "inside", "a")).outcome
    assert outcome.kind == "Interrupted"
    assert "called inside a transaction" in outcome.text


def test_what_is_set_aside_leaves_and_stands_in_line_again_when_it_is_resumed(make):
    host = make(limit=1)
    broken, other = host.ask("Desk", "stuck", "a"), host.ask("Desk", "note", "b")
    asleep(host.run(host.ask("Desk", "serve", "first")))
    for each in (broken, other):
        asleep(host.run(each))
    host.settle()
    assert [note.root for note in host.drive(notes())] == [broken.id.root]
    assert host.run(other).outcome == Returned(CODEC.encode(1))
    assert not host.section(LINES) + host.section(PLACES)
    asleep(host.run(host.ask("Desk", "serve", "second")))
    host.program.services["Desk"].methods["stuck"] = _mended(host.program)
    assert host.drive(resume(broken.id.root, host.clock_ns))
    host.drive(recover(host.clock_ns + SECOND, 0))
    assert host.told() == ["1st of Desk.serve"]
    host.settle()
    assert host.run(broken).outcome == Returned(CODEC.encode("mended"))
    assert not host.section(LINES) + host.section(PLACES)


def _mended(built):
    async def stuck(self, customer):
        await effects.call("Counter", "increment", "begun")
        return "mended"

    return replace(built.services["Desk"].methods["stuck"], function=stuck)


def test_who_waits_and_is_set_aside_with_its_tree_lets_others_pass(make):
    """A parent that goes astray takes along what stands in line below it."""
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "first")))
    parent, other = host.ask("Front", "serve_all", ("a",)), host.ask("Desk", "serve", "b")
    asleep(host.run(parent))
    asleep(host.run(other))

    async def serve_all(self, customers):
        return await effects.call("Desk", "note", customers[0])

    method = host.program.services["Front"].methods["serve_all"]
    host.program.services["Front"].methods["serve_all"] = replace(method, function=serve_all)
    host.settle()
    assert CODEC.decode(host.run(other).outcome.value) == "b"
    assert host.value("Desk", "served") == ("first", "b")


def test_of_two_that_see_the_last_room_one_is_let_in(make):
    host = make(limit=1)
    one, two = host.ask("Desk", "serve", "a"), host.ask("Desk", "serve", "b")
    steps, answer = attempt(host.program, one, "one"), None
    while not isinstance(effect := steps.send(answer), Commit):
        answer = host.perform(effect)
    asleep(host.run(two))
    with pytest.raises(Conflict):
        host.perform(effect)


def test_what_waits_is_not_forgotten(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "a")))
    request = host.ask("Desk", "serve", "b")
    host.drive(rest({request.id.root: asleep(host.run(request)).outcome}))
    host.drive(retain(host.clock_ns + 30 * HOUR, SECOND))
    host.settle()
    assert host.run(request).outcome == Returned(CODEC.encode("b"))
    roots = [key[1:17] for key in host.section(JOURNAL)]
    host.drive(clear_intents(roots))
    host.drive(retain(host.clock_ns + HOUR, SECOND))
    assert not host.section(JOURNAL) + host.section(LINES)


def test_a_queue_that_a_revision_did_away_with_keeps_nobody(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "a")))
    request = host.ask("Desk", "note", "b")
    asleep(host.run(request))
    host.program = desk()
    host.settle()
    assert host.run(request).outcome == Returned(CODEC.encode(1))
    host.drive(clear_intents([key[1:17] for key in host.section(INTENTS)]))
    host.clock_ns += HOUR
    for _ in range(2):
        host.drive(retain(host.clock_ns, SECOND))
    host.settle()
    assert host.left() == [[], [], [], [], []]


def test_who_stands_in_a_line_stays_there_when_a_revision_has_another(make):
    host = make(limit=1)
    for customer in ("a", "b"):
        asleep(host.run(host.ask("Desk", "serve", customer)))
    host.program = desk(limit=1, per="customer")
    asleep(host.run(host.ask("Desk", "serve", "b")))
    assert len(host.drive(lines())) == 2
    host.settle()
    assert sorted(host.value("Desk", "served")) == ["a", "b", "b"]
    assert host.left() == [[], [], [], [], []]


def test_an_id_in_line_is_that_of_one_request(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "a")))
    request = host.ask("Desk", "note", "b")
    asleep(host.run(request))
    other = host.ask("Desk", "note", "c")
    outcome = host.run(msgspec.structs.replace(other, id=request.id)).outcome
    assert outcome.kind == "IdReused"
    host.settle()
    assert host.run(request).outcome == Returned(CODEC.encode(1))
    assert host.value("Desk", "c") == 0


def test_who_is_cancelled_in_line_never_begins_and_others_pass(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "first")))
    request, other = host.ask("Desk", "serve", "a"), host.ask("Desk", "serve", "b")
    for each in (request, other):
        asleep(host.run(each))
    host.drive(cancel(request.id.root))
    assert host.run(request).outcome.type == "Cancelled"
    assert host.told() == ["1st of Desk.serve"]
    host.settle()
    assert host.run(request).outcome.type == "Cancelled"
    assert host.value("Desk", "served") == ("first", "b")
    assert host.left()[:3] == [[], [], []]


def test_who_is_called_and_cancelled_calls_the_next(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "first")))
    parent, other = host.ask("Front", "serve_all", ("a",)), host.ask("Desk", "serve", "b")
    for each in (parent, other):
        asleep(host.run(each))
    host.drive(cancel(parent.id.root))
    host.settle()
    assert host.run(parent).outcome.type == "Cancelled"
    assert host.value("Desk", "served") == ("first", "b")
    assert host.left()[:3] == [[], [], []]


def test_a_timeout_around_counts_in_line(make):
    host = make(limit=1)
    asleep(host.run(host.ask("Desk", "serve", "first")))
    soon = host.clock_ns + SECOND
    request = msgspec.structs.replace(host.ask("Desk", "note", "a"), timeouts=(soon,))
    assert asleep(host.run(request)).outcome.until == soon
    host.clock_ns = soon
    assert host.run(request).outcome.type == "Cancelled"
    assert not host.told()
    assert len(host.section(PLACES)) == 1
    host.settle()
    assert host.value("Desk", "a") == 0
