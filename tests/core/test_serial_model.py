"""Random programs under random interleavings give the answers and the state that they give when
they run one at a time: transactions of many clients in the order of their commits, and one
client's tree of effects.

``SERIAL_MODEL_SEEDS=20000 pytest tests/core/test_serial_model.py`` looks further.
"""

import itertools
import os
import random
from contextlib import ExitStack
from unittest import mock

import pytest
from msgspec.structs import replace

from core import effects
from core.effects import Delete, DeleteRange, Get, Put, Scan, perform
from core.errors import StoreError, TransactionException
from core.journal import METHOD_END, decode_record
from core.layout import DATA, SET_ASIDE, WATERMARK, data_prefix, tree_range
from core.messages import Failed, Raised
from core.store import VERSIONS_PER_SECOND, Set, point
from tests.core.programs import program
from tests.core.serial_model import Serial
from tests.core.world import TICK, World

SEEDS = int(os.environ.get("SERIAL_MODEL_SEEDS", "60"))
SERVICES = ("A", "B", "C")
KEYS = "abcd"
SMALL = {
    "core.limits.VALUE_LIMIT": 1_000,
    "core.limits.TRANSACTION_LIMIT": 15_000,
    "core.journal._CHUNK": 100,
}
"""Limits so small that records and intents span values and that much is too large."""
SIZES = (1, 1, 1, 300, 900, 900, 900, 1_001)


# --- programs: a method is a list of operations on keys below a prefix of its own


class Draw:
    """Draws programs."""

    def __init__(self, rng):
        self.rng = rng
        self.spaces = itertools.count()

    def transaction(self):
        """One transaction across services."""
        return [("transact", [("call", *self.call(4, ""))], self.catches())]

    def service(self):
        return self.rng.choice(SERVICES)

    def method(self, depth, space=""):
        """The operations of one method; it may be known that none commits after a last call."""
        *before, final = self.operations(depth, space)
        if final[0] == "call" and not any(operation[0] == "fork" for operation in before):
            final = (*final[:4], True)
        return [*before, final]

    def operations(self, depth, space=""):
        kinds = KINDS if depth else FLAT
        drawn = self.rng.choices(list(kinds), list(kinds.values()), k=self.rng.randint(1, 5))
        return [(kind, *getattr(self, kind, self.key)(depth, space)) for kind in drawn]

    def catches(self):
        return self.rng.random() < 0.6

    def key(self, _, space):
        return (space + self.rng.choice(KEYS),)

    def put(self, _, space):
        return space + self.rng.choice(KEYS), self.rng.choice(SIZES)

    def clear(self, _, space):
        low, high = sorted(self.rng.choices(KEYS + "e", k=2))
        return space + low, space + high

    def scan(self, depth, space):
        return *self.clear(depth, space), self.rng.choice((0, 1, 2))

    def call(self, depth, space):
        method = self.rng.choice(("run", "run", "walk"))
        called = self.method(depth - 1, space)
        return f"{self.service()}.{method}", called, self.catches(), False

    def transact(self, depth, space):
        return self.operations(depth - 1, space), self.catches()

    def branches(self, depth, space):
        """Calls side by side, in a transaction: they may touch the same keys."""
        drawn = [self.call(depth, space)[:2] for _ in range(self.rng.randint(1, 3))]
        return drawn, self.catches(), self.rng.choice(("now", "later", "never"))

    def fork(self, depth, space):
        """Calls side by side, perhaps outside of transactions: each has keys of its own."""
        spaces = [f"{space}{next(self.spaces)}/" for _ in range(self.rng.randint(1, 2))]
        drawn = [self.call(depth, own)[:2] for own in spaces]
        return drawn, self.catches(), self.rng.choice(("now", "later", "never"))

    def look(self, _, space):
        return self.service(), space + self.rng.choice(KEYS)

    def look_twice(self, depth, space):
        return self.look(depth, space), self.look(depth, space)

    def nothing(self, *_):
        return ()

    fail = abort = rollback = clock = begin = commit = nothing


FLAT = dict.fromkeys(("increment", "put", "get", "delete", "clear", "scan"), 4)
FLAT |= dict.fromkeys(("look", "look_twice"), 4)
FLAT |= dict.fromkeys(("fail", "abort", "rollback", "clock", "begin", "commit"), 1)
KINDS = FLAT | {"call": 8, "transact": 4, "branches": 6, "fork": 4}


async def gather(calls, joined, catches, futures):
    spawned = effects.gather(*[await effects.spawn(*name.split("."), ops) for name, ops in calls])
    if joined == "later":
        futures.append((spawned, catches))
    return list(await spawned) if joined == "now" else None


async def operate(service, operation, futures):
    """What one operation saw."""

    def at(key):
        return data_prefix(service, "v") + key.encode()

    match operation:
        case ("increment", key):
            value = b"%d" % (len(await perform(Get(at(key))) or b"") + 1)
            await perform(Put(at(key), value * 2))
        case ("put", key, size):
            await perform(Put(at(key), b"7" * size))
        case ("delete", key):
            await perform(Delete(at(key)))
        case ("clear", low, high):
            await perform(DeleteRange(at(low), at(high)))
        case ("get", key):
            return await perform(Get(at(key)))
        case ("scan", low, high, limit):
            return list(map(list, await perform(Scan(at(low), at(high), limit))))
        case ("clock",):
            await effects.clock()
        case ("fail",):
            raise ValueError("as told")
        case ("abort",):
            await effects.abort("as told")
        case ("rollback",):
            await effects.rollback()
        case ("begin",):
            await effects.begin()
        case ("commit",):
            await effects.commit()
        case ("look", name, key):
            return await effects.call(name, "look", key)
        case ("look_twice", first, second):
            a, b = [await effects.spawn(name, "look", key) for name, key in (first, second)]
            return [await b, await a]
        case ("call", name, operations, _, last):
            return await effects.call(*name.split("."), operations, last=last)
        case ("transact", operations, _):
            async with effects.Transaction():
                return await operate_all(service, operations)
        case ("branches", calls, catches, joined):
            async with effects.Transaction():
                return await gather(calls, joined, catches, futures)
        case ("fork", calls, catches, joined):
            return await gather(calls, joined, catches, futures)
    return None


async def operate_all(service, operations):
    seen, futures = [], []
    for operation in operations:
        try:
            seen.append(await operate(service, operation, futures))
        except (ValueError, TransactionException) as error:
            if not CATCHES.get(operation[0], lambda _: False)(operation):
                raise
            seen.append(repr(error))
    for future, catches in futures:
        try:
            seen.append(list(await future))
        except (ValueError, TransactionException) as error:
            if not catches:
                raise
            seen.append(repr(error))
    return seen


CATCHES = {
    "call": lambda operation: operation[3],
    "transact": lambda operation: operation[2],
    "branches": lambda operation: operation[2],
    "fork": lambda operation: operation[2],
}


def service(name):
    async def run(self, operations):
        return await operate_all(name, operations)

    async def look(self, key):
        return await perform(Get(data_prefix(name, "v") + key.encode()))

    return name, {"run": run, "walk": run, "look": look}


def app(*removed):
    """The application, without the methods in ``removed``."""
    services = []
    for name in SERVICES:
        _, methods = service(name)
        services.append((name, {m: f for m, f in methods.items() if f"{name}.{m}" not in removed}))
    return program(*services, read_only=tuple(f"{name}.look" for name in SERVICES))


APP = app()


# --- what clients were told, against what is there


def same(outcome, expected):
    """Whether two outcomes are the same; a traceback may differ."""
    if isinstance(outcome, Raised) and isinstance(expected, Raised):
        return (outcome.type, outcome.text) == (expected.type, expected.text)
    return outcome == expected


def answers(world):
    """The answer to each request, which must be one: an outcome, or a definite failure."""
    found = {}
    for request, outcome in world.told:
        if isinstance(outcome, Failed) and not outcome.definite:
            assert outcome.kind in INDEFINITE, outcome
        else:
            known = found.setdefault(request, outcome)
            assert known == outcome, f"two answers to one request: {known}, {outcome}"
    return found


INDEFINITE = {"Interrupted", "Expired", "SetAside"} | {
    error.__name__ for error in StoreError.__subclasses__()
}


def ended(world):
    """The root requests whose method ended with an answer, in order."""
    roots = []
    for commit in world.committed:
        if commit.request is not None and commit.request.is_root and commit.end == METHOD_END:
            journal = [
                m.value for m in commit.mutations if isinstance(m, Set) and m.key[:1] == b"j"
            ]
            if not isinstance(decode_record(b"".join(journal)).outcome, Failed):
                roots.append(commit.request.root)
    return roots


def check_transactions(world, requests):
    """Transactions of many clients: as if run in the order of their commits."""
    told, by_root = answers(world), {request.id.root: request for request in requests}
    order = [by_root[root] for root in ended(world)]
    assert len(set(order)) == len(order), "a method ended twice"
    serial = Serial(APP)
    for request in order:
        expected = run_serially(serial, request)
        assert same(told.get(request, expected), expected), f"{told[request]} is not {expected}"
    assert serial.state == world.data(), "the state is not the serial one"
    for request, outcome in told.items():
        assert not isinstance(outcome, Failed) or request not in order, "failed, but it happened"


def check_tree(world, requests):
    """One client's tree: complete, without trace, or set aside."""
    (request,) = requests
    check_answer(world, request, world.data())
    if world.data() and not world.section(SET_ASIDE):
        serial = Serial(APP)
        run_serially(serial, request)
        assert world.data() == serial.state, "neither complete nor without trace"


def check_rivals(world, requests):
    """Two clients' trees with one id: at best one is complete, and no client is told untruths."""
    for number, request in enumerate(requests):
        data = world.data().items()
        check_answer(world, request, {k: v for k, v in data if b"\0%d:" % number in k})


def check_answer(world, request, data):
    """A definite failure left nothing; an answer, and what goes with it, is the serial one."""
    told = answers(world).get(request)
    if isinstance(told, Failed):
        assert data == {}, f"told {told}, but something happened"
    elif told is not None:
        serial = Serial(APP)
        expected = run_serially(serial, request)
        assert same(told, expected), f"answered {told}, not {expected}"
        assert data == serial.state, "answered, but the state is not the serial one"


def run_serially(serial, request):
    return serial.outcome(request.service, request.method, *APP.codec.decode(request.args)[0])


def check_late(world, requests):
    """Late duplicates change nothing; retention leaves application data alone."""
    done = answers(world)
    for request in requests:
        before = world.data()
        world.send(request)
        world.rest()
        if request in done:
            assert world.data() == before, "a late duplicate changed the state"
    answers(world)
    world.settle()
    world.forget()
    aside = {key[1:17] for key in world.section(SET_ASIDE)}
    kept = (DATA, SET_ASIDE, point(WATERMARK), *map(tree_range, aside))
    for key in world.store.snapshot():
        assert any(part.begin <= key < part.end for part in kept), f"retention leaves {key}"


# --- worlds


def transactions(world, draw):
    count = world.rng.randint(2, 4)
    return [world.root_request(draw.service(), "run", draw.transaction()) for _ in range(count)]


def tree(world, draw):
    return [world.root_request(draw.service(), "run", draw.method(3))]


def rivals(world, draw):
    first, second = [
        world.root_request(draw.service(), "run", draw.method(2, f"{number}:")) for number in (0, 1)
    ]
    return [first, replace(second, id=first.id)]


def explore(seed, draw_requests, check, removal=0.0):
    """One world: in some, limits are small, or read versions short-lived, or methods removed."""
    rng = random.Random(seed)
    with ExitStack() as limits:
        if rng.random() < 0.6:
            for name, limit in SMALL.items():
                limits.enter_context(mock.patch(name, limit))
        window, page = rng.choice((10**9, 10**9, 300, 60)), rng.choice((1, 2, 100))
        long = int(window * TICK * VERSIONS_PER_SECOND / 2)
        limits.enter_context(mock.patch("core.slowness._LONG", long))
        world = World(APP, seed, window, page)
        requests = draw_requests(world, Draw(rng))
        for request in requests:
            world.send(request)
        world.run(requests)
        if rng.random() < removal:
            limits.enter_context(mock.patch("core.revisions.LONGEST", -1.0))
            world.program = app("A.walk", "B.walk")
            world.run(requests)
        world.settle()
        check(world, requests)
        check_late(world, requests)
    return world


WORLDS = [
    pytest.param(transactions, check_transactions, 0.0, id="transactions"),
    pytest.param(tree, check_tree, 0.0, id="tree"),
    pytest.param(tree, check_tree, 1.0, id="removed methods"),
    pytest.param(rivals, check_rivals, 0.0, id="rivals"),
]


@pytest.mark.search
@pytest.mark.parametrize(("draw_requests", "check", "removal"), WORLDS)
def test_as_if_one_at_a_time(draw_requests, check, removal):
    for seed in range(SEEDS):
        try:
            explore(seed, draw_requests, check, removal)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
