"""No check cries wolf: random applications hold, with faults and without.

The seeds named are those with which a check once failed and should not have.
"""

import gc
import sys

import pytest

from experiment.checks import check
from experiment.scenario.model import Fault, Load, Retry, Scenario
from sim.run import run
from tests.experiment.checks.generated import HARSH, generated, judged
from tests.experiment.checks.wider import Wider

CALM = [*range(12), 232]
"""232: branches of a transaction that are run again read the clock again."""
TROUBLED = [*range(6), 90, 2137]
"""2137: a read-only method that reads nothing but the clock."""


@pytest.mark.parametrize("seed", CALM)
def test_without_faults(tmp_path, seed):
    done, wrong = judged(seed, [], tmp_path)
    assert not wrong
    assert {result.status for result in done.results} <= {"succeeded", "raised"}


@pytest.mark.parametrize("seed", TROUBLED)
def test_with_faults(tmp_path, seed):
    _, wrong = judged(seed, HARSH, tmp_path)
    assert not wrong


@pytest.mark.parametrize("faults", [[], HARSH], ids=["calm", "harsh"])
@pytest.mark.parametrize("seed", range(4))
def test_programs_that_hide_effects_better(tmp_path, seed, faults):
    done, wrong = judged(seed, faults, tmp_path, Wider, seconds=1.0)
    assert not wrong
    assert faults or {result.status for result in done.results} <= {"succeeded", "raised"}


def test_what_is_given_up_says_nothing(tmp_path, monkeypatch):
    """Program 90 acts in a ``finally``: an attempt that is dropped there leaves no complaint."""
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    judged(90, HARSH, tmp_path)
    gc.collect()
    assert not complaints


@pytest.mark.parametrize("seed", range(4))
def test_what_there_was_no_time_for_is_nobodys_fault(tmp_path, seed):
    """Where a run ends before it settled, liveness says so, and no other check accuses anybody."""
    application = generated(seed, tmp_path)
    steady = Load("steady", "poisson-arrival-rate", rate=30.0, duration=2.0)
    crash = Fault("crash", at="any", probability=0.05)
    said = Scenario(
        "short", "", seed, load=[steady], faults=[crash], heal=0.2, retry=Retry(10, 2.0)
    )
    done = run(said, application)
    verdicts = {verdict.name: verdict for verdict in check(done, application, said)}
    failing = [name for name, verdict in verdicts.items() if verdict.status == "fails"]
    if done.settled_after is None:
        assert failing == ["liveness"]
        assert "unfinished request" in verdicts["exactly_once"].detail
    else:
        assert not failing
