"""A world in miniature: attempts in flight, stepped one effect at a time in an order drawn at
random, with duplicates, crashes, lost replies, unknown and late commits, recovery and retention.
"""

import contextlib
import random

from core.attempt import attempt
from core.errors import Conflict, FutureVersion, StoreError, StoreUnavailable, TooOld, Unknown
from core.ids import RequestId, root_id
from core.layout import DATA, INTENTS
from core.memory import MemoryStore
from core.messages import Failed, Origin, Reply, Request
from core.ports import Commit, Due, Now, Pause, Read, ReadVersion, Receive, Send
from core.recovery import clear_intents, recover
from core.retention import retain
from core.store import read
from tests.core.programs import CODEC

TICK = 1e-6
"""Seconds, and one version of the store, that each effect takes."""


class Task:
    """One attempt, or a pass of maintenance; ``request`` and ``tickets`` are the attempt's."""

    def __init__(self, steps, request=None, tickets=()):
        self.steps, self.request, self.tickets = steps, request, tickets
        self.answer, self.waiting, self.error = None, None, None
        self.pause = 0


class World:
    """Everything drawn comes from ``seed``.

    :param window: how many effects a read version can be used.
    :param page: how many intents recovery takes at a time.
    :ivar told: what clients were told, in order, as (request, outcome).
    :ivar committed: the commits that were applied, in order.
    """

    def __init__(self, program, seed, window=10**9, page=100):
        self.program, self.page = program, page
        self.rng = random.Random(seed)
        self.effects = 0
        self.store = MemoryStore(clock=lambda: self.effects * TICK, window=window * TICK)
        self.tasks, self.replies, self.late = [], {}, []
        self.told, self.committed = [], []
        self.now, self.names, self.tickets, self.faults = 1_000, 0, 0, True

    # --- what clients do

    def root_request(self, service, method, *args):
        data = CODEC.encode((args, {}))
        root = RequestId(root_id(self.now, self.rng))
        return Request(root, service, method, data, Origin(service, method, data))

    def send(self, request):
        self.tickets += 1
        self.start(request, [self.tickets])
        if self.chance(0.15):
            self.start(request, [])
        return self.tickets

    def start(self, request, tickets):
        self.names += 1
        steps = attempt(self.program, request, f"attempt{self.names}")
        self.tasks.append(Task(steps, request, tickets))

    def chance(self, probability):
        return self.faults and self.rng.random() < probability

    # --- one step of one task

    def step(self):
        task = self.rng.choice(self.tasks)
        if task.pause:
            task.pause -= 1
            return
        if task.waiting is not None:
            if any(ticket not in self.replies for ticket in task.waiting):
                return
            task.answer = [self.replies[ticket] for ticket in task.waiting]
            task.waiting = None
        if task.request is not None and self.chance(0.02):
            self.crash(task)
            return
        error, task.error = task.error, None
        try:
            effect = task.steps.throw(error) if error else task.steps.send(task.answer)
        except StopIteration as stop:
            self.finish(task, stop.value)
        except StoreError:
            self.tasks.remove(task)  # maintenance comes again
        else:
            task.answer = None
            try:
                self.perform(task, effect)
            except StoreError as refused:
                task.error = refused

    def crash(self, task):
        self.tasks.remove(task)
        if self.rng.random() < 0.5:
            self.start(task.request, task.tickets)
        else:
            for ticket in task.tickets:
                self.lose(task.request, ticket)

    def lose(self, request, ticket):
        """The caller learns nothing."""
        self.replies[ticket] = Reply(request.id, Failed("Interrupted", False, "lost"))

    def finish(self, task, reply):
        self.tasks.remove(task)
        if task.request is None:
            return
        if reply.id.is_root:
            self.told.append((task.request, reply.outcome))
            complete = not isinstance(reply.outcome, Failed)
            left = complete and reply.intent_recorded and not reply.intent_cleared
            if left and self.chance(0.5):
                self.tasks.append(Task(clear_intents([reply.id.root])))
        for ticket in task.tickets:
            self.replies[ticket] = reply
            if self.chance(0.1):
                self.lose(task.request, ticket)

    def perform(self, task, effect):
        self.effects += 1
        if isinstance(effect, ReadVersion):
            if self.chance(0.01):
                raise StoreUnavailable
            task.answer = self.store.read_version()
        elif isinstance(effect, Read):
            if self.chance(0.01):
                raise self.rng.choice([TooOld, StoreUnavailable, FutureVersion])
            task.answer = read(self.store, effect.version, effect.keys, effect.ranges)
        elif isinstance(effect, Commit):
            task.answer = self.commit(effect)
        elif isinstance(effect, Send):
            task.answer = self.send(effect.request)
        elif isinstance(effect, Pause):
            task.pause = self.rng.randrange(2 ** min(effect.retry, 8))
        elif isinstance(effect, Receive):
            task.waiting = effect.tickets
        elif isinstance(effect, Now):
            self.now += 1
            task.answer = self.now * 1_000_000
        elif isinstance(effect, Due):
            task.answer = self.now * 1_000_000 >= effect.time

    # --- the store

    def commit(self, effect):
        if self.chance(0.05):
            kind = self.rng.choice(["applied", "not", "late", "conflict", "old"])
            if kind == "applied":
                self.apply(effect)
            elif kind == "late":
                self.late.append(effect)
            raise {"conflict": Conflict, "old": TooOld}.get(kind, Unknown)
        return self.apply(effect)

    def apply(self, effect):
        version = self.store.commit(effect.version, effect.reads, effect.mutations)
        self.committed.append(effect)
        return version

    def section(self, part):
        content = self.store.snapshot()
        return {key: value for key, value in content.items() if part.begin <= key < part.end}

    def data(self):
        """The application's data."""
        return self.section(DATA)

    # --- running it

    def maintain(self, period_ms=60):
        self.now += 1
        if self.late and self.rng.random() < 0.5:
            effect = self.late.pop(self.rng.randrange(len(self.late)))
            with contextlib.suppress(StoreError):
                self.apply(effect)
        if self.rng.random() < 0.3:
            self.recover(20)
        if self.rng.random() < 0.3:
            self.tasks.append(Task(retain(self.now * 1_000_000, period_ms * 1_000_000)))

    def recover(self, stale_ms=0):
        self.tasks.append(Task(recover(self.now * 1_000_000, stale_ms * 1_000_000, self.page)))

    def run(self, requests):
        """Run for a while, with faults, maintenance, and clients that ask again."""
        for _ in range(self.rng.randint(20, 400)):
            if self.tasks:
                self.step()
            if self.chance(0.05):
                self.maintain()
            if self.chance(0.03):
                self.send(self.rng.choice(requests))

    def rest(self):
        """Run until nothing is under way."""
        for _ in range(200_000):
            if not self.tasks:
                return
            self.step()
        raise AssertionError("it does not come to rest")

    def settle(self):
        """Without faults: run until every tree is complete."""
        self.faults = False
        for _ in range(60):
            self.rest()
            if not self.section(INTENTS) and not self.late:
                return
            while self.late:
                self.maintain()
            self.now += 100
            self.recover()
        raise AssertionError("an intent never goes away")

    def forget(self):
        """Let retention forget everything."""
        self.now += 1_000_000
        self.tasks.append(Task(retain(self.now * 1_000_000, 0)))
        self.rest()
