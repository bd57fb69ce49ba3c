"""Lending without a transaction: ask, act, look again, and put right what came to nothing.

The desk asks others before it acts, and what it was told may have changed by then. So
whoever is asked to act has the last word, with an exception where it is no, and what was
done before that is undone by the desk itself. A crash between two steps loses nothing: a
copy taken off its shelf ends up with a reader or on the shelf again.
"""

import time
from dataclasses import dataclass

from compiler import Persistent, call, service

__all__ = [
    "FINE",
    "LOAN_SECONDS",
    "MOST_OWED",
    "POSTAGE",
    "Desk",
    "Letters",
    "Loan",
    "NoneLeft",
    "Readers",
    "Shelves",
    "Slips",
]

LOAN_SECONDS = 1.5
"""How long a book may be kept."""

FINE = 100
"""Cents for a book that comes back late."""

POSTAGE = 60
"""Cents for a letter."""

MOST_OWED = 200
"""Cents; whoever owes more gets no books."""


class NoneLeft(Exception):
    """All copies are lent."""


@dataclass(frozen=True)
class Loan:
    """A book lent until ``due`` (Unix seconds), on one slip in the book and one at the desk."""

    due: float
    in_the_book: int
    at_the_desk: int


@service
class Shelves:
    """The copies that are there, and how often a title was asked for in vain."""

    def __init__(self) -> None:
        self.copies: Persistent[dict[str, int]] = {}
        self.missed: Persistent[dict[str, int]] = {}

    def take(self, title: str) -> int:
        """Take a copy; how many are left.

        :raises NoneLeft: there is none, and that is put on record.
        """
        left = self.copies.get(title, 0)
        if left == 0:
            self.missed[title] = self.missed.get(title, 0) + 1
            raise NoneLeft(title)
        self.copies[title] = left - 1
        return left - 1

    def put_back(self, title: str) -> None:
        """Put a copy where it was."""
        self.copies[title] = self.copies.get(title, 0) + 1


@service
class Slips:
    """Numbered slips, a block of them for each title."""

    def __init__(self) -> None:
        self.drawn: Persistent[dict[str, int]] = {}

    def draw(self, title: str) -> int:
        """The next slip of the title's block."""
        number = self.drawn.get(title, 0) + 1
        self.drawn[title] = number
        return number


@service
class Readers:
    """What readers owe and have paid, in cents."""

    def __init__(self) -> None:
        self.owed: Persistent[dict[str, int]] = {}
        self.paid: Persistent[dict[str, int]] = {}

    def debt(self, reader: str) -> int:
        """What the reader owes."""
        return self.owed.get(reader, 0)

    def charge(self, reader: str, amount: int) -> None:
        """Let the reader owe ``amount`` more."""
        self.owed[reader] = self.owed.get(reader, 0) + amount

    def pay(self, reader: str) -> int:
        """Pay all that is owed; how much that was."""
        amount = self.owed.pop(reader, 0)
        if amount:
            self.paid[reader] = self.paid.get(reader, 0) + amount
        return amount


@service
class Letters:
    """The letters of each street, numbered as they were written."""

    def __init__(self) -> None:
        self.written: Persistent[dict[tuple[str, int], str]] = {}
        self.numbers: Persistent[dict[str, int]] = {}

    def write(self, street: str, reader: str) -> int:
        """Write to the reader; the letter's number."""
        number = self.numbers.get(street, 0) + 1
        self.numbers[street] = number
        self.written[street, number] = reader
        return number


@service
class Desk:
    """Where readers come to: what is lent, and what became of slips that are done with."""

    def __init__(self) -> None:
        self.loans: Persistent[dict[tuple[str, str], Loan]] = {}
        self.filed: Persistent[dict[tuple[str, int], str]] = {}
        self.sent_away: Persistent[dict[str, int]] = {}

    def borrow(self, reader: str, title: str) -> str:
        """Lend a book: ``lent``, ``has it``, ``none left`` or ``owes too much``."""
        if call(Readers.debt, reader) > MOST_OWED:
            return "owes too much"
        try:
            call(Shelves.take, title)
        except NoneLeft:
            self.sent_away[title] = self.sent_away.get(title, 0) + 1
            return "none left"
        # The same call twice: each of the two slips has a number of its own.
        in_the_book = call(Slips.draw, title)
        at_the_desk = call(Slips.draw, title)
        if (reader, title) in self.loans:
            self._file(title, in_the_book, at_the_desk, "void")
            call(Shelves.put_back, title)
            return "has it"
        self.loans[reader, title] = Loan(time.time() + LOAN_SECONDS, in_the_book, at_the_desk)
        return "lent"

    def give_back(self, reader: str, title: str) -> str:
        """Take a book back: ``thanks``, ``late``, or ``not lent``."""
        loan = self.loans.pop((reader, title), None)
        if loan is None:
            return "not lent"
        became = "late" if time.time() > loan.due else "thanks"
        self._file(title, loan.in_the_book, loan.at_the_desk, became)
        call(Shelves.put_back, title)
        if became == "late":
            call(Readers.charge, reader, FINE)
        return became

    def remind(self, street: str) -> dict[str, int]:
        """Write one letter to whoever in the street keeps a book too long: letters by reader."""
        now = time.time()
        late = {
            reader
            for (reader, _), loan in self.loans.items()
            if reader.startswith(street) and loan.due < now
        }
        letters: dict[str, int] = {}
        for reader in late:
            letters[reader] = call(Letters.write, street, reader)
            call(Readers.charge, reader, POSTAGE)
        return letters

    def lent(self, reader: str) -> list[str]:
        """The titles that the reader has."""
        return [title for borrower, title in self.loans if borrower == reader]

    def _file(self, title: str, in_the_book: int, at_the_desk: int, became: str) -> None:
        """Put both slips of a loan away."""
        self.filed[title, in_the_book] = became
        self.filed[title, at_the_desk] = became
