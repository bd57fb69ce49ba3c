"""Client keys: one root id for each, whatever happens, and forgotten together with it."""

import itertools
import random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import retention
from core.client_keys import root_of_key
from core.errors import Conflict, FutureVersion, Interrupted, StoreUnavailable, TooOld, Unknown
from core.ids import RequestId, earliest_root, root_id
from core.layout import (
    CLIENT_KEYS,
    CLIENT_KEYS_BY_ROOT,
    DATA,
    WATERMARK,
    client_key,
    client_key_of_root,
    intent_key,
)
from core.memory import MemoryStore
from core.messages import Failed, Origin, Request
from core.ports import Commit, Pause, Read, ReadVersion
from core.retention import retain
from core.store import Set
from tests.core.programs import ALL, CODEC
from tests.core.world import Task, World
from tests.direct import DirectHost

RNG = random.Random(3)
SECOND = 1_000_000_000


def host(store=None):
    return DirectHost(ALL, store or MemoryStore())


def use(store, text, ms=1_000):
    return host(store).drive(root_of_key(text, root_id(ms, RNG)))


def forget(store, now_s, period_s=1):
    return host(store).drive(retain(now_s * SECOND, period_s * SECOND))


def kept(store):
    """Key and root id as both sections have them; they must agree."""
    content = store.snapshot()
    there = {k[1:]: v for k, v in content.items() if CLIENT_KEYS.begin <= k < CLIENT_KEYS.end}
    begin, end = CLIENT_KEYS_BY_ROOT
    back = {v: k[1:] for k, v in content.items() if begin <= k < end}
    assert there == back
    return there


def put(store, *mutations):
    store.commit(store.read_version(), [], mutations)


# --- a key stands for one root id


def test_the_first_use_records_and_the_next_finds():
    store = MemoryStore()
    first = use(store, b"order 7")
    calm = host(store)
    assert calm.drive(root_of_key(b"order 7", root_id(9_000, RNG))) == first
    assert calm.effects == {"ReadVersion": 1, "Read": 1}
    assert kept(store) == {b"order 7": first}
    assert use(store, b"order 8") != first


def test_keys_that_look_like_the_stores_own_stay_in_their_section():
    store = MemoryStore()
    texts = [b"w", b"x", b"~" * 255, b"d", b"\x20", b"k", b"k" * 2]
    roots = {text: use(store, text) for text in texts}
    assert kept(store) == roots
    assert set(store.snapshot()) == {client_key(t) for t in texts} | {
        client_key_of_root(root) for root in roots.values()
    }


@pytest.mark.parametrize("applied", [True, False])
def test_an_unknown_commit_is_looked_for(applied):
    store = MemoryStore()

    class Unsure(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit) and not self.effects.get("Pause"):
                if applied:
                    super().perform(effect)
                raise Unknown
            return super().perform(effect)

    fresh = root_id(1_000, RNG)
    assert Unsure(ALL, store).drive(root_of_key(b"k", fresh)) == fresh
    assert kept(store) == {b"k": fresh}


def test_an_unknown_commit_that_happens_late_changes_nothing():
    store, late = MemoryStore(), []

    class Lost(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit) and not late:
                late.append(effect)
                raise Unknown
            return super().perform(effect)

    first = Lost(ALL, store).drive(root_of_key(b"k", root_id(1_000, RNG)))
    with pytest.raises(Conflict):
        store.commit(late[0].version, late[0].reads, late[0].mutations)
    assert kept(store) == {b"k": first}


@pytest.mark.parametrize("kind", [ReadVersion, Read, Commit])
@pytest.mark.parametrize("error", [TooOld, FutureVersion, StoreUnavailable, Unknown, Conflict])
def test_a_store_that_always_refuses_is_given_up_on(kind, error):
    class Refusing(DirectHost):
        def perform(self, effect):
            if isinstance(effect, kind):
                self.effects[kind.__name__] = self.effects.get(kind.__name__, 0) + 1
                raise error("not now")
            return super().perform(effect)

    refusing = Refusing(ALL, MemoryStore())
    with pytest.raises(Interrupted, match=r"did not record|not now"):
        refusing.drive(root_of_key(b"k", root_id(1_000, RNG)))
    assert refusing.effects[kind.__name__] == refusing.effects[Pause.__name__] == 12


# --- retention


def test_a_key_goes_with_the_watermark_and_not_before():
    store = MemoryStore()
    early, late = use(store, b"early", 1_000), use(store, b"late", 5_000)
    assert forget(store, 1) == earliest_root(0) or kept(store) == {b"early": early, b"late": late}
    forget(store, 2)  # the watermark is at 1.000 s, which is where the first one lies
    assert kept(store) == {b"early": early, b"late": late}
    moved = forget(store, 3)
    assert early < moved <= late
    assert kept(store) == {b"late": late}
    forget(store, 10)
    assert kept(store) == {}
    assert set(store.snapshot()) == {WATERMARK}


def test_an_intent_keeps_its_key():
    store = MemoryStore()
    older, with_intent = use(store, b"older", 1_000), use(store, b"intent", 2_000)
    newer = use(store, b"newer", 3_000)
    put(store, Set(intent_key(with_intent), b"intent"))
    assert forget(store, 10) == with_intent
    assert kept(store) == {b"intent": with_intent, b"newer": newer}
    assert older < with_intent


def test_an_intent_recorded_meanwhile_keeps_its_key():
    store = MemoryStore()
    root = use(store, b"k")

    class Interfering(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit):
                put(store, Set(intent_key(root), b"intent"))
            return super().perform(effect)

    with pytest.raises(Conflict):
        Interfering(ALL, store).drive(retain(10 * SECOND, SECOND))
    assert kept(store) == {b"k": root}


def test_many_keys_go_in_bounded_commits():
    store = MemoryStore()
    for number in range(25):
        use(store, b"%d" % number, 1_000 + number)
    young = use(store, b"young", 60_000)
    calm = host(store)
    with mock.patch.object(retention, "KEYS_AT_ONCE", 4):
        moved = calm.drive(retain(10 * SECOND, SECOND))
    assert moved == earliest_root(9_000)
    assert kept(store) == {b"young": young}
    assert max(len(commit.mutations) for commit in calm.commits) <= 5 + 2 * 4
    assert len(calm.commits) == 7
    assert sum(commit.mutations[0] == Set(WATERMARK, moved) for commit in calm.commits) == 1


def test_what_a_round_left_the_next_one_takes():
    """Cut off in the middle of a round, or recorded late: it is below the watermark."""
    store = MemoryStore()
    for number in range(5):
        use(store, b"%d" % number)

    class Cut(DirectHost):
        def perform(self, effect):
            if self.commits:
                raise KeyboardInterrupt
            return super().perform(effect)

    with mock.patch.object(retention, "KEYS_AT_ONCE", 2), pytest.raises(KeyboardInterrupt):
        Cut(ALL, store).drive(retain(10 * SECOND, SECOND))
    assert len(kept(store)) == 3
    assert forget(store, 10) is None
    assert kept(store) == {}
    use(store, b"recorded late", 2_000)
    assert forget(store, 10) is None
    assert kept(store) == {}


def test_nothing_to_forget_takes_no_commit():
    store = MemoryStore()
    forget(store, 10)
    calm = host(store)
    calm.drive(retain(10 * SECOND, SECOND))
    assert "Commit" not in calm.effects


def test_a_round_that_happens_late_leaves_a_key_that_stands_for_another_root_id():
    store, late = MemoryStore(), []
    use(store, b"k")

    class Lost(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit):
                late.append(effect)
                raise Unknown
            return super().perform(effect)

    for moves in (True, False):  # once with the watermark, once with leftovers alone
        late.clear()
        if not moves:
            use(store, b"k", 2_000)
        with pytest.raises(Unknown):
            Lost(ALL, store).drive(retain((10 if moves else 11) * SECOND, SECOND))
        forget(store, 11)
        assert kept(store) == {}
        second = use(store, b"k", 60_000)
        with pytest.raises(Conflict):
            store.commit(late[0].version, late[0].reads, late[0].mutations)
        assert kept(store) == {b"k": second}
        forget(store, 100)
        store = MemoryStore()
        forget(store, 11)


# --- everything at once


class KeyedWorld(World):
    """Clients name their requests by keys; each key counts how often its request ran."""

    def ask(self, text):
        fresh = root_id(self.now, self.rng)
        args = CODEC.encode(((text.decode(),), {}))

        def steps():
            try:
                root = yield from root_of_key(text, fresh)
            except Interrupted:
                return
            origin = Origin("Counter", "increment", args)
            self.send(Request(RequestId(root), "Counter", "increment", args, origin))

        self.tasks.append(Task(steps()))

    def ran(self, text):
        store = self.store
        look = DirectHost(ALL, store)
        data = CODEC.encode(((text.decode(),), {}))
        origin = Origin("Counter", "look", data)
        request = Request(RequestId(root_id(10**12, self.rng)), "Counter", "look", data, origin)
        return CODEC.decode(look.run(request).outcome.value)


def roots_of(world, text):
    """The root ids that the key was recorded for, each with the place of its commit."""
    return [
        (number, mutation.value)
        for number, commit in enumerate(world.committed)
        for mutation in commit.mutations
        if isinstance(mutation, Set) and mutation.key == client_key(text)
    ]


@pytest.mark.search
@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32), st.booleans())
def test_each_key_runs_once_until_it_is_forgotten(seed, forgets):
    world = KeyedWorld(ALL, seed)
    texts = [b"a", b"b", b"c"]
    with mock.patch.object(retention, "KEYS_AT_ONCE", 2):
        for _ in range(world.rng.randint(20, 300)):
            if world.chance(0.15):
                world.ask(world.rng.choice(texts))
            if world.tasks:
                world.step()
            if forgets and world.chance(0.08):
                world.now += world.rng.choice([1, 30])
                world.maintain()
        world.settle()
    for text in texts:
        recorded = roots_of(world, text)
        if not forgets:
            assert len({root for _, root in recorded}) <= 1
        for (_, root), (place, _) in itertools.pairwise(recorded):
            # Recorded anew only once the old root id is refused, and it has not run since.
            marks = [
                m.value for c in world.committed[:place] for m in c.mutations
                if isinstance(m, Set) and m.key == WATERMARK
            ]  # fmt: skip
            assert marks
            assert max(marks) > root
            after = world.committed[place:]
            assert not any(c.request is not None and c.request.root == root for c in after)
        answered = {r.id.root for r, told in world.told if not isinstance(told, Failed)} & {
            root for _, root in recorded
        }
        acting = {
            c.request.root
            for c in world.committed
            if c.request and c.request.root in {root for _, root in recorded}
        }
        assert answered <= acting
        assert world.ran(text) == len(acting)
    kept(world.store)
    world.forget()
    left = world.store.snapshot()
    assert all(key == WATERMARK or DATA.begin <= key < DATA.end for key in left)
