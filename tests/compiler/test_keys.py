# ruff: noqa: E501 - the programs in strings are as users write them
"""Keys of persistent fields stay as they were given; what cannot be one is refused."""

import datetime as dt
from zoneinfo import ZoneInfo

from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import compare, compiled, write_app

BOARD = """
import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple

class Colour(StrEnum):
    RED = "red"

class Grade(IntEnum):
    BAD = 5

class Size(Enum):
    S = 1
    L = 2

@dataclass(frozen=True)
class Spot:
    x: float
    y: int = 0

class Pair(NamedTuple):
    a: int
    b: str

KEYS = {
    "ints": [1, 2, 0], "bools": [True, False], "floats": [1.0, 2.0, 0.5, -0.0],
    "decimals": [Decimal("0.10"), Decimal("1.0"), Decimal("0.5")],
    "colours": [Colour.RED], "texts": ["red", "blue"], "grades": [Grade.BAD], "sizes": [Size.L, Size.S],
    "spots": [Spot(1), Spot(True, 0), Spot(0, 3)], "pairs": [Pair(1, "a")], "tuples": [(1, "a"), (True, 2.0)],
    "sets": [frozenset({1, True, "x"})], "spans": [dt.timedelta(1), dt.timedelta(seconds=-1)],
}

@service
class Board:
    def __init__(self):
        self.items: Persistent[dict[Hashable, int]] = {}
        self.seen: Persistent[set[Any]] = set()
        self.typed: Persistent[dict[tuple[Spot, Colour | None, Decimal], list[list[int]]]] = {True: [[1]]}

    def put(self, kind):
        for key in KEYS[kind]:
            self.items[key] = self.items.get(key, 0) + 1
            self.seen.add(key)
        return self.shown()

    def shown(self):
        return [f"{key!r} {n}" for key, n in self.items.items()], [repr(each) for each in self.seen]

    def drop(self, kind):
        with transaction():
            for key in KEYS[kind]:
                self.items.pop(key, None)
                self.seen.discard(key)
            before = self.shown()
            try:
                with transaction():
                    self.items.clear()
                    self.seen.clear()
                    self.items[Colour.RED] = 1
                    abort()
            except TransactionException:
                return before, self.shown()

    def last(self):
        return repr(self.items.popitem()), repr(self.seen.pop()), len(self.items), len(self.seen)

    def slot(self, when):
        self.items[when] = 1
        return [(key.isoformat(), key.hour, key.fold) for key in self.items]

    def initial(self):
        return repr(dict(self.typed)), True in self.typed, 1 in self.typed
"""


def test_keys_are_as_they_were_first_given(tmp_path):
    kinds = ["bools", "ints", "floats", "decimals", "colours", "texts", "grades", "sizes"]
    kinds += ["spots", "pairs", "tuples", "sets", "spans"]
    calls = [("Board.put", kind) for kind in [*kinds, *reversed(kinds)]]
    calls += [("Board.drop", kind) for kind in ("ints", "texts", "tuples")]
    calls += [("Board.put", "ints"), ("Board.put", "texts"), *[("Board.last",)] * 4]
    answers = compare(compiled(tmp_path, BOARD), [("Board.initial",), *calls])
    assert answers[0] == ("returned", ("{True: [[1]]}", True, True))
    assert answers[1] == ("returned", (["False 1", "True 1"], ["False", "True"]))
    assert answers[2] == ("returned", (["False 2", "True 2", "2 1"], ["False", "True", "2"]))
    text = str(answers)
    assert "Spot(x=1, y=0) 2" in text  # the first of the equal ones
    assert "Decimal('0.10') 1" in text
    assert "'red' 1" in text  # put anew after StrEnum.RED was dropped


def test_times_keep_their_zone_and_fold(tmp_path):
    berlin, twice = ZoneInfo("Europe/Berlin"), dt.datetime(2026, 10, 25, 2, 30)
    moments = [
        dt.datetime(2026, 10, 25, 14, tzinfo=berlin),
        dt.datetime(2026, 10, 25, 13, tzinfo=dt.UTC),
    ]
    moments += [twice.replace(tzinfo=berlin, fold=1), twice.replace(tzinfo=berlin)]
    answers = compare(compiled(tmp_path, BOARD), [("Board.slot", each) for each in moments])
    shown = [("2026-10-25T02:30:00+01:00", 2, 1), ("2026-10-25T14:00:00+01:00", 14, 0)]
    assert answers == [("returned", shown[1:])] * 2 + [("returned", shown)] * 2


def test_classes_that_cannot_be_keys_are_refused(tmp_path):
    source = """
    from dataclasses import dataclass
    from fractions import Fraction
    import msgspec

    @dataclass
    class Open:
        x: int

    @dataclass(frozen=True)
    class Own:
        x: int
        def __eq__(self, other): return True
        def __hash__(self): return 1

    class Loose(msgspec.Struct):
        x: int

    @service
    class S:
        def __init__(self):
            self.a: Persistent[dict[Open, int]] = {}
            self.b: Persistent[set[tuple[int, Own]]] = set()
            self.c: Persistent[dict[Fraction, list[Open]]] = {}
            self.d: Persistent[set[Loose]] = set()
        def m(self): pass
    """
    try:
        load(write_app(tmp_path, source))
        raise AssertionError("it compiles")
    except CompileErrors as errors:
        found = [(error.line, error.what.split(":")[0], error.remedy) for error in errors.errors]
    assert [line for line, _, _ in found] == [23, 24, 25, 26]
    assert [what.split()[2] for _, what, _ in found] == ["Open", "Own", "Fraction", "Loose"]
    assert ["frozen=True" in remedy for _, _, remedy in found] == [True, True, False, True]
