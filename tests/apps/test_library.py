import pytest

from apps.library.services import (
    FINE,
    MOST_OWED,
    POSTAGE,
    Desk,
    Letters,
    Loan,
    Readers,
    Shelves,
    Slips,
)
from apps.library.workload import COPIES

APP = "apps/library"
READER, OTHER = "elm-1", "elm-2"
RARE, COMMON = "title-00", "title-02"


def overdue(running, reader, title):
    """Let a reader have kept a book for long."""
    loans = running.state(Desk).loans
    loan = loans[reader, title]
    loans[reader, title] = Loan(1.0, loan.in_the_book, loan.at_the_desk)


def test_a_loan_has_two_slips_of_its_own(running):
    assert running.run("Desk.borrow", READER, COMMON) == "lent"
    assert running.run("Desk.borrow", OTHER, COMMON) == "lent"
    loans = running.state(Desk).loans
    slips = [(loan.in_the_book, loan.at_the_desk) for loan in loans.values()]
    assert slips == [(1, 2), (3, 4)]
    assert running.run("Desk.lent", READER) == [COMMON]
    running.check()


def test_the_last_copy_is_lent_once(running):
    assert running.run("Desk.borrow", READER, RARE) == "lent"
    assert running.run("Desk.borrow", OTHER, RARE) == "none left"
    assert running.run("Desk.give_back", READER, RARE) == "thanks"
    assert running.run("Desk.borrow", OTHER, RARE) == "lent"
    running.check()


def test_nobody_has_a_title_twice(running):
    running.run("Desk.borrow", READER, COMMON)
    assert running.run("Desk.borrow", READER, COMMON) == "has it"
    assert running.state(Shelves).copies[COMMON] == COPIES[COMMON] - 1
    running.check()


def test_who_keeps_a_book_too_long_gets_a_letter_and_pays(running):
    assert running.run("Desk.give_back", READER, COMMON) == "not lent"
    for reader in (READER, OTHER, "mill-1"):
        running.run("Desk.borrow", reader, COMMON)
        overdue(running, reader, COMMON)
    assert sorted(running.run("Desk.remind", "elm")) == [READER, OTHER]
    assert sorted(running.state(Letters).written.values()) == [READER, OTHER]
    assert running.run("Desk.give_back", READER, COMMON) == "late"
    running.check()
    assert running.run("Readers.pay", READER) == POSTAGE + FINE
    assert running.run("Readers.pay", READER) == 0
    running.check()


def test_whoever_owes_too_much_gets_nothing(running):
    running.state(Readers).owed[READER] = MOST_OWED + 1
    assert running.run("Desk.borrow", READER, COMMON) == "owes too much"


def test_facts(running):
    assert running.facts("Desk.lent").read_only
    assert running.facts("Readers.debt").read_only
    assert not running.facts("Desk.borrow").single_region


@pytest.mark.parametrize(
    ("cls", "field", "key", "told"),
    [
        (Shelves, "copies", COMMON, f"{COMMON} has 20 copies, but 21 are found"),
        (Shelves, "missed", COMMON, f"{COMMON} was missed 1 times, but 0 were sent away"),
        (Slips, "drawn", COMMON, "1 slips of .* were drawn, but used are \\[\\]"),
        (Readers, "owed", READER, "1 cents charged for 0 late books, 0 letters"),
    ],
)
def test_what_does_not_add_up_is_noticed(running, cls, field, key, told):
    content = getattr(running.state(cls), field)
    content[key] = content.get(key, 0) + 1
    with pytest.raises(AssertionError, match=told):
        running.check()
