"""Hypothesis strategies for values and keys."""

import datetime as dt
import zoneinfo

from hypothesis import strategies as st

ZONES = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.just(dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    st.just(dt.timezone(dt.timedelta(0, 3723, 5), "odd")),
    st.just(zoneinfo.ZoneInfo("Europe/Berlin")),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.text(),
    st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE00F)),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.timedeltas(),
    st.datetimes(timezones=ZONES),
    st.times(timezones=ZONES),
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
    ),
    max_leaves=8,
)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**2000), 2**2000),
    st.floats(allow_nan=False),
    st.floats(-3, 3),
    st.booleans(),
)
TEXTS = st.text(st.characters() | st.sampled_from("\x00\x01\x02\ud800"))
BYTES = st.binary() | st.lists(st.sampled_from([0, 1, 2, 255]), max_size=6).map(bytes)
KEY_TYPES = (
    NUMBERS,
    TEXTS,
    BYTES,
    st.uuids(),
    st.datetimes(),
    st.datetimes(
        dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=ZONES.filter(bool)
    ).filter(lambda value: len({value.replace(fold=fold).utcoffset() for fold in (0, 1)}) == 1),
    st.dates(),
)
KEYS = st.recursive(
    st.one_of(st.none(), *KEY_TYPES), lambda inner: st.lists(inner, max_size=4).map(tuple)
)


def same(left: object, right: object) -> bool:
    """Equal, and of types of the same name all the way down, dicts in the same order."""
    if repr(type(left)) != repr(type(right)) or left != right:
        return False
    if isinstance(left, (list, tuple)):
        return all(map(same, left, right))
    if isinstance(left, dict):
        return all(map(same, left.items(), right.items()))
    if isinstance(left, float):
        return str(left) == str(right)
    if isinstance(left, (set, frozenset)):
        return sorted(map(describe, left)) == sorted(map(describe, right))
    if isinstance(left, (dt.datetime, dt.time)):
        return repr(left) == repr(right)
    return True


def describe(value: object) -> str:
    """A text that tells values apart that :func:`same` tells apart."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value)}{sorted(map(describe, value))}"
    if isinstance(value, tuple):
        return f"{[describe(item) for item in value]}"
    return f"{type(value)}{value!r}"
