"""Random programs under random interleavings of duplicates, crashes, lost replies, unknown commits,
recovery and retention: no effect twice, none orphaned, every answer reproducible.

A model in miniature of what the simulator does at length: attempts are stepped
one effect at a time in an order drawn at random.
"""

import contextlib
import random

import pytest

from core import effects
from core.attempt import attempt
from core.errors import Conflict, StoreError, TransactionException, Unknown
from core.ids import RequestId, root_id
from core.keys import encode_key
from core.layout import INTENTS, data_prefix
from core.memory import MemoryStore
from core.messages import Failed, Origin, Reply, Request
from core.ports import Commit, Now, Read, ReadVersion, Receive, Send
from core.recovery import recover
from core.retention import retain
from tests.core.programs import CODEC, program

SERVICES = ("A", "B", "C")


# --- programs: a method is a list of operations, each leaves a mark named by its label


def draw(rng, depth):
    operations = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(["mark", "mark", "read", "clock", "call", "spawn", "look", "transaction"])
        if kind in ("call", "spawn"):
            if depth:
                operations.append((kind, rng.choice(SERVICES), draw(rng, depth - 1)))
        elif kind == "transaction":
            inner = [op for op in draw(rng, depth) if op[0] != "abort"]
            operations.append((kind, inner + ([("abort",)] if rng.random() < 0.3 else [])))
        else:
            operations.append((kind,))
    return operations


async def run(self, label, operations):
    seen, futures = [], []
    for number, operation in enumerate(operations):
        here = f"{label}.{number}"
        kind = operation[0]
        if kind == "mark":
            await self.values.setitem(here, await self.values.get(here, 0) + 1)
        elif kind == "read":
            seen.append(await self.values.get("shared", 0))
            await self.values.setitem("shared", seen[-1] + 1)
        elif kind == "clock":
            seen.append(await effects.clock())
        elif kind == "look":
            seen.append(await effects.call("A", "look", "shared"))
        elif kind == "call":
            last = number == len(operations) - 1 and not futures
            seen.append(await effects.call(operation[1], "run", here, operation[2], last=last))
        elif kind == "spawn":
            futures.append(await effects.spawn(operation[1], "run", here, operation[2]))
        elif kind == "abort":
            await effects.abort("as told")
        else:
            try:
                async with effects.Transaction():
                    seen.append(await run(self, here, operation[1]))
            except TransactionException as error:
                seen.append(str(error))
    seen.extend([await future for future in futures])
    return seen


async def look(self, key):
    return await self.values.get(key, 0)


APP = program(
    *((name, {"run": run, "look": look}) for name in SERVICES),
    read_only=tuple(f"{name}.look" for name in SERVICES),
)


def marks(service, label, operations):
    """The marks a complete execution leaves, as (service, label): expected count."""
    found = {}
    for number, operation in enumerate(operations):
        here = f"{label}.{number}"
        if operation[0] == "mark":
            found[service, here] = 1
        elif operation[0] in ("call", "spawn"):
            found |= marks(operation[1], here, operation[2])
        elif operation[0] == "transaction":
            inner = marks(service, here, operation[1])
            aborted = any(op == ("abort",) for op in operation[1])
            found |= {mark: 0 if aborted else count for mark, count in inner.items()}
    return found


# --- the world: attempts in flight, stepped one effect at a time


class Task:
    def __init__(self, steps, request, tickets):
        self.steps, self.request, self.tickets = steps, request, tickets
        self.answer, self.waiting, self.error = None, None, None


class World:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.store = MemoryStore(clock=lambda: 0.0, window=1e9)
        self.tasks, self.replies, self.answers = [], {}, {}
        self.now, self.names, self.tickets, self.faults = 1_000, 0, 0, True
        self.late = []

    def start(self, request, ticket):
        self.names += 1
        self.tasks.append(Task(attempt(APP, request, f"t{self.names}"), request, [ticket]))

    def chance(self, probability):
        return self.faults and self.rng.random() < probability

    def send(self, request):
        self.tickets += 1
        self.start(request, self.tickets)
        if self.chance(0.15):
            self.start(request, -1)
        return self.tickets

    def finish(self, task, reply):
        self.tasks.remove(task)
        if isinstance(reply, Reply):
            if reply.id.is_root and not isinstance(reply.outcome, Failed):
                known = self.answers.setdefault(reply.id, reply.outcome)
                assert known == reply.outcome, "two answers to one request"
            assert not (isinstance(reply.outcome, Failed) and reply.outcome.kind == "SetAside"), (
                reply.outcome
            )
            for ticket in task.tickets:
                self.replies[ticket] = reply
                if ticket != -1 and self.chance(0.1):
                    self.lose(task.request, ticket)

    def lose(self, request, ticket):
        """The caller learns nothing."""
        self.replies[ticket] = Reply(request.id, Failed("Interrupted", False, "lost"))

    def step(self):
        task = self.rng.choice(self.tasks)
        if task.waiting is not None:
            if any(ticket not in self.replies for ticket in task.waiting):
                return
            task.answer = [self.replies[ticket] for ticket in task.waiting]
            task.waiting = None
        if task.request is not None and self.chance(0.02):
            self.tasks.remove(task)
            if self.rng.random() < 0.5:
                self.tasks.append(
                    Task(attempt(APP, task.request, f"r{self.names}"), task.request, task.tickets)
                )
                self.names += 1
            else:
                for ticket in task.tickets:
                    self.lose(task.request, ticket)
            return
        try:
            error, task.error = task.error, None
            effect = task.steps.throw(error) if error else task.steps.send(task.answer)
        except StopIteration as stop:
            self.finish(task, stop.value)
            return
        except StoreError:
            self.tasks.remove(task)
            return
        task.answer = None
        try:
            self.perform(task, effect)
        except StoreError as refused:
            task.error = refused

    def perform(self, task, effect):
        if isinstance(effect, ReadVersion):
            task.answer = self.store.read_version()
        elif isinstance(effect, Read):
            task.answer = (
                [self.store.get(key, effect.version) for key in effect.keys],
                [self.store.get_range(b, e, effect.version, n) for b, e, n in effect.ranges],
            )
        elif isinstance(effect, Commit):
            self.commit(task, effect)
        elif isinstance(effect, Send):
            task.answer = self.send(effect.request)
        elif isinstance(effect, Receive):
            task.waiting = effect.tickets
        elif isinstance(effect, Now):
            self.now += 1
            task.answer = self.now * 1_000_000

    def commit(self, task, effect):
        if self.chance(0.05):
            kind = self.rng.choice(["applied", "not", "late", "conflict"])
            if kind == "applied":
                self.store.commit(effect.version, effect.reads, effect.mutations)
            elif kind == "late":
                self.late.append(effect)
            raise Conflict() if kind == "conflict" else Unknown()
        task.answer = self.store.commit(effect.version, effect.reads, effect.mutations)

    def maintain(self):
        self.now += 1
        if self.late and self.rng.random() < 0.5:
            effect = self.late.pop()
            with contextlib.suppress(StoreError):
                self.store.commit(effect.version, effect.reads, effect.mutations)
        if self.rng.random() < 0.3:
            self.tasks.append(Task(recover(self.now * 1_000_000, 20_000_000), None, []))
        if self.rng.random() < 0.3:
            self.tasks.append(Task(retain(self.now * 1_000_000, 60_000_000), None, []))

    def settle(self):
        self.faults = False
        for _ in range(200):
            while self.tasks:
                self.step()
            if not self.store.get_range(*INTENTS, self.store.read_version()) and not self.late:
                return
            while self.late:
                self.maintain()
            self.now += 100
            self.tasks.append(Task(recover(self.now * 1_000_000, 0), None, []))
        raise AssertionError("an intent never goes away")


def explore(seed):
    world = World(seed)
    programs = {}
    for number in range(3):
        operations = draw(world.rng, 2)
        label, service = f"r{number}", world.rng.choice(SERVICES)
        root = RequestId(root_id(world.now, world.rng))
        args = CODEC.encode(((label, operations), {}))
        request = Request(root, service, "run", args, Origin(service, "run", args))
        programs[root] = (service, label, operations, request)
        world.send(request)
    for _ in range(world.rng.randint(20, 400)):
        if world.tasks:
            world.step()
        if world.chance(0.05):
            world.maintain()
        if world.chance(0.03):
            world.send(world.rng.choice(list(programs.values()))[3])
    world.settle()
    return world, programs


def count(content, service, label):
    stored = content.get(data_prefix(service, "values") + encode_key(label))
    return 0 if stored is None else CODEC.decode(stored)


def check(world, programs):
    content = world.store.snapshot()
    for root, (service, label, operations, request) in programs.items():
        expected = marks(service, label, operations)
        counts = {}
        for name, here in expected:
            counts[name, here] = count(content, name, here)
        complete = counts == expected
        assert complete or not any(counts.values()), f"neither complete nor without trace: {counts}"
        if root in world.answers:
            assert complete, f"answered, but {counts} is not {expected}"
        world.send(request)  # a late duplicate
        while world.tasks:
            world.step()
        if complete and any(expected.values()):
            after = world.store.snapshot()
            for mark, times in expected.items():
                assert count(after, *mark) == times, "a late duplicate left a mark"


@pytest.mark.parametrize("block", range(8))
def test_random_programs(block):
    for seed in range(block * 100, block * 100 + 100):
        try:
            check(*explore(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
