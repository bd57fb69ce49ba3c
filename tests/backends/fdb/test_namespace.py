"""Applications in one cluster never meet."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.fdb.namespace import Namespace
from core.store import Atomic, Clear, ClearRange, KeyRange, Set
from tests.backends.fdb.clusters import Standing, Subject, plain
from tests.store_conformance import everything, put

names = st.text(min_size=1, max_size=8)


def test_the_prefix_is_a_tuple():
    """fdb.tuple.pack(("mu2sls", "hotel")), and a name with a zero."""
    assert Namespace("hotel").prefix == b"\x02mu2sls\x00\x02hotel\x00"
    assert Namespace("a\x00b").prefix == b"\x02mu2sls\x00\x02a\x00\xffb\x00"


@given(names, names)
@example("a", "a\x00b")
@example("a", "a\x00")
def test_applications_and_their_logs_never_meet(one, other):
    """Not even where one prefix is the beginning of another."""
    parts = [Namespace(one).whole, Namespace(one).log.range]
    if one != other:
        parts += [Namespace(other).whole, Namespace(other).log.range]
    parts.sort()
    assert all(first.end <= second.begin for first, second in pairwise(parts))


@given(names, st.binary(max_size=8).filter(lambda key: key < b"\xff"))
def test_keys_lie_in_the_namespace_and_nobodys_does_not(name, key):
    namespace = Namespace(name)
    assert namespace.whole.begin <= namespace.key(key) < namespace.whole.end <= namespace.nobodys
    assert namespace.own(namespace.key(key)) == key
    assert namespace.pairs([(namespace.key(key), b"v")]) == [(key, b"v")]


@pytest.mark.parametrize(
    "mutation",
    [Set(b"a", b"v"), Clear(b"a"), ClearRange(b"a", b"\xff"), Atomic("add", b"a", b"\x01")],
)
def test_mutations(mutation):
    namespace = Namespace("app")
    moved = namespace.mutation(mutation)
    for name in mutation.__struct_fields__:
        value = getattr(mutation, name)
        expected = namespace.key(value) if name in ("key", "begin", "end") else value
        assert getattr(moved, name) == expected


def test_ranges():
    namespace = Namespace("app")
    assert namespace.ranges([KeyRange(b"", b"\xff")]) == [namespace.whole]


@plain
def test_two_applications_in_one_cluster():
    place = Standing()
    one, other = Subject(place), Subject(place, application="other")
    put(one, {b"a": b"1", b"\xfe": b"1"})
    put(other, {b"a": b"2"})
    other.commit(other.read_version(), (), [ClearRange(b"", b"\xff")])
    assert (everything(one), everything(other)) == ({b"a": b"1", b"\xfe": b"1"}, {})
    one.close()
    other.close()
