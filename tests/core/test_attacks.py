"""Attacks on the protocol that once succeeded: each test states what must hold."""

import random

import pytest

from core import effects
from core.attempt import attempt
from core.errors import Conflict, StoreError
from core.ids import root_id
from core.journal import Intent, encode_intent
from core.layout import DATA, INTENTS, SET_ASIDE, intent_key
from core.memory import MemoryStore
from core.messages import Failed, Origin, Raised, Reply, Request, RequestId, Returned
from core.ports import Commit, Receive, Send
from core.recovery import recover
from core.store import Set
from tests.core.programs import ALL, CODEC, increment, look, program
from tests.direct import DirectHost, root_request

RNG = random.Random(3)
COUNTER = ("Counter", {"increment": increment, "look": look})


class Crash(BaseException):
    pass


class CrashBefore(DirectHost):
    """Crashes before the call with the given path leaves."""

    def __init__(self, app, store, path):
        super().__init__(app, store)
        self.path = path

    def perform(self, effect):
        if isinstance(effect, Send) and effect.request.id.path == self.path:
            raise Crash
        return super().perform(effect)


def new_root(ms=1_000):
    return root_id(ms, RNG)


def run(app, method, *args, store=None, service="S"):
    host = DirectHost(app, MemoryStore() if store is None else store)
    return host.run(root_request(app, new_root(), service, method, *args)).outcome


def value(outcome):
    assert isinstance(outcome, Returned), outcome
    return CODEC.decode(outcome.value)


def section(store, part):
    return {k: v for k, v in store.snapshot().items() if part.begin <= k < part.end}


def drive(steps, effect, host, until=()):
    """Go on to the first effect of a kind in ``until``, or to the end: (effect, reply)."""
    try:
        while not isinstance(effect, until):
            try:
                answer = host.perform(effect)
            except StoreError as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(answer)
    except StopIteration as stop:
        return None, stop.value
    return effect, None


async def increment_thrice(self):
    async with effects.Transaction():
        first = await effects.call("Counter", "increment", "k")
        branches = [await effects.spawn("Counter", "increment", "k") for _ in range(2)]
        return first, *await effects.gather(*branches)


def test_branches_see_each_other_on_keys_that_were_written_before_them():
    app = program(COUNTER, ("S", {"thrice": increment_thrice}))
    assert value(run(app, "thrice")) == (1, 2, 3)


async def clear_and_increment_twice(self):
    async with effects.Transaction():
        await effects.call("Counter", "forget")
        return await effects.gather(
            *[await effects.spawn("Counter", "increment", "k") for _ in range(2)]
        )


async def forget(self):
    await self.values.clear()


def test_branches_see_each_other_on_keys_that_were_cleared_before_them():
    counter = ("Counter", {"increment": increment, "forget": forget})
    app = program(counter, ("S", {"twice": clear_and_increment_twice}))
    assert value(run(app, "twice")) == (1, 2)


async def huge(self):
    await self.values.setitem("k", b"x" * 200_000)


async def fails_beside_an_effect(self):
    effect = await effects.spawn("Counter", "increment", "k")
    await (await effects.spawn("Huge", "huge"))
    await effect


def test_a_definite_failure_leaves_nothing_under_way():
    app = program(COUNTER, ("Huge", {"huge": huge}), ("S", {"run": fails_beside_an_effect}))
    store = MemoryStore()
    outcome = run(app, "run", store=store)
    assert not (isinstance(outcome, Failed) and outcome.definite) or section(store, DATA) == {}


def test_recovery_deals_with_what_failed_beside_an_effect():
    app = program(COUNTER, ("Huge", {"huge": huge}), ("S", {"run": fails_beside_an_effect}))
    store = MemoryStore()
    run(app, "run", store=store)
    DirectHost(app, store).drive(recover(10**15, 0))
    assert section(store, INTENTS) == {}


async def grow(self, count):
    for number in range(count):
        await self.values.setitem(number, b"y" * 900)


async def shrink(self):
    await self.values.clear()


async def snapshot(self):
    await self.log.append(b"".join(await self.values.values()))


def test_after_a_definite_failure_no_other_attempt_commits():
    app = program(("S", {"grow": grow, "shrink": shrink, "snapshot": snapshot}))
    store = MemoryStore()
    host = DirectHost(app, store)
    request = root_request(app, new_root(), "S", "snapshot")
    survivor = attempt(app, request, "survivor")
    effect = next(survivor)
    run(app, "grow", 200, store=store)
    refused = host.run(request).outcome
    assert isinstance(refused, Failed)
    run(app, "shrink", store=store)
    _, reply = drive(survivor, effect, host)
    assert not (refused.definite and isinstance(reply.outcome, Returned))


async def sized_by_the_clock(self):
    await effects.call("Counter", "increment", "first")
    size = 200_000 if await effects.clock() % 2 else 10
    await self.values.setitem("blob", b"z" * size)
    await effects.call("Counter", "increment", "second")


def test_setting_aside_does_not_take_the_intent_of_an_attempt_that_got_further():
    app = program(COUNTER, ("S", {"run": sized_by_the_clock}))
    store = MemoryStore()
    request = root_request(app, new_root(), "S", "run")
    hosts = [DirectHost(app, store, clock_ns=clock) for clock in (2, 1)]
    large, small = attempt(app, request, "large"), attempt(app, request, "small")
    at_large, _ = drive(large, next(large), hosts[0], Commit)
    at_small, _ = drive(small, next(small), hosts[1], Commit)
    hosts[1].perform(at_small)  # and then the small one crashes
    drive(large, at_large, hosts[0])
    DirectHost(app, store).drive(recover(10**15, 0))
    assert any(b"second" in key for key in section(store, DATA))


async def look_around_and_call(self):
    known = await self.values.values()
    await effects.call("Counter", "increment", "k")
    return len(known)


def test_a_region_may_read_more_than_fits_one_value():
    app = program(COUNTER, ("S", {"grow": grow, "run": look_around_and_call}))
    store = MemoryStore()
    run(app, "grow", 150, store=store)
    assert value(run(app, "run", store=store)) == 150


async def long_answer(self):
    await self.values.setitem("k", 1)
    return b"r" * 120_000


def test_an_answer_may_be_longer_than_fits_one_value():
    assert len(value(run(program(("S", {"run": long_answer})), "run"))) == 120_000


async def unbound_in_finally(self):
    try:
        await self.values.setitem("k", 1)
        result = await effects.call("Counter", "increment", "k")
    finally:
        done = result
    return done


def test_a_rewind_does_not_let_the_users_finally_raise_into_the_host():
    class Once(DirectHost):
        refused = False

        def perform(self, effect):
            if isinstance(effect, Commit) and not self.refused:
                self.refused = True
                raise Conflict
            return super().perform(effect)

    app = program(COUNTER, ("S", {"run": unbound_in_finally}))
    host = Once(app, MemoryStore())
    assert value(host.run(root_request(app, new_root(), "S", "run")).outcome) == 1


async def forgets_an_argument(self):
    try:
        await effects.call("Counter", "increment")
    except TypeError as error:
        return str(error)


def test_a_call_with_arguments_that_do_not_fit_raises_in_the_caller():
    app = program(COUNTER, ("S", {"run": forgets_an_argument}))
    assert "argument" in value(run(app, "run"))


@pytest.mark.parametrize("data", [b"\xc1", CODEC.encode(5)], ids=str)
def test_a_request_that_does_not_decode_is_left_to_others(data):
    request = Request(
        RequestId(new_root()), "Counter", "increment", data, Origin("Counter", "increment", data)
    )
    outcome = DirectHost(ALL, MemoryStore()).run(request).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind == "Unfamiliar"


async def leaves(self):
    raise SystemExit(3)


def test_a_method_cannot_end_its_host():
    assert isinstance(run(program(("S", {"run": leaves})), "run"), Raised)


async def three(self, *keys):
    for key in keys:
        await effects.call("Counter", "increment", key)


FORWARDER = program(COUNTER, ("S", {"three": three}))


def interrupted_forwarder():
    """A forwarder that crashed before its third call."""
    store, root = MemoryStore(), new_root()
    with pytest.raises(Crash):
        CrashBefore(FORWARDER, store, (2,)).run(
            root_request(FORWARDER, root, "S", "three", "a", "b", "c")
        )
    return store, root


def test_a_forwarder_refuses_other_arguments_too():
    store, root = interrupted_forwarder()
    host = DirectHost(FORWARDER, store)
    host.run(root_request(FORWARDER, root, "S", "three", "a", "b", "other"))
    assert not any(b"other" in key for key in section(store, DATA))


def test_a_reused_id_does_not_end_the_tree_that_has_it():
    store, root = interrupted_forwarder()
    host = DirectHost(FORWARDER, store)
    host.run(root_request(FORWARDER, root, "S", "three", "a", "other", "c"))
    host.drive(recover(10**15, 0))
    assert any(b"c" in key[-2:] for key in section(store, DATA))


def test_a_replay_compares_the_arguments_of_travelling_calls():
    looked = {"key": "a"}

    async def wanders(self):
        found = await effects.call("Counter", "look", looked["key"])
        await effects.call("Counter", "increment", "x")
        await effects.call("Counter", "increment", "y")
        return found

    app = program(COUNTER, ("S", {"run": wanders}), read_only=("Counter.look",))
    store, root = MemoryStore(), new_root()
    with pytest.raises(Crash):
        CrashBefore(app, store, (2,)).run(root_request(app, root, "S", "run"))
    looked["key"] = "b"
    outcome = DirectHost(app, store).run(root_request(app, root, "S", "run")).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind == "SetAside"


@pytest.fixture
def replaced(monkeypatch):
    """Every tree is so old that no other revision runs beside this one any more."""
    monkeypatch.setattr("core.revisions.LONGEST", -1.0)


def record_intents_of_a_removed_method(store, count, *args):
    data = CODEC.encode((args, {}))
    intent = encode_intent(Intent(Origin("Gone", "method", data)))
    for number in range(count):
        key = intent_key(new_root(1_000 + number))
        store.commit(store.read_version(), [], [Set(key, intent)])


@pytest.mark.usefixtures("replaced")
def test_recovery_sets_aside_what_can_no_longer_be_run():
    store = MemoryStore()
    record_intents_of_a_removed_method(store, 1)
    DirectHost(ALL, store).drive(recover(10**15, 0))
    assert section(store, INTENTS) == {}


def test_recovery_comes_to_the_young_when_the_old_do_not_end():
    store, root = MemoryStore(), new_root(5_000)
    record_intents_of_a_removed_method(store, 100)
    with pytest.raises(Crash):
        CrashBefore(ALL, store, (3,)).run(root_request(ALL, root, "Agency", "book", "f", "h"))
    assert intent_key(root) in section(store, INTENTS)
    for _ in range(3):
        DirectHost(ALL, store).drive(recover(10**15, 0))
    assert intent_key(root) not in section(store, INTENTS)


async def fails_beside_another(self):
    await effects.gather(
        await effects.spawn("Huge", "huge"), await effects.spawn("Counter", "increment", "k")
    )


class LosesReplies(DirectHost):
    """Loses the replies to the call with the given path."""

    def __init__(self, app, store, path):
        super().__init__(app, store)
        self.path = path

    def run(self, request):
        reply = super().run(request)
        if request.id.path == self.path:
            return Reply(request.id, Failed("Interrupted", False, "lost"))
        return reply


def test_a_lost_reply_beside_a_failure_leaves_the_outcome_open():
    app = program(COUNTER, ("Huge", {"huge": huge}), ("S", {"run": fails_beside_another}))
    store = MemoryStore()
    host = LosesReplies(app, store, (1,))
    outcome = host.run(root_request(app, new_root(), "S", "run")).outcome
    assert section(store, DATA)
    assert isinstance(outcome, Failed)
    assert not outcome.definite


async def spawns_and_is_too_large(self):
    await effects.spawn("Counter", "increment", "k")
    await self.values.get("k")
    await huge(self)


async def calls_what_is_too_large(self):
    await effects.call("Middle", "run")


def test_the_intent_goes_when_a_callee_was_set_aside_before_a_crash():
    middle = ("Middle", {"run": spawns_and_is_too_large})
    app = program(COUNTER, middle, ("S", {"run": calls_what_is_too_large}))
    store = MemoryStore()
    host = DirectHost(app, store)
    request = root_request(app, new_root(), "S", "run")
    crashes = attempt(app, request, "crashes")
    drive(crashes, next(crashes), host, Receive)
    host.run(request)
    host.drive(recover(10**15, 0))
    assert section(store, INTENTS) == {}
    assert section(store, SET_ASIDE)


async def forward(self, key):
    return await effects.call("Counter", "increment", key)


async def forwards_then_works(self):
    await effects.call("Front", "forward", "k")
    await self.values.setitem("k", 1)
    await effects.call("Counter", "increment", "second")


class Patient(DirectHost):
    def perform(self, effect):
        assert sum(self.effects.values()) < 1_000, "it never ends"
        return super().perform(effect)


@pytest.mark.usefixtures("replaced")
@pytest.mark.parametrize("answered", [False, True])
def test_a_tree_that_needs_a_removed_forwarder_is_set_aside(answered):
    root = ("S", {"run": forwards_then_works})
    before = program(COUNTER, ("Front", {"forward": forward}), root)
    after = program(COUNTER, ("Front", {}), root)
    store = MemoryStore()
    request = root_request(before, new_root(), "S", "run")
    if answered:
        with pytest.raises(Crash):
            CrashBefore(before, store, (1,)).run(request)
    else:
        LosesReplies(before, store, (0,)).run(request)
    outcome = Patient(after, store).run(request).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind == "SetAside"
    assert section(store, INTENTS) == {}


@pytest.mark.usefixtures("replaced")
def test_a_tree_whose_intent_came_after_it_was_set_aside_loses_it_to_recovery():
    root = ("S", {"run": forwards_then_works})
    before = program(COUNTER, ("Front", {"forward": forward}), root)
    after = program(COUNTER, ("Front", {}), root)
    store = MemoryStore()
    request = root_request(before, new_root(), "S", "run")
    DirectHost(after, store).run(request)
    LosesReplies(before, store, (0,)).run(request)  # an attempt of the old deployment
    assert section(store, INTENTS)
    DirectHost(after, store).drive(recover(10**15, 0))
    assert section(store, INTENTS) == {}


@pytest.mark.usefixtures("replaced")
def test_recovery_sets_aside_more_than_fits_one_commit():
    store = MemoryStore()
    record_intents_of_a_removed_method(store, 120, b"x" * 90_000)
    DirectHost(ALL, store).drive(recover(10**15, 0, 120))
    assert section(store, INTENTS) == {}


async def spawn_two(self, first, second, note=b""):
    await effects.gather(
        await effects.spawn("Counter", "increment", first),
        await effects.spawn("Counter", "increment", second),
    )


class Reaches(DirectHost):
    """Reaches only the callee with the given path."""

    def __init__(self, app, store, path):
        super().__init__(app, store)
        self.path = path

    def run(self, request):
        if request.id.path in ((), self.path):
            return super().run(request)
        return Reply(request.id, Failed("Interrupted", False, "lost"))


def two_trees_with_one_id():
    """Each did a part: the app, the store and the two requests."""
    app = program(COUNTER, ("S", {"two": spawn_two}))
    store, root = MemoryStore(), new_root()
    one = root_request(app, root, "S", "two", "a", "b", b"x" * 150_000)
    other = root_request(app, root, "S", "two", "c", "d")
    Reaches(app, store, (0,)).run(one)
    Reaches(app, store, (1,)).run(other)
    return app, store, (one, other)


def test_a_tree_that_did_a_part_is_not_told_that_nothing_happened():
    app, store, requests = two_trees_with_one_id()
    for request in requests:
        outcome = DirectHost(app, store).run(request).outcome
        assert isinstance(outcome, Failed)
        assert not outcome.definite


def test_a_lost_reply_beside_a_reused_id_leaves_the_outcome_open():
    app, store, (_, other) = two_trees_with_one_id()
    outcome = LosesReplies(app, store, (1,)).run(other).outcome
    assert isinstance(outcome, Failed)
    assert not outcome.definite


def test_recovery_deals_with_two_trees_with_one_id():
    app, store, _ = two_trees_with_one_id()
    DirectHost(app, store).drive(recover(10**15, 0))
    assert section(store, INTENTS) == {}


def test_after_id_reused_no_other_attempt_commits():
    async def touch(self):
        await self.values.setitem("touched", 1)

    late = ("S", {"touch": touch, "forward": forwards_then_works})
    app = program(COUNTER, ("Front", {"forward": forward}), late)
    store, root = MemoryStore(), new_root()
    host = DirectHost(app, store)
    mine = root_request(app, root, "S", "touch")
    survivor = attempt(app, mine, "survivor")
    effect, _ = drive(survivor, next(survivor), host, Commit)
    host.run(root_request(app, root, "S", "forward"))  # its root's record has another place
    refused = host.run(mine).outcome
    assert isinstance(refused, Failed)
    assert refused.kind == "IdReused"
    drive(survivor, effect, host)
    assert not any(b"touched" in key for key in section(store, DATA))
