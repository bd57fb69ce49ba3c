"""Verdicts on runs and sweeps, and the commands that show them again."""

from experiment.outcome import EXIT, Outcome, Sweep, Task, describe, first_reason, unstruck
from experiment.scenario.model import Fault, Selector
from experiment.verdict import Verdict
from tests.experiment.outcomes import FAILS, HOLDS, SCENARIO, UNCLEAR, outcome

TASK = Task("scenarios/crash.yaml")


def swept(*outcomes, asked=None):
    sweep = Sweep(SCENARIO, TASK, asked or len(outcomes))
    for each in outcomes:
        sweep.add(each)
    return sweep


def test_a_run_holds_fails_or_is_inconclusive():
    faults = SCENARIO.faults
    assert EXIT[outcome().status(faults)] == 0
    assert EXIT[outcome(checks=FAILS).status(faults)] == 1
    assert EXIT[outcome(checks=UNCLEAR).status(faults)] == 3
    assert EXIT[Outcome(7, error="boom").status(faults)] == 3


def test_a_failed_threshold_fails_the_run():
    slow = outcome()
    slow.thresholds = [Verdict("latency p(99)<1ms", "fails", "measured 49 ms")]
    assert slow.status(SCENARIO.faults) == "fails"


def test_what_does_not_apply_decides_nothing():
    checks = [*HOLDS, Verdict("reference", "not applicable", "no transactions")]
    assert outcome(checks=checks).status(SCENARIO.faults) == "holds"


def test_a_fault_that_never_struck_makes_a_run_inconclusive_but_hides_no_failure():
    assert outcome(strikes=[14, 0]).status(SCENARIO.faults) == "inconclusive"
    assert outcome(strikes=[]).status(SCENARIO.faults) == "inconclusive"
    assert outcome(strikes=[14, 0], checks=FAILS).status(SCENARIO.faults) == "fails"


def test_in_a_sweep_a_fault_must_strike_in_one_of_the_seeds():
    assert swept(outcome(1, strikes=[1, 0]), outcome(2, strikes=[0, 1])).status == "holds"
    assert swept(outcome(1, strikes=[1, 0]), outcome(2, strikes=[4, 0])).status == "inconclusive"


def test_a_sweep_is_as_good_as_its_worst_seed():
    assert swept(outcome(1), outcome(2, FAILS), outcome(3, UNCLEAR)).status == "fails"
    assert swept(outcome(1), outcome(3, UNCLEAR)).status == "inconclusive"
    assert swept(outcome(1), Outcome(2, error="boom")).status == "inconclusive"
    assert swept(outcome(1), outcome(2), asked=3).status == "inconclusive"


def test_a_sweep_adds_up_in_the_order_of_the_seeds():
    sweep = swept(outcome(9), outcome(3), outcome(5))
    assert [each.seed for each in sweep.outcomes] == [3, 5, 9]
    assert sweep.metrics.sent == 1500
    assert sweep.metrics.strikes == [42, 9]


def test_the_command_says_everything_that_matters():
    assert TASK.command(3) == "python -m sim scenarios/crash.yaml --seed 3"
    task = Task("my scenarios/x.yaml", "apps/bank", "no_intent", True)
    assert task.command(3) == (
        "python -m sim 'my scenarios/x.yaml' --seed 3 --app apps/bank --planted no_intent "
        "--faults none"
    )
    assert Task("x.yaml", unchecked=True).command(3).endswith("x.yaml --seed 3 --unchecked")


def test_reasons_are_one_line():
    assert first_reason(outcome(checks=FAILS)) == "exactly_once fails: request 1 happened twice"
    assert first_reason(outcome(checks=UNCLEAR)) == "exactly_once inconclusive: nothing to examine"
    assert first_reason(Outcome(1, error="ValueError: x")) == "the run broke off: ValueError: x"
    assert first_reason(outcome()) == ""


def test_faults_in_words():
    assert [describe(fault) for fault in SCENARIO.faults] == [
        "crash at after_commit of Hotel, 2%",
        "partition between Hotel and store, every 10s",
    ]
    fault = Fault("store_error", error="not_committed", selector=Selector("A", "b"), nth=[1, 3])
    assert describe(fault) == "store_error not_committed of A.b, nth [1, 3]"
    assert unstruck(SCENARIO.faults, outcome(strikes=[5, 0]).metrics) == [
        "fault 2 (partition between Hotel and store, every 10s)"
    ]
