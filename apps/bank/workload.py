"""The bank's load: transfers between accounts of both branches, now and then an audit."""

import random
from collections.abc import Callable
from typing import Any

from apps.bank.services import REPORTED_FROM, Bank, North, South
from compiler import instance

__all__ = [
    "ACCOUNTS",
    "ARGUMENTS",
    "MIX",
    "OPENING_BALANCE",
    "no_debts",
    "only_large_transfers_are_reported",
    "setup",
    "total_is_constant",
]

ACCOUNTS = [f"{branch}-{number:02}" for branch in ("north", "south") for number in range(100)]

OPENING_BALANCE = 10_000
"""Cents on every account before the first request: two large transfers are one too many."""

MIX = {"Bank.transfer": 8.0, "Bank.share": 1.0, "Bank.audit": 1.0}


def setup() -> None:
    """Every account is opened."""
    for account in ACCOUNTS:
        branch = instance(North) if account.startswith("north") else instance(South)
        branch.balances[account] = OPENING_BALANCE


def _transfer(rng: random.Random) -> tuple[Any, ...]:
    source, target = rng.sample(ACCOUNTS, 2)
    return (source, target, rng.randint(1, OPENING_BALANCE))


def _share(rng: random.Random) -> tuple[Any, ...]:
    source, *targets = rng.sample(ACCOUNTS, 4)
    return (source, targets, rng.randint(1, OPENING_BALANCE // 2))


def _audit(_rng: random.Random) -> tuple[Any, ...]:
    return ()


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Bank.transfer": _transfer,
    "Bank.share": _share,
    "Bank.audit": _audit,
}


def total_is_constant() -> None:
    """Transfers move money; they neither make nor lose any."""
    held = instance(North).total() + instance(South).total()
    paid_in = OPENING_BALANCE * len(ACCOUNTS)
    assert held == paid_in, f"{paid_in} cents were paid in, but the accounts hold {held}"


def no_debts() -> None:
    """No account is overdrawn."""
    for branch in (instance(North), instance(South)):
        for account, balance in branch.balances.items():
            assert balance >= 0, f"{account} is overdrawn by {-balance} cents"


def only_large_transfers_are_reported() -> None:
    """What is on record is large enough to be there."""
    for transfer in instance(Bank).reported:
        assert transfer.amount >= REPORTED_FROM, f"{transfer} is on record"
