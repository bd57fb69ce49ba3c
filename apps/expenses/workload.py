"""The load of the expenses: some file, managers approve, anybody may ask how many wait."""

import random
from collections.abc import Callable
from typing import Any

from apps.expenses.services import Expenses, Payroll
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "CALLERS",
    "MIX",
    "managers_alone_approve",
    "nobody_approves_their_own",
    "what_is_paid_is_noted",
]

CALLERS = {
    "ada": {"roles": ["clerk"]},
    "bob": {"roles": ["clerk"]},
    "cleo": {"roles": ["clerk", "manager"]},
    "dan": {"roles": ["manager"]},
}

MIX = {"Expenses.file": 4.0, "Expenses.approve": 4.0, "Expenses.waiting": 1.0}

_NUMBERS = 400
"""Of expenses: few enough for what is filed to be approved."""


def _file(rng: random.Random) -> tuple[Any, ...]:
    return (rng.randrange(_NUMBERS), rng.randint(1, 10_000))


def _approve(rng: random.Random) -> tuple[Any, ...]:
    return (rng.randrange(_NUMBERS),)


def _waiting(_rng: random.Random) -> tuple[Any, ...]:
    return ()


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Expenses.file": _file,
    "Expenses.approve": _approve,
    "Expenses.waiting": _waiting,
}


def managers_alone_approve() -> None:
    """Whoever had something paid is a manager."""
    managers = {name for name, claims in CALLERS.items() if "manager" in claims["roles"]}
    for number, paid in instance(Payroll).paid.items():
        assert paid.by in managers, f"expense {number} was approved by {paid.by or 'nobody'}"


def nobody_approves_their_own() -> None:
    """Who is paid is not who approved it."""
    for number, paid in instance(Payroll).paid.items():
        assert paid.who != paid.by, f"{paid.who} approved expense {number}, their own"


def what_is_paid_is_noted() -> None:
    """The notes say of each payment who had it made, once."""
    payroll = instance(Payroll)
    noted = sorted(note.partition(",")[0] for note in payroll.notes)
    paid = sorted(f"{number} by {each.by}" for number, each in payroll.paid.items())
    assert noted == paid, f"{noted} is noted, and {paid} is paid"
    assert not set(payroll.paid) & set(instance(Expenses).filed), "what is paid still waits"
