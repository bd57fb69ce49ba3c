"""The protocol, one attempt after the other, with a crash at every effect and at every pair."""

import contextlib
import itertools
import random

import pytest

from core import effects
from core.errors import Conflict, Unknown
from core.ids import root_id
from core.layout import DATA, INTENTS, JOURNAL
from core.memory import MemoryStore
from core.messages import Failed, Raised, Returned
from core.ports import Commit, Send
from core.recovery import recover
from core.retention import retain
from tests.core.programs import ALL, CODEC, program
from tests.direct import DirectHost, root_request

RNG = random.Random(1)


class Crash(BaseException):
    pass


class CrashingHost(DirectHost):
    """Crashes before or after the effects with the given numbers."""

    def __init__(self, program, store, strikes=()):
        super().__init__(program, store)
        self.strikes = dict(strikes)
        self.count = 0

    def perform(self, effect):
        number, self.count = self.count, self.count + 1
        if self.strikes.get(number) == "before":
            raise Crash
        answer = super().perform(effect)
        if self.strikes.get(number) == "after":
            raise Crash
        return answer


def new_root(ms=1_000):
    return root_id(ms, RNG)


def value(reply):
    assert isinstance(reply.outcome, Returned), reply.outcome
    return CODEC.decode(reply.outcome.value)


def section(store, section):
    return {k: v for k, v in store.snapshot().items() if section.begin <= k < section.end}


CASES = [
    ("Counter", "increment", ("k",)),
    ("Front", "forward_twice", ("k",)),
    ("Tree", "both", ("k",)),
    ("Agency", "book", ("f", "h")),
    ("Tree", "wander", ("k",)),
    ("Tree", "catcher", ("k",)),
]


@pytest.mark.parametrize(
    ("case", "commits"), list(zip(CASES, [1, 1, 1, 2, 7, 1], strict=True)), ids=lambda c: str(c)
)
def test_commits_per_request(case, commits):
    host = DirectHost(ALL, MemoryStore())
    host.run(root_request(ALL, new_root(), case[0], case[1], *case[2]))
    assert len(host.commits) == commits


def test_a_read_only_request_commits_nothing_and_takes_two_round_trips():
    host = DirectHost(ALL, MemoryStore())
    reply = host.run(root_request(ALL, new_root(), "Counter", "look", "k"))
    assert value(reply) == 0
    assert host.commits == []
    assert host.effects == {"ReadVersion": 1, "Read": 1}
    assert reply.version > 0


def test_the_critical_path_of_one_region():
    host = DirectHost(ALL, MemoryStore())
    host.run(root_request(ALL, new_root(), "Counter", "increment", "k"))
    assert host.effects == {"ReadVersion": 1, "Read": 1, "Commit": 1}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_duplicate_gets_the_same_answer_and_changes_nothing(case):
    store = MemoryStore()
    host = DirectHost(ALL, store)
    request = root_request(ALL, new_root(), case[0], case[1], *case[2])
    first = host.run(request)
    content = store.snapshot()
    assert host.run(request).outcome == first.outcome
    assert store.snapshot() == content


def outcome_without_failures(case, root):
    store = MemoryStore()
    host = DirectHost(ALL, store)
    reply = host.run(root_request(ALL, root, case[0], case[1], *case[2]))
    return reply.outcome, section(store, DATA), host


def crash_and_retry(case, root, strikes):
    """Crash, try again until it goes through (later strikes hit the later attempts)."""
    store = MemoryStore()
    host = CrashingHost(ALL, store, strikes)
    request = root_request(ALL, root, case[0], case[1], *case[2])
    for _ in range(len(strikes) + 1):
        try:
            return host.run(request).outcome, store, host
        except Crash:
            continue
    raise AssertionError("crashed more often than asked")


def effect_count(case):
    host = CrashingHost(ALL, MemoryStore())
    host.run(root_request(ALL, new_root(), case[0], case[1], *case[2]))
    return host.count


def same_but_for_time(store, expected):
    return section(store, DATA).keys() == expected.keys()


@pytest.mark.search
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_crash_point_alone_and_in_pairs(case):
    points = list(itertools.product(range(effect_count(case) + 4), ("before", "after")))
    root = new_root()
    expected, data, _ = outcome_without_failures(case, root)
    clocked = case[1] in ("wander", "book")
    for strikes in [*itertools.combinations(points, 1), *itertools.combinations(points, 2)]:
        outcome, store, _ = crash_and_retry(case, root, strikes)
        if clocked:
            assert type(outcome) is type(expected)
            assert same_but_for_time(store, data) or case[1] == "wander"
        else:
            assert outcome == expected
            assert section(store, DATA) == data
        content = store.snapshot()
        again = DirectHost(ALL, store)
        request = root_request(ALL, root, case[0], case[1], *case[2])
        assert again.run(request).outcome == outcome
        assert again.commits == []
        assert store.snapshot() == content


@pytest.mark.parametrize("case", CASES, ids=str)
def test_recovery_completes_what_a_crash_left(case):
    for point in itertools.product(range(effect_count(case)), ("before", "after")):
        store = MemoryStore()
        host = CrashingHost(ALL, store, [point])
        root = new_root()
        with contextlib.suppress(Crash):
            host.run(root_request(ALL, root, case[0], case[1], *case[2]))
        calm = DirectHost(ALL, store)
        calm.drive(recover(10**15, 0))
        assert section(store, INTENTS) == {}
        if section(store, JOURNAL):
            again = DirectHost(ALL, store)
            again.run(root_request(ALL, root, case[0], case[1], *case[2]))
            assert again.commits == []


class Refusing(DirectHost):
    """Refuses the n-th commit in a given way."""

    def __init__(self, program, store, number, error, applied):
        super().__init__(program, store)
        self.number, self.error, self.applied, self.count = number, error, applied, 0

    def perform(self, effect):
        if isinstance(effect, Commit):
            self.count += 1
            if self.count == self.number:
                if self.applied:
                    super().perform(effect)
                raise self.error
        return super().perform(effect)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize(
    ("error", "applied"), [(Unknown(), True), (Unknown(), False), (Conflict(), False)], ids=str
)
def test_refused_and_unknown_commits(case, error, applied):
    expected, data, host = outcome_without_failures(case, new_root())
    for number in range(1, len(host.commits) + 1):
        store = MemoryStore()
        refusing = Refusing(ALL, store, number, error, applied)
        reply = refusing.run(root_request(ALL, new_root(), case[0], case[1], *case[2]))
        assert type(reply.outcome) is type(expected)
        assert section(store, DATA).keys() == data.keys() or case[1] == "wander"
        assert section(store, INTENTS) == {} or not reply.intent_cleared


def test_a_zombie_that_wakes_before_its_commit_loses():
    store = MemoryStore()
    root = new_root()
    request = root_request(ALL, root, "Counter", "increment", "k")

    class Slow(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit) and not self.commits:
                self.commits.append(effect)
                assert value(DirectHost(ALL, store).run(request)) == 1
            return super().perform(effect)

    zombie = Slow(ALL, store)
    assert value(zombie.run(request)) == 1
    look = DirectHost(ALL, store).run(root_request(ALL, new_root(), "Counter", "look", "k"))
    assert value(look) == 1


def test_an_abort_leaves_nothing_and_reaches_the_client():
    store = MemoryStore()
    host = DirectHost(ALL, store)
    for _ in range(2):
        assert value(host.run(root_request(ALL, new_root(), "Agency", "book", "f", "h"))) is True
    before = section(store, DATA)
    reply = host.run(root_request(ALL, new_root(), "Agency", "book", "f", "h"))
    assert isinstance(reply.outcome, Raised)
    assert "full" in reply.outcome.text
    assert section(store, DATA) == before


def test_parallel_branches_on_the_same_key_run_one_after_the_other():
    async def twice(self):
        async with effects.Transaction():
            futures = [await effects.spawn("Counter", "increment", "k") for _ in range(3)]
            return await effects.gather(*futures)

    app = program(
        ("Counter", {"increment": ALL.services["Counter"].methods["increment"].function}),
        ("Both", {"twice": twice}),
    )
    host = DirectHost(app, MemoryStore())
    assert value(host.run(root_request(app, new_root(), "Both", "twice"))) == (1, 2, 3)
    assert len(host.commits) == 1


@pytest.mark.parametrize("waits", [False, True])
def test_a_call_is_not_the_last_while_a_spawned_one_has_no_answer(waits):
    """Whatever the compiler says of it: its callee would clear the intent that the other needs."""

    async def go(self, key):
        future = await effects.spawn("Counter", "increment", key)
        if waits:
            await future
        return await effects.call("Counter", "increment", key, last=True)

    increment = ALL.services["Counter"].methods["increment"].function
    app = program(("Counter", {"increment": increment}), ("Front", {"go": go}))
    host = DirectHost(app, MemoryStore())
    host.run(root_request(app, new_root(), "Front", "go", "k"))
    assert [request.last for request in host.calls] == [False, waits]
    assert [commit.mutations[-1].__class__.__name__ for commit in host.commits] == [
        "Set",
        "ClearRange" if waits else "Set",
    ]


def test_two_transactions_never_share_a_commit():
    async def two(self):
        async with effects.Transaction():
            await self.values.setitem("a", 1)
        async with effects.Transaction():
            await self.values.setitem("b", 1)

    app = program(("S", {"two": two}))
    host = DirectHost(app, MemoryStore())
    host.run(root_request(app, new_root(), "S", "two"))
    assert len(host.commits) == 2


def test_the_same_id_with_other_arguments_is_refused():
    host = DirectHost(ALL, MemoryStore())
    root = new_root()
    host.run(root_request(ALL, root, "Counter", "increment", "k"))
    reply = host.run(root_request(ALL, root, "Counter", "increment", "other"))
    assert isinstance(reply.outcome, Failed)
    assert reply.outcome.kind == "IdReused"
    assert reply.outcome.definite


def test_retention_forgets_and_refuses_what_is_older():
    store = MemoryStore()
    host = DirectHost(ALL, store)
    root = new_root(ms=1_000)
    host.run(root_request(ALL, root, "Agency", "book", "f", "h"))
    host.drive(retain(now_ns=10_000_000_000, period_ns=1_000_000_000))
    assert section(store, JOURNAL) == {}
    reply = host.run(root_request(ALL, root, "Agency", "book", "f", "h"))
    assert isinstance(reply.outcome, Failed)
    assert reply.outcome.kind == "Expired"
    assert not reply.outcome.definite


def test_retention_stops_at_the_oldest_intent():
    store = MemoryStore()
    root = new_root(ms=1_000)
    host = CrashingHost(ALL, store, {})

    class Half(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Send) and effect.request.service == "Order":
                raise Crash
            return super().perform(effect)

    with pytest.raises(Crash):
        Half(ALL, store).run(root_request(ALL, root, "Agency", "book", "f", "h"))
    host.drive(retain(now_ns=10_000_000_000, period_ns=1_000_000_000))
    assert section(store, JOURNAL) != {}
    host.drive(recover(10_000_000_000, 0))
    host.drive(retain(now_ns=10_000_000_000, period_ns=1_000_000_000))
    assert section(store, JOURNAL) == {}


def test_a_survivor_older_than_the_watermark_cannot_commit():
    store = MemoryStore()
    request = root_request(ALL, new_root(ms=1_000), "Counter", "increment", "k")

    class Slow(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit) and not self.calls:
                self.calls.append(request)
                fast = DirectHost(ALL, store)
                assert value(fast.run(request)) == 1
                fast.drive(retain(now_ns=10_000_000_000, period_ns=1_000_000_000))
            return super().perform(effect)

    reply = Slow(ALL, store).run(request)
    assert isinstance(reply.outcome, Failed)
    assert reply.outcome.kind == "Expired"
    look = DirectHost(ALL, store).run(root_request(ALL, new_root(), "Counter", "look", "k"))
    assert value(look) == 1


def test_a_replay_that_asks_for_something_else_is_set_aside_with_its_line():
    source = {"key": "first"}

    async def fickle(self):
        await self.values.get(source["key"])
        await effects.call("S", "leaf")
        await effects.call("S", "leaf")

    async def leaf(self):
        await self.values.setitem("leaf", 1)

    app = program(("S", {"fickle": fickle, "leaf": leaf}))
    store = MemoryStore()
    root = new_root()
    with pytest.raises(Crash):
        CrashingHost(app, store, {4: "before"}).run(root_request(app, root, "S", "fickle"))
    source["key"] = "second"
    reply = DirectHost(app, store).run(root_request(app, root, "S", "fickle"))
    assert isinstance(reply.outcome, Failed)
    assert reply.outcome.kind == "SetAside"
    assert f"{__file__}:{fickle.__code__.co_firstlineno + 1}" in reply.outcome.text
    assert section(store, INTENTS) == {}


def test_user_code_cannot_swallow_a_crash():
    async def stubborn(self):
        try:
            await self.values.setitem("k", await self.values.get("k", 0) + 1)
            await effects.call("S", "leaf")
        except Exception:
            await self.values.setitem("swallowed", 1)
        finally:
            await self.values.setitem("finally", 1)

    async def leaf(self):
        await self.values.setitem("leaf", 1)

    app = program(("S", {"stubborn": stubborn, "leaf": leaf}))
    for number in range(5):
        store = MemoryStore()
        with pytest.raises(Crash):
            CrashingHost(app, store, {number: "before"}).run(
                root_request(app, new_root(), "S", "stubborn")
            )
        assert not any(b"swallowed" in key or b"finally" in key for key in store.snapshot())
