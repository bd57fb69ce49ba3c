"""What the compiler proves wrongly does harm that a run shows: the analysis, broken in one place.

That it proves nothing wrong of itself is seen by tests of the compiler, method by method; here an
application runs with it, among crashes, and the checks see what came of it.
"""

import dataclasses

import pytest
from msgspec.structs import replace

from core.calls import Calls
from experiment.checks import check
from experiment.record.history import trace_hash
from experiment.scenario.model import Fault, Retry
from sim.habits import Habits
from sim.run import run
from tests.compiler.test_hidden import MUTANTS
from tests.experiment.checks.generated import generated, scenario
from tests.experiment.checks.wider import Brief

SEEDS = 100
RUNS = 4
"""Of each application of which something wrong is proved."""
CRASHES = [
    Fault("crash", at="any", probability=0.02),
    Fault("crash", at="after_commit", probability=0.05),
    Fault("drop", probability=0.1),
    Fault("pause", at="before_commit", duration=1.0, probability=0.05),
]
ONCE = Retry(attempts=1, timeout=0.5)
"""Clients that do not come back, so that all depends on recovery."""

CALM = ("helpers are not looked into", "calls write nothing")
HARSH = (
    "nothing follows a call",
    "nothing is outstanding",
    "no helper leaves calls outstanding",
)


def proved(application):
    """What the executor relies on."""
    services = application.program.services.values()
    facts = {(s.name, m.name): m.facts for s in services for m in s.methods.values()}
    return facts, [last for _, last in application.graph.nodes(data="last")]


def harm(application, seed, faults, retry):
    """What a run of the application shows to be wrong."""
    said = replace(scenario(seed, faults, 1.0), retry=retry)
    done = run(said, application)
    found = [each.name for each in check(done, application, said) if each.status == "fails"]
    if not faults:
        found += sorted({each.status for each in done.results} - {"succeeded", "raised"})
    return found


@pytest.fixture
def unguarded(monkeypatch):
    """The executor looks for outstanding calls itself: here it relies on what was proved."""
    monkeypatch.setattr(Calls, "_outstanding", lambda self: False)


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("mutant", CALM + HARSH)
def test_a_wrong_proof_does_harm(tmp_path, monkeypatch, mutant):
    faults, retry = ([], Retry(3, 2.0)) if mutant in CALM else (CRASHES, ONCE)
    for seed in range(SEEDS):
        with monkeypatch.context() as broken:
            broken.setattr(*MUTANTS[mutant])
            wrong = generated(seed, tmp_path, Brief)
        if proved(wrong) == proved(generated(seed, tmp_path, Brief)):
            continue
        if any(harm(wrong, seed + SEEDS * again, faults, retry) for again in range(RUNS)):
            return
    pytest.fail("no check saw it")


def told_otherwise(facts):
    """The facts of a method, all of them wrong that the executor asks for nothing."""
    return dataclasses.replace(
        facts,
        single_region=not facts.single_region,
        footprint=frozenset({"Nobody.nothing"}),
        recursive=not facts.recursive,
    )


@pytest.mark.parametrize("faults", [[], CRASHES], ids=["calm", "harsh"])
@pytest.mark.parametrize("seed", range(3))
def test_no_run_depends_on_footprints_depths_and_recursion(tmp_path, monkeypatch, seed, faults):
    """They are told to people and tools; the executor asks whether a method is read-only, and
    whether a call is the last. So a run shows nothing of a wrong one, nor of transactions counted
    wrongly, or of an exception overlooked, unless one of these two is wrong for it: then it is one
    of the mutants above. Only one habit of clients, to use ids twice, picks its methods by a fact,
    and is left out here. What they say is seen method by method (``tests.compiler.test_hidden``).
    """
    monkeypatch.setattr(Habits, "_begins_with_a_look", lambda *_: False)
    right, wrong = (generated(seed, tmp_path, Brief) for _ in "ab")
    for service in wrong.program.services.values():
        for name, method in service.methods.items():
            told = told_otherwise(method.facts)
            service.methods[name] = dataclasses.replace(method, facts=told)
    assert proved(wrong) != proved(right)
    said = replace(scenario(seed, faults, 1.0), retry=Retry(3, 2.0))
    first, second = run(said, right), run(said, wrong)
    assert trace_hash(first.history) == trace_hash(second.history)
    assert first.final == second.final


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("seed", range(5))
def test_what_is_proved_does_none(tmp_path, seed):
    application = generated(seed, tmp_path, Brief)
    assert not harm(application, seed, [], Retry(3, 2.0))
    assert not harm(application, seed, CRASHES, ONCE)
