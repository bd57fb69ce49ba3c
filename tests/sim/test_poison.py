"""Requests that take down every process that executes them: each ends, and harms nobody else."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from compiler.application import load
from core.poison import OFTEN, POISON
from experiment.judgement import judge
from experiment.scenario.file import read
from experiment.scenario.model import Fault, Selector
from sim.run import run

SCENARIO = Path(__file__).parents[2] / "scenarios" / "faults" / "poison.yaml"
CRASHES = Fault("crash", at="any", probability=0.01)


def ran(seed, *more, selector=None, **changes):
    scenario = read(SCENARIO).scenario
    (poison,) = scenario.faults
    poison = replace(poison, selector=selector or poison.selector)
    scenario = replace(scenario, seed=seed, faults=[poison, *more], check=[], **changes)
    application = load(scenario.app)
    done = run(scenario, application)
    return done, judge(done, application)


def deaths(done):
    """How often each request took a process down."""
    struck = [fault for fault in done.history.faults if fault.kind == "poison"]
    return Counter(fault.where.partition("@")[2] for fault in struck)


@pytest.mark.parametrize("more", [(), (CRASHES,)], ids=["alone", "among crashes"])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_set_aside_and_everybody_else_is_answered(seed, more):
    done, outcome = ran(seed, *more)
    assert {each.name for each in outcome.checks if each.status == "fails"} == set()
    killed = deaths(done)
    assert killed
    assert {root.hex() for root in done.set_aside} == {each.partition("/")[0] for each in killed}
    assert {note.cause for note in done.set_aside.values()} == {POISON}
    pods = 2 * len(load("apps/hotel").program.services)
    assert all(OFTEN <= times <= OFTEN + pods for times in killed.values())
    told = {result.status for result in done.results if result.id.root not in done.set_aside}
    assert told <= {"succeeded", "raised"}


def test_in_a_transaction_it_is_its_callers_to_end():
    """It travels: nothing of it is durable, and its caller is told."""
    done, outcome = ran(1, selector=Selector("Hotel", "reserve"))
    assert {each.name for each in outcome.checks if each.status == "fails"} == set()
    assert deaths(done)
