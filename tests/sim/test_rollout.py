"""An application is replaced under load: pods of the old revision and of the new one, side by side.

Services that are called lack methods at first that their callers call already.
"""

import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core import effects
from core.attempt import attempt
from core.protocol import Protocol
from experiment.checks import check
from experiment.scenario.model import Fault, Load, Retry, Scenario
from sim.run import run
from tests.core.programs import increment, program
from tests.experiment.checks.agency import Application, scenario, value
from tests.experiment.checks.generated import generated


class Rollout:
    """Of the attempts, more and more run on the new revision, until all do."""

    def __init__(self, missing, seed):
        self.missing = missing
        self.rng = random.Random(seed)
        self.made = self.old_ones = 0

    def old(self, program):
        """The program without the methods that are new."""
        services = {
            name: replace(each, methods={m: f for m, f in each.methods.items()
                                         if f"{name}.{m}" not in self.missing})
            for name, each in program.services.items()
        }  # fmt: skip
        return replace(program, services=services)

    def attempt(self, program, request, name):
        """An attempt by whichever revision the request came to."""
        self.made += 1
        asked = f"{request.service}.{request.method}"
        if asked in self.missing and self.rng.random() < 1.0 - self.made / 150:
            self.old_ones += 1
            program = self.old(program)
        return attempt(program, request, name)


@pytest.mark.parametrize("faults", [[], [Fault("crash", at="any", probability=0.01)]])
@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_told_and_nothing_is_set_aside(tmp_path, seed, faults):
    application = generated(seed, tmp_path)
    rollout = Rollout({"Base.put", "Base.look", "Base.stamp", "A.inc"}, seed)
    steady = Load("steady", "poisson-arrival-rate", rate=20.0, duration=2.0)
    said = Scenario(
        "rollout", "", seed, load=[steady], faults=faults, heal=60.0, retry=Retry(10, 1.0)
    )
    done = run(said, application, protocol=Protocol.ours()._replace(attempt=rollout.attempt))
    assert rollout.old_ones > 3
    assert {result.status for result in done.results} <= {"succeeded", "raised"}
    assert not done.set_aside
    wrong = [each for each in check(done, application, said) if each.status == "fails"]
    assert not wrong


def calling(*keys):
    """A caller's revision: it counts something else than the other one."""

    async def count_both(self, key):
        for each in keys:
            await effects.call("Counter", "increment", f"{each} {key}")

    return count_both


def made_of(name, *keys):
    services = ("Counter", {"increment": increment}), ("Front", {"count": calling(*keys)})
    return replace(program(*services), revision=name)


class SideBySide:
    """Callers of both revisions, all of the time; the callee is of the old one."""

    def __init__(self, seed):
        self.old, self.new = made_of("old", "a", "b"), made_of("new", "c", "d")
        self.rng = random.Random(seed)
        self.met = 0

    def attempt(self, _, request, name):
        callers = request.service == "Front" and self.rng.random() < 0.5
        reply = yield from attempt(self.new if callers else self.old, request, name)
        self.met += getattr(reply.outcome, "kind", "") == "Unfamiliar"
        return reply


@pytest.mark.parametrize("seed", range(3))
def test_callers_of_two_revisions_that_ask_one_callee_for_different_things(seed):
    """Each tree is completed by whichever revision began it."""
    both = SideBySide(seed)
    application = Application()
    application.program = both.old
    application.initial_state = dict
    numbers = iter(range(1000))
    application.workload = SimpleNamespace(
        callers={},
        mix={"Front.count": 1.0},
        arguments={"Front.count": lambda _: (str(next(numbers)),)},
    )
    faults = [Fault("crash", at="any", probability=0.03)]
    said = scenario(seed=seed, faults=faults, heal=60.0, retry=Retry(10, 0.2))
    done = run(said, application, protocol=Protocol.ours()._replace(attempt=both.attempt))
    assert both.met > 3
    assert not done.set_aside
    told = Counter(result.status for result in done.results)
    assert set(told) <= {"succeeded", "indefinite"}
    trees = [
        [value(done.final, "Counter", f"{each} {number}") for each in "abcd"]
        for number in range(len(done.results))
    ]
    assert all(tree in ([1, 1, None, None], [None, None, 1, 1], [None] * 4) for tree in trees)
    assert sum(any(tree) for tree in trees) >= told["succeeded"] > 50
