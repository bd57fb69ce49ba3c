import contextlib
import datetime as dt
import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import UnsupportedValue
from core.keys import KEYS_END, decode_key, encode_key, normal_key
from tests.core.strategies import KEY_TYPES, KEYS, NUMBERS


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


@pytest.mark.parametrize(
    ("key", "normal"),
    [(True, 1), (2.0, 2), (-0.0, 0), ((True, (1.0, "a")), (1, (1, "a"))), ("a", "a"), (7, 7)],
)
def test_equal_keys_are_one_key(key, normal):
    assert normal_key(key) == normal
    assert repr(normal_key(key)) == repr(normal)


def test_an_aware_datetime_is_its_instant():
    zone = dt.timezone(dt.timedelta(hours=2))
    assert normal_key(dt.datetime(2024, 1, 1, 2, tzinfo=zone)).isoformat() == (
        "2024-01-01T00:00:00+00:00"
    )


@pytest.mark.parametrize(
    "key",
    [
        math.nan,
        (1, math.nan),
        Decimal(1),
        [1],
        frozenset({1}),
        object(),
        dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
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
