"""Accounts are kept by two branches; the bank moves money between any two of them.

Only the bank itself pays in and out: from outside that would be money for nothing. An account is
named after its branch, ``north-07`` or ``south-42``. Amounts are in cents.
"""

from typing import NamedTuple

from compiler import Persistent, call, gather, internal, service, spawn, transaction

__all__ = ["REPORTED_FROM", "Bank", "InsufficientFunds", "North", "South", "Transfer"]

REPORTED_FROM = 9_500
"""Transfers of this amount or more are put on record."""


class InsufficientFunds(Exception):
    """The account holds less than was asked for."""


class Transfer(NamedTuple):
    """Money that went from one account to another."""

    source: str
    target: str
    amount: int


@service
class North:
    """Balances of the northern branch."""

    def __init__(self) -> None:
        self.balances: Persistent[dict[str, int]] = {}

    @internal
    def deposit(self, account: str, amount: int) -> None:
        """Add ``amount`` to the account."""
        self.balances[account] = self.balances.get(account, 0) + amount

    @internal
    def withdraw(self, account: str, amount: int) -> None:
        """Take ``amount`` from the account.

        :raises InsufficientFunds: it holds less.
        """
        balance = self.balances.get(account, 0)
        if balance < amount:
            raise InsufficientFunds(account, balance)
        self.balances[account] = balance - amount

    def total(self) -> int:
        """What all accounts hold together."""
        return sum(self.balances.values())


@service
class South:
    """Balances of the southern branch."""

    def __init__(self) -> None:
        self.balances: Persistent[dict[str, int]] = {}

    @internal
    def deposit(self, account: str, amount: int) -> None:
        """Add ``amount`` to the account."""
        self.balances[account] = self.balances.get(account, 0) + amount

    @internal
    def withdraw(self, account: str, amount: int) -> None:
        """Take ``amount`` from the account.

        :raises InsufficientFunds: it holds less.
        """
        balance = self.balances.get(account, 0)
        if balance < amount:
            raise InsufficientFunds(account, balance)
        self.balances[account] = balance - amount

    def total(self) -> int:
        """What all accounts hold together."""
        return sum(self.balances.values())


@service
class Bank:
    """Where customers ask."""

    def __init__(self) -> None:
        self.reported: Persistent[list[Transfer]] = []

    async def transfer(self, source: str, target: str, amount: int) -> None:
        """Move ``amount`` from one account to another, which may be at the other branch.

        :raises InsufficientFunds: ``source`` holds less; nothing was moved.
        :raises ValueError: the amount is not positive.
        """
        if amount <= 0:
            raise ValueError(f"cannot move {amount} cents")
        async with transaction():
            # The money arrives before it leaves: if it cannot leave, the exception undoes both.
            self._deposit(target, amount)
            self._withdraw(source, amount)
            if amount >= REPORTED_FROM:
                self.reported.append(Transfer(source, target, amount))

    async def share(self, source: str, targets: list[str], amount: int) -> None:
        """Move ``amount`` to each of ``targets``, side by side: all of them get it or none.

        :raises InsufficientFunds: ``source`` holds less than all of it; nothing was moved.
        """
        async with transaction():
            await gather(*[spawn(Bank.transfer, source, target, amount) for target in targets])

    async def audit(self) -> int:
        """What both branches hold at one moment."""
        north, south = await gather(spawn(North.total), spawn(South.total))
        return north + south

    def _deposit(self, account: str, amount: int) -> None:
        if account.startswith("north"):
            call(North.deposit, account, amount)
        else:
            call(South.deposit, account, amount)

    def _withdraw(self, account: str, amount: int) -> None:
        if account.startswith("north"):
            call(North.withdraw, account, amount)
        else:
            call(South.withdraw, account, amount)
