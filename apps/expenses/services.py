"""Whoever spent money files it, another who is a manager approves it, and the payroll pays.

Who asks is known at the edge and carried along: the payroll notes who approved what it pays,
though nobody tells it. Nobody from outside can make it pay.
"""

from typing import NamedTuple

from compiler import Persistent, allow, call, caller, internal, service, transaction

__all__ = ["Expenses", "Filed", "NotYours", "Paid", "Payroll"]


class NotYours(Exception):
    """Whoever asks may not do this to the expense."""


class Filed(NamedTuple):
    """An expense that waits to be approved, in cents."""

    who: str
    cents: int


class Paid(NamedTuple):
    """What was paid, and who approved it."""

    who: str
    cents: int
    by: str


class Numbered:
    """What is kept by number, each number once."""

    def __init__(self) -> None:
        self.numbers: Persistent[set[int]] = set()

    def _take(self, number: int) -> bool:
        """Whether the number was free; now it is not."""
        if number in self.numbers:
            return False
        self.numbers.add(number)
        return True


@service
class Expenses(Numbered):
    """Where people ask."""

    def __init__(self) -> None:
        super().__init__()
        self.filed: Persistent[dict[int, Filed]] = {}

    @allow()
    def file(self, number: int, cents: int) -> bool:
        """File what whoever asks has spent; whether the number was free."""
        if not self._take(number):
            return False
        self.filed[number] = Filed(self.asking, cents)
        return True

    @allow("manager")
    async def approve(self, number: int) -> bool:
        """Have an expense paid; whether there is one.

        :raises NotYours: it is the manager's own.
        """
        async with transaction():
            expense = self.filed.pop(number, None)
            if expense is None:
                return False
            if expense.who == self.asking:
                raise NotYours(number)
            call(Payroll.pay, number, expense.who, expense.cents)
        call(Payroll.note, number)
        return True

    def waiting(self) -> int:
        """How many expenses wait."""
        return len(self.filed)

    @property
    def asking(self) -> str:
        """Who asks."""
        return caller().subject


@service(internal=True)
class Payroll(Numbered):
    """Pays, and keeps the books."""

    def __init__(self) -> None:
        super().__init__()
        self.paid: Persistent[dict[int, Paid]] = {}
        self.notes: Persistent[list[str]] = []

    def pay(self, number: int, who: str, cents: int) -> None:
        """Pay an expense that whoever asks has approved."""
        assert self._take(number), f"expense {number} is paid twice"
        self.paid[number] = Paid(who, cents, caller().subject)

    @internal
    def note(self, number: int) -> None:
        """Note who had it paid, and in which role."""
        asking = caller()
        self.notes.append(f"{number} by {asking.subject}, {', '.join(sorted(asking.roles))}")
