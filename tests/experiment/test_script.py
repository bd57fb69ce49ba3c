"""Scripts: what calls are to give, in every world, and what is told when they do not."""

from pathlib import Path

import pytest

from experiment import __main__ as plain
from experiment.outcome import Task
from experiment.preparation import prepare
from experiment.scenario.model import Step
from experiment.script import Came, misfit
from sim.execution import execute

ROOT = Path(__file__).parents[2]
CALLS = ROOT / "apps/hotel/calls.yaml"


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("step", "came", "says"),
    [
        (Step("A.b", gives=[1]), Came(1), ""),
        (Step("A.b", gives=[[1, 2]]), Came((1, 2)), ""),
        (Step("A.b", gives=[["a", "b"]]), Came({"b", "a"}), ""),
        (Step("A.b", gives=[None]), Came(None), ""),
        (Step("A.b"), Came({"any": "thing"}), ""),
        (Step("A.b", raises="Full"), Came(raised="Full", text="no room"), ""),
        (Step("A.b", ["x"], gives=[1]), Came(2), 'A.b("x") should give 1, but it gave 2'),
        (Step("A.b", gives=[1]), Came(True), "A.b() should give 1, but it gave true"),
        (Step("A.b", gives=[None]), Came(0), "A.b() should give null, but it gave 0"),
        (Step("A.b", gives=[1]), Came(raised="Full"), "should give 1, but it raised Full"),
        (Step("A.b", raises="Full"), Came(1), "A.b() should raise Full, but it gave 1"),
        (Step("A.b", raises="Full"), Came(raised="Empty"), "should raise Full, but it raised Emp"),
        (Step("A.b"), Came(raised="Full", text="x"), "A.b(): it raised Full: x"),
        (Step("A.b"), Came(failed="indefinite"), "A.b(): there was no answer: indefinite"),
        (Step("A.b", raises="Full"), Came(failed="x"), "should raise Full, but there was no an"),
    ],
)
def test_what_fits(step, came, says):
    wrong = misfit(step, came)
    assert bool(wrong) == bool(says)
    assert says in wrong


def edited(tmp_path, old, new):
    file = tmp_path / "calls.yaml"
    text = CALLS.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return str(file)


def test_the_plain_classes_give_what_the_script_says(capsys):
    assert plain.main([str(CALLS)]) == 0
    said = capsys.readouterr().out
    assert said.count("right  ") == 5
    assert "5 of 5 calls gave what the script says." in said


def test_the_plain_classes_give_something_else(tmp_path, capsys):
    file = edited(tmp_path, "raises: TransactionException", "gives: x")
    assert plain.main([file]) == 1
    said = capsys.readouterr().out
    assert "wrong  Frontend.book(" in said
    assert 'should give "x", but it raised TransactionException: no room in hotel-00' in said
    assert "4 of 5 calls gave what the script says." in said


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("scenarios/smoke.yaml", "scenarios/smoke.yaml: no load is a script; write"),
        ("none.yaml", "none.yaml: there is no such file"),
    ],
)
def test_bad_input(capsys, file, says):
    assert plain.main([file]) == 2
    assert says in capsys.readouterr().err


def simulated(file):
    prepared = prepare(Task(str(file)))
    _, outcome = execute(prepared, prepared.scenario)
    return outcome, {verdict.name: verdict for verdict in outcome.checks}


def test_the_simulator_gives_what_the_script_says():
    outcome, verdicts = simulated(CALLS)
    assert outcome.judged == "holds"
    assert verdicts["answers"].detail == "5 calls"


def test_under_crashes_the_answers_are_the_same(tmp_path):
    faults = "faults: [{kind: crash, at: any, probability: 15%}]\nheal: 60s"
    outcome, verdicts = simulated(edited(tmp_path, "heal: 5s", faults))
    assert outcome.judged == "holds"
    assert outcome.metrics.strikes[0] > 3
    assert verdicts["answers"].status == "holds"


def test_the_simulator_gives_something_else(tmp_path):
    outcome, verdicts = simulated(edited(tmp_path, "[100000, 1]", "[100000, 2]"))
    assert outcome.judged == "fails"
    assert verdicts["answers"].evidence == [
        'Frontend.show("flight-00", "hotel-00") should give [100000,2], but it gave [100000,1]'
    ]
