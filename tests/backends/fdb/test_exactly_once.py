"""Why ``commit_unknown_result`` does no harm: the whole executor on a store that lies in wait.

Requests of the counter run through :mod:`core.attempt` on :class:`FdbStore`, with the client's
fault injection on, every request started twice, and commits whose process dies at random
while they are in flight: the transaction is gone, and nobody knows whether it was applied.
Each request counts once, and every answer to it is the same.
"""

import asyncio
import gc
import random
from contextlib import nullcontext

import pytest

from backends.fdb import FaultInjection
from compiler import application
from core.attempt import attempt
from core.errors import StoreError
from core.messages import Failed, Returned
from core.ports import Commit, Now, Read, ReadVersion
from tests.backends.fdb.clusters import Real, Standing, Subject, needs_cluster
from tests.backends.fdb.network import NETWORK
from tests.direct import root_request

KEYS = ("x", "y")
REQUESTS = 24
CRASHES = 0.15


class Crash(Exception):
    pass


class Host:
    """Performs the effects of attempts on a store, and dies at random in mid-commit."""

    def __init__(self, program, subject, rng):
        self.program, self.store, self.rng = program, subject.store, rng
        self.real = subject.place.real
        self.attempts = self.crashes = 0
        self.errors = set()

    async def answer(self, request):
        """A client that asks until it has an answer, under the same id."""
        while True:
            try:
                reply = await self.run(request)
            except Crash:
                continue
            if not isinstance(reply.outcome, Failed):
                return reply.outcome
            assert not reply.outcome.definite

    async def run(self, request):
        self.attempts += 1
        steps = attempt(self.program, request, f"fdb{self.attempts}")
        answer = error = None
        while True:
            try:
                effect = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            answer = error = None
            try:
                answer = await self.perform(effect)
            except StoreError as refused:
                self.errors.add(type(refused).__name__)
                error = refused

    async def perform(self, effect):
        match effect:
            case ReadVersion():
                return await self.store.read_version()
            case Read():
                return await self.store.read(effect.version, effect.keys, effect.ranges)
            case Commit():
                commit = self.store.commit(effect.version, effect.reads, effect.mutations)
                if self.rng.random() < CRASHES:
                    await self.die_in(commit)
                return await commit
            case Now():
                return 0
        await asyncio.sleep(0)
        return None

    async def die_in(self, commit):
        self.crashes += 1
        with nullcontext() if self.real else NETWORK.paused():
            task = asyncio.create_task(commit)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            del task
            gc.collect(0)
        raise Crash


def ids(rng):
    """Root ids; they sort by time, which is all one here."""
    return [rng.randbytes(16) for _ in range(REQUESTS)]


def play(subject, seed):
    program = application.load("apps/counter").program
    rng = random.Random(seed)
    host = Host(program, subject, rng)
    requests = [
        (key, root_request(program, root, "Counter", "increment", key))
        for root in ids(rng)
        for key in [rng.choice(KEYS)]
    ]

    async def everything():
        twice = [host.answer(request) for _, request in requests for _ in range(2)]
        rng.shuffle(twice)
        await asyncio.gather(*twice)
        late = [await host.answer(request) for _, request in requests]
        counts = {}
        for key in KEYS:
            request = root_request(program, rng.randbytes(16), "Counter", "read", key)
            counts[key] = value(program, await host.answer(request))
        return late, counts

    late, counts = subject.run(everything())
    for key in KEYS:
        answers = [
            value(program, outcome)
            for (asked, _), outcome in zip(requests, late, strict=True)
            if asked == key
        ]
        assert sorted(answers) == list(range(1, len(answers) + 1))
        assert counts[key] == len(answers)
    return host


def value(program, outcome):
    assert isinstance(outcome, Returned)
    return program.codec.decode(outcome.value)


FAULTS = FaultInjection()


@pytest.mark.parametrize("seed", range(8))
def test_every_request_counts_once(seed):
    host = play(Subject(Standing(seed), faults=FAULTS), seed)
    assert host.crashes > 0


def test_the_faults_did_strike():
    seen = set()
    for seed in range(4):
        seen |= play(Subject(Standing(seed), faults=FAULTS), seed).errors
    assert {"Unknown", "Conflict", "StoreUnavailable"} <= seen


@needs_cluster
@pytest.mark.parametrize("seed", range(4))
def test_every_request_counts_once_on_a_cluster(seed):
    """With FDB_FAULTS=1 under the real client's fault injection; else with crashes alone."""
    subject = Subject(Real())
    try:
        assert play(subject, seed).crashes > 0
    finally:
        subject.close()
