import contextlib
import dataclasses
import datetime as dt
import enum
import math
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import UnsupportedValue
from core.keys import KEYS_END, decode_key, encode_key, is_normal
from tests.core.strategies import KEY_TYPES, KEYS, NUMBERS, same


@given(KEYS)
def test_round_trip(key):
    decoded = decode_key(encode_key(key))
    assert decoded == key
    assert hash(decoded) == hash(key)
    assert encode_key(decoded) == encode_key(key)


@given(st.data())
def test_order_within_a_type_is_pythons(data):
    kind = data.draw(st.sampled_from(KEY_TYPES))
    left, right = data.draw(kind), data.draw(kind)
    assert (left < right) == (encode_key(left) < encode_key(right))
    assert (left == right) == (encode_key(left) == encode_key(right))


@given(st.lists(NUMBERS, max_size=3).map(tuple), st.lists(NUMBERS, max_size=3).map(tuple))
def test_tuples_sort_as_python_sorts_them(left, right):
    assert (left < right) == (encode_key(left) < encode_key(right))


@given(KEYS, KEYS)
@example("a", "a\x00")
@example(1, 1.5)
@example((), ((),))
def test_no_key_is_the_beginning_of_another(left, right):
    first, second = encode_key(left), encode_key(right)
    assert (first == second) == (left == right)
    if first != second:
        assert not second.startswith(first)
        assert not first.startswith(second)


@given(KEYS)
def test_every_key_sorts_between_nothing_and_the_end(key):
    assert b"" < encode_key(key) < KEYS_END


@given(NUMBERS, NUMBERS)
@example(2**53 + 1, 2.0**53)
@example(2**70, 2.0**70 + 2**30)
@example(-1, -0.5)
@example(10**400, math.inf)
def test_ints_and_floats_are_one_order(left, right):
    assert (left < right) == (encode_key(left) < encode_key(right))


@given(KEYS)
@example(-0.0)
@example((True, (1.0, "a")))
@example(dt.datetime(2026, 10, 25, 2, 30, fold=1))
def test_a_normal_spelling_is_what_is_decoded(key):
    decoded = decode_key(encode_key(key))
    assert is_normal(decoded)
    assert is_normal(key) == same(decoded, key)


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


@dataclasses.dataclass(frozen=True)
class Spot:
    x: float
    note: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass(frozen=True)
class Circle(Spot):
    pass


class Pair(NamedTuple):
    one: int
    two: str


class Frozen(msgspec.Struct, frozen=True):
    x: int


BERLIN, PARIS = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris")
TWICE, GAP = dt.datetime(2026, 10, 25, 2, 30), dt.datetime(2026, 3, 29, 2, 30)
EQUAL_OR_NOT = [
    *(1, True, 1.0, Decimal("1.00"), enum.IntEnum("One", "ONE").ONE, 0.5, Decimal("0.50"), -1.5),
    *(Decimal("-1.5"), 0.1, Decimal("0.1"), Decimal.from_float(0.1), math.inf, Decimal("Infinity")),
    *("red", Colour.RED, Size.SMALL, Size.LARGE, (1, "a"), (True, "a"), Pair(1, "a"), Frozen(1)),
    *(Frozen(True), Frozen(2), Spot(1), Spot(True, "n"), Circle(1), Spot(2), frozenset({1, "a"})),
    *(frozenset({"a", True}), frozenset(), dt.timedelta(1), dt.timedelta(hours=24), dt.time(1)),
    *(dt.time(1, fold=1), dt.time(1, tzinfo=dt.UTC), dt.time(1, tzinfo=BERLIN)),
    dt.time(3, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    *(
        moment.replace(tzinfo=zone, fold=fold)
        for moment in (TWICE, GAP, TWICE.replace(hour=0), TWICE.replace(hour=1))
        for zone in (None, dt.UTC, BERLIN, PARIS)
        for fold in (0, 1)
    ),
]


@pytest.mark.parametrize("one", EQUAL_OR_NOT, ids=lambda one: type(one).__name__)
def test_what_is_equal_in_python_is_one_key(one):
    for other in EQUAL_OR_NOT:
        assert (encode_key(one) == encode_key(other)) == (one == other), other
        if one == other:
            assert hash(one) == hash(other)


EXACT = st.decimals(allow_nan=False) | NUMBERS | st.decimals(-2, 2, allow_nan=False, places=3)


@given(EXACT, EXACT)
@example(Decimal("0.1"), 0.1)
@example(Decimal("0.3"), 0.3)
@example(Decimal("-0.1"), -0.1)
@example(Decimal("1E-400"), Decimal("1E-401"))
@example(Decimal("0.99999999999999999999"), 1)
@example((Decimal("0.1"), "a"), (Decimal("0.1"), "b"))
def test_decimals_are_in_the_order_of_all_numbers(left, right):
    first, second = encode_key(left), encode_key(right)
    assert (left < right, left == right) == (first < second, first == second)
    assert first == second or not second.startswith(first)


@dataclasses.dataclass(frozen=True)
class OwnEquality:
    x: int

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


@dataclasses.dataclass
class Thawed:
    x: int


class Loose(msgspec.Struct):
    x: int


@pytest.mark.parametrize(
    "key",
    [
        math.nan,
        (1, math.nan),
        Decimal("NaN"),
        Decimal("1E+999999999"),
        [1],
        frozenset({object()}),
        object(),
        OwnEquality(1),
        Thawed(1),
        Loose(1),
    ],
)
def test_other_keys_are_refused(key):
    with pytest.raises(UnsupportedValue, match="key"):
        encode_key(key)


@given(st.binary(max_size=20) | KEYS.map(lambda key: encode_key(key)[:-1]))
def test_damaged_keys_decode_or_are_refused(data):
    with contextlib.suppress(UnsupportedValue):
        decode_key(data)


@given(KEYS)
def test_cut_keys_are_refused(key):
    with pytest.raises(UnsupportedValue):
        decode_key(encode_key(key)[:-1])
