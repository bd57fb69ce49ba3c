"""An application is replaced under load: pods of the old revision and of the new one, side by side.

Services that are called lack methods at first that their callers call already.
"""

import random
from dataclasses import replace

import pytest

from core.attempt import attempt
from core.protocol import Protocol
from experiment.checks import check
from experiment.scenario.model import Fault, Load, Retry, Scenario
from sim.run import run
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
