"""JSON that says one thing only."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.runtime.public.strict_json import DEPTH_LIMIT, DIGIT_LIMIT, check_json
from core.errors import BadRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_what_is_json_is_taken_as_it_is(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert check_json(body) == value
    assert msgspec.json.decode(body) == value


@given(st.binary(max_size=40))
def test_anything_else_is_refused_and_nothing_worse(body):
    with contextlib.suppress(BadRequest):
        value = check_json(body)
        assert msgspec.json.decode(body) == value


NESTED = b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "two members called 'a'"),
        (b'[{"x": {"deep": 1, "deep": 1}}]', "two members called 'deep'"),
        (b'{"a": 1, "\\u0061": 2}', "two members called 'a'"),
        (b"{" + b",".join(b'"%d":0' % (n % 30_000) for n in range(60_001)) + b"}", "called '0'"),
        (b"[]" * 70 + b'"' + b'\\"' * 300_000, "line 1"),
        (b"[" * 65 + b'"' + b'\\"' * 300_000, "nested more than"),
        (b"NaN", "NaN"),
        (b"[1, -Infinity]", "-Infinity"),
        (b"[1e999]", "1e999"),
        (b"1" * (DIGIT_LIMIT + 1), f"integer of {DIGIT_LIMIT + 1} digits"),
        (b"1" * 100_000, "integer of 100000 digits"),
        (b"0." + b"1" * 100_000, "too large or too long"),
        (b'{"a": "\xff"}', "not UTF-8: byte 7"),
        (b'"\xed\xa0\x80"', "not UTF-8: byte 1"),
        (b"\xef\xbb\xbf[]", "byte order mark"),
        (b'"\\ud800"', "lone surrogate"),
        (b'{"\\udfff\\ud800": 1}', "lone surrogate"),
        (b"[" + NESTED + b"]", f"nested more than {DEPTH_LIMIT} deep at character {DEPTH_LIMIT}"),
        (b"[" * 1_000_000, "nested more than"),
        (b'{"a":' * 100_000, "nested more than"),
        (b"[1,\n 2,,]", "line 2, column 4"),
        (b"[1] [2]", "Extra data at line 1, column 5"),
        (b'{"a": 1', "line 1"),
        (b"'single'", "line 1, column 1"),
        (b"01", "line 1"),
        (b"", "line 1, column 1"),
        (b'"\x00"', "control character"),
    ],
)
def test_what_readers_disagree_about_is_refused(body, message):
    with pytest.raises(BadRequest) as refused:
        check_json(body)
    assert message.lower() in str(refused.value).lower()
    assert len(str(refused.value)) < 200


def test_what_just_fits_is_taken():
    check_json(NESTED)
    check_json(b"9" * DIGIT_LIMIT)
    assert check_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert check_json(b'["' + b"[" * 1000 + b'\\"["]') == ["[" * 1000 + '"[']
    flat = b"[" + b",".join([b"[]"] * 1000) + b"]"
    assert len(check_json(flat)) == 1000
