"""The witness sees whatever a codec loses, and nothing else."""

import datetime as dt
import enum
import math
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from unittest import mock

import pytest
from hypothesis import given

from core import codec as core_codec
from core.codec import Codec
from experiment.faithful import Witness, damage, same
from tests.core.strategies import VALUES


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


@dataclass
class Point:
    x: float
    tags: list[str]


Pair = namedtuple("Pair", ["one", "other"])

DIFFERENT = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    (0.1, 0.1000001),
    ("1", 1),
    ((1,), [1]),
    ([1, 2], [2, 1]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1}, {True}),
    ({1.5, 2.5}, {1.5, 3.5}),
    ({1}, frozenset({1})),
    (b"a", "a"),
    (Decimal("1.0"), Decimal("1.00")),
    (Colour.RED, Colour.GREEN),
    (Point(1.0, ["a"]), Point(1.0, ["b"])),
    (Pair(1, 2), (1, 2)),
    (dt.datetime(2024, 1, 1, 13, tzinfo=dt.UTC),
     dt.datetime(2024, 1, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_not_the_same(one, other):
    assert same(one, one)
    assert not same(one, other)
    assert not same([{"in": (one,)}], [{"in": (other,)}])


def test_not_a_number_is_itself():
    assert same(math.nan, math.nan)
    assert same({math.nan, 1.0}, {float("nan"), 1.0})


@given(VALUES)
def test_values_come_through(value):
    codec = Witness([])
    codec.encode(value)
    assert not codec.damaged


def test_a_codec_that_loses_something_is_told():
    codec = Codec([Point])
    original = core_codec._encode

    def cut(value):
        value = [round(v, 1) if isinstance(v, float) else v for v in value]
        return original(value)

    with mock.patch.object(core_codec, "_encode", cut):
        data = codec.encode([0.25, "a"])
    assert damage(codec, [0.25, "a"], data) == "[0.25, 'a'] came through the codec as [0.2, 'a']"
    assert not damage(codec, [0.5], codec.encode([0.5]))
