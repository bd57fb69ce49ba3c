"""Python values as JSON, and back by their types."""

import datetime as dt
import enum
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.runtime.public.results import json_bytes


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Rank(enum.IntEnum):
    FIRST = 1
    SECOND = 2


class Pair(NamedTuple):
    left: int
    right: str


@dataclass(frozen=True)
class Box:
    label: str
    size: Size
    inside: "list[Box]"


class Crate(msgspec.Struct, rename="camel", tag="crate"):
    full_name: str
    item_count: int = 0


class Row(msgspec.Struct, array_like=True):
    first: int
    then: str


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
zones = st.timezones() | st.none()
moments = st.datetimes(timezones=st.just(dt.UTC) | st.none())
boxes = st.recursive(
    st.builds(Box, text, st.sampled_from(Size), st.just([])),
    lambda inner: st.builds(Box, text, st.sampled_from(Size), st.lists(inner, max_size=3)),
    max_leaves=6,
)
durations = st.timedeltas(dt.timedelta(-10_000), dt.timedelta(10_000))

KINDS = [
    (int, st.integers(-(10**50), 10**50)),
    (float, finite),
    (bool, st.booleans()),
    (str, text),
    (bytes, st.binary()),
    (Decimal, decimals),
    (UUID, st.uuids()),
    (dt.datetime, moments),
    (dt.date, st.dates()),
    (dt.time, st.times()),
    (dt.timedelta, durations),
    (Size, st.sampled_from(Size)),
    (Rank, st.sampled_from(Rank)),
    (Pair, st.builds(Pair, st.integers(), text)),
    (Box, boxes),
    (Crate, st.builds(Crate, text, st.integers())),
    (Row, st.builds(Row, st.integers(), text)),
    (int | None, st.none() | st.integers()),
    (list[Decimal], st.lists(decimals)),
    (tuple[int, str, bytes], st.tuples(st.integers(), text, st.binary())),
    (set[str], st.sets(text)),
    (frozenset[int], st.frozensets(st.integers())),
    (set[tuple[int, str]], st.sets(st.tuples(st.integers(), text))),
    (dict[str, Box], st.dictionaries(text, boxes, max_size=3)),
    (dict[int, str], st.dictionaries(st.integers(-(2**63), 2**63 - 1), text)),
    (dict[float, int], st.dictionaries(finite, st.integers())),
    (dict[UUID, int], st.dictionaries(st.uuids(), st.integers())),
    (dict[dt.date, int], st.dictionaries(st.dates(), st.integers())),
    (dict[dt.datetime, int], st.dictionaries(st.datetimes(), st.integers())),
    (dict[bytes, int], st.dictionaries(st.binary(), st.integers())),
    (dict[Size, int], st.dictionaries(st.sampled_from(Size), st.integers())),
    (dict[Rank, int], st.dictionaries(st.sampled_from(Rank), st.integers())),
    (dict[Decimal, int], st.dictionaries(decimals, st.integers())),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_value_of_a_type_comes_back(kind, values):
    decoder = msgspec.json.Decoder(kind)

    @given(values)
    def comes_back(value):
        written = json_bytes(value)
        json.loads(written)
        again = decoder.decode(written)
        assert again == value
        assert type(again) is type(value)
        assert json_bytes(again) == written

    comes_back()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.decimals() | st.uuids() | st.dates() | st.datetimes(timezones=zones)
    | st.times() | st.timedeltas() | st.sampled_from(Size) | st.sampled_from(Rank),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.frozensets(st.text() | st.integers(), max_size=3)
    | st.dictionaries(
        st.text() | st.integers() | st.booleans() | st.none() | st.floats()
        | st.tuples(st.text(), st.integers()) | st.binary(), inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(anything)
def test_there_is_always_some_json(value):
    """Strict JSON, without a name twice, and the same for the same value."""

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    written = json_bytes(value)
    json.loads(written, object_pairs_hook=unique, parse_constant=lambda name: 1 / 0)
    assert json_bytes(value) == written


def test_what_json_does_not_have():
    assert json_bytes([math.nan, math.inf, -math.inf]) == b"[null,null,null]"
    assert json_bytes({(1, 2): "a"}) == b'[[[1,2],"a"]]'
    assert json_bytes({True: 1, None: 2}) == b"[[true,1],[null,2]]"
    assert json_bytes({1: "a", "1": "b"}) == b'[[1,"a"],["1","b"]]'
    assert json_bytes({1: "a", 2: "b"}) == b'{"1":"a","2":"b"}'
    assert json_bytes("\ud800!").decode() == '"\ufffd!"'
    alike = {"\ud800": 1, chr(0xD801): 2}
    assert json_bytes(alike).decode() == '[["\ufffd",1],["\ufffd",2]]'
    assert json_bytes(2**200) == str(2**200).encode()
    assert json_bytes(ValueError("x")) == b"\"ValueError('x')\""
    assert json_bytes({}) == b"{}"


def test_the_order_of_a_dictionary_is_kept():
    assert json_bytes({"z": 1, "a": 2}) == b'{"z":1,"a":2}'


def test_sets_come_in_one_order_in_every_process():
    program = (
        "from backends.runtime.public.results import json_bytes\n"
        "print(json_bytes([{'pear', 'fig', 'apple', 'plum'}, {'in': frozenset('wxyz')}]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": str(seed)}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in range(4)
    }  # fmt: skip
    assert len(told) == 1
    assert "apple" in told.pop()
