"""The library's load: three streets of readers, twelve titles, some with a single copy."""

import random
from collections.abc import Callable
from typing import Any

from apps.library.services import FINE, POSTAGE, Desk, Letters, Readers, Shelves, Slips
from compiler import instance

__all__ = [
    "ARGUMENTS",
    "COPIES",
    "MIX",
    "READERS",
    "STREETS",
    "charges_have_a_reason",
    "copies_are_kept",
    "setup",
    "slips_are_used_once",
    "who_was_sent_away_is_on_record",
]

STREETS = ["elm", "mill", "park"]

READERS = [f"{street}-{number}" for street in STREETS for number in range(1, 9)]

COPIES = {f"title-{number:02}": {0: 1, 1: 2}.get(number % 3, 20) for number in range(12)}
"""Copies of each title before the first request."""

MIX = {
    "Desk.borrow": 5.0,
    "Desk.give_back": 3.0,
    "Desk.remind": 0.4,
    "Desk.lent": 0.6,
    "Readers.pay": 1.0,
}

_TITLES = list(COPIES)


def setup() -> None:
    """Every copy is on its shelf."""
    instance(Shelves).copies.update(COPIES)


def _loan(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(READERS), rng.choice(_TITLES))


def _reader(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(READERS),)


def _street(rng: random.Random) -> tuple[Any, ...]:
    return (rng.choice(STREETS),)


ARGUMENTS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "Desk.borrow": _loan,
    "Desk.give_back": _loan,
    "Desk.remind": _street,
    "Desk.lent": _reader,
    "Readers.pay": _reader,
}


def copies_are_kept() -> None:
    """Every copy is on its shelf or with a reader."""
    there, lent = instance(Shelves).copies, [title for _, title in instance(Desk).loans]
    for title, copies in COPIES.items():
        found = there.get(title, 0) + lent.count(title)
        assert found == copies, f"{title} has {copies} copies, but {found} are found"


def slips_are_used_once() -> None:
    """Every slip that was drawn is on one loan, or was filed."""
    desk = instance(Desk)
    used = list(desk.filed)
    for (_, title), loan in desk.loans.items():
        used += [(title, loan.in_the_book), (title, loan.at_the_desk)]
    for title, drawn in instance(Slips).drawn.items():
        numbers = sorted(number for of, number in used if of == title)
        wanted = list(range(1, drawn + 1))
        assert numbers == wanted, f"{drawn} slips of {title} were drawn, but used are {numbers}"


def charges_have_a_reason() -> None:
    """What readers owe and have paid is for books that came back late and for letters."""
    charged = sum(instance(Readers).owed.values()) + sum(instance(Readers).paid.values())
    late = sum(became == "late" for became in instance(Desk).filed.values()) // 2
    letters = len(instance(Letters).written)
    reasons = late * FINE + letters * POSTAGE
    assert charged == reasons, f"{charged} cents charged for {late} late books, {letters} letters"


def who_was_sent_away_is_on_record() -> None:
    """The desk sent readers away as often as there was no copy left."""
    missed, sent_away = instance(Shelves).missed, instance(Desk).sent_away
    for title in COPIES:
        times, told = missed.get(title, 0), sent_away.get(title, 0)
        assert times == told, f"{title} was missed {times} times, but {told} were sent away"
