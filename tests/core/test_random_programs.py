"""Random programs under random interleavings of duplicates, crashes, lost replies, unknown commits,
recovery and retention: no effect twice, none orphaned, every answer reproducible.

A model in miniature of what the simulator does at length.
"""

import pytest

from core import effects
from core.errors import TransactionException
from core.keys import encode_key
from core.layout import data_prefix
from core.messages import Failed
from tests.core.programs import CODEC, program
from tests.core.world import World

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


def explore(seed):
    world = World(APP, seed)
    programs = {}
    for number in range(3):
        operations = draw(world.rng, 2)
        label, service = f"r{number}", world.rng.choice(SERVICES)
        request = world.root_request(service, "run", label, operations)
        programs[request.id.root] = (service, label, operations, request)
        world.send(request)
    world.run([program[3] for program in programs.values()])
    world.settle()
    return world, programs


def answers(world):
    """What each request was answered, which must be one thing."""
    found = {}
    for request, outcome in world.told:
        if isinstance(outcome, Failed):
            assert not outcome.definite, outcome
            assert outcome.kind != "SetAside", outcome
        else:
            known = found.setdefault(request.id.root, outcome)
            assert known == outcome, "two answers to one request"
    return found


def count(content, service, label):
    stored = content.get(data_prefix(service, "values") + encode_key(label))
    return 0 if stored is None else CODEC.decode(stored)


def check(world, programs):
    content, answered = world.store.snapshot(), answers(world)
    for root, (service, label, operations, request) in programs.items():
        expected = marks(service, label, operations)
        counts = {}
        for name, here in expected:
            counts[name, here] = count(content, name, here)
        complete = counts == expected
        assert complete or not any(counts.values()), f"neither complete nor without trace: {counts}"
        if root in answered:
            assert complete, f"answered, but {counts} is not {expected}"
        world.send(request)  # a late duplicate
        world.rest()
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
