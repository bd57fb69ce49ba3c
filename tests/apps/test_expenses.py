import pytest

from apps.expenses.services import Expenses, NotYours, Paid, Payroll
from core.callers import made_caller
from core.errors import BadRequest, Forbidden

APP = "apps/expenses"
ADA, DAN = made_caller("ada", ["clerk"]), made_caller("dan", ["manager"])


def test_what_is_filed_and_approved_is_paid(running):
    assert running.run("Expenses.file", 1, 250, caller=ADA)
    assert not running.run("Expenses.file", 1, 999, caller=DAN)
    assert running.run("Expenses.waiting") == 1
    assert running.run("Expenses.approve", 1, caller=DAN)
    assert not running.run("Expenses.approve", 1, caller=DAN)
    assert running.state(Payroll).paid == {1: Paid("ada", 250, "dan")}
    assert running.state(Payroll).notes == ["1 by dan, manager"]
    assert running.run("Expenses.waiting") == 0
    running.check()


def test_nobody_approves_their_own(running):
    running.run("Expenses.file", 1, 250, caller=DAN)
    with pytest.raises(NotYours):
        running.run("Expenses.approve", 1, caller=DAN)
    assert set(running.state(Expenses).filed) == {1}
    running.check()


def test_who_may_not_is_turned_away(running):
    for call, args, caller in (
        ("Expenses.file", (1, 2), made_caller("")),
        ("Expenses.approve", (1,), ADA),
    ):
        with pytest.raises(Forbidden):
            running.run(call, *args, caller=caller)
    with pytest.raises(BadRequest):
        running.run("Payroll.pay", 1, "dan", 100, caller=DAN)
    with pytest.raises(BadRequest):
        running.run("Payroll.note", 1, caller=DAN)


def test_the_invariants_see_what_is_wrong(running):
    running.state(Payroll).paid[1] = Paid("ada", 250, "ada")
    for name in running.workload.invariants:
        with pytest.raises(AssertionError):
            running.check(name)


def test_facts(running):
    assert running.facts("Expenses.waiting").read_only
    assert running.facts("Expenses.file").single_region
    assert running.facts("Expenses.approve").footprint == {
        "Expenses.filed",
        "Payroll.numbers",
        "Payroll.paid",
        "Payroll.notes",
    }
    assert running.facts("Expenses.file").footprint == {"Expenses.filed", "Expenses.numbers"}
