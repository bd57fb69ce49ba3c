"""Ordered sets do what Python's do, and keep an order."""

import copy
import dataclasses
import operator
import pickle
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sets import OrderedFrozenSet, OrderedSet, in_order, in_order_throughout

ROOT = Path(__file__).parent.parent.parent
ELEMENTS = st.integers(0, 9) | st.sampled_from([*"abcde", (1, "a"), frozenset({1, 2})])
LISTS = st.lists(ELEMENTS, max_size=6)
PLAIN = {OrderedSet: set, OrderedFrozenSet: frozenset}
KINDS = list(PLAIN)
UNHASHABLE = [1, []]


def outcome(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


def plain(value):
    """``value`` as if the ordered sets were Python's own; they must be whole."""
    if type(value) in PLAIN:
        elements = list(value)
        assert len(elements) == len(value) == len(set(elements))
        assert all(element in value for element in elements)
        return PLAIN[type(value)](elements)
    return value


def alike(ordered, builtin):
    return plain(ordered) == builtin and repr(type(ordered)) == repr(type(builtin))


OTHERS = st.one_of(
    LISTS,
    LISTS.map(OrderedSet),
    LISTS.map(OrderedFrozenSet),
    LISTS.map(set),
    LISTS.map(frozenset),
    LISTS.map(dict.fromkeys),
    LISTS.map(tuple),
    st.sampled_from([5, None, UNHASHABLE, "ab"]),
)
BINARY = [
    *(operator.or_, operator.and_, operator.sub, operator.xor),
    *(operator.eq, operator.ne, operator.le, operator.lt, operator.ge, operator.gt),
]
QUESTIONS = ["isdisjoint", "issubset", "issuperset"]
MAKING = ["union", "intersection", "difference", "symmetric_difference"]
CHANGING = [
    *("update", "intersection_update", "difference_update", "symmetric_difference_update"),
    *("__ior__", "__iand__", "__isub__", "__ixor__"),
]


@given(st.sampled_from(KINDS), LISTS, OTHERS, st.sampled_from(BINARY))
def test_operators(kind, elements, other, operate):
    ordered, builtin = kind(elements), PLAIN[kind](elements)
    assert alike(outcome(operate, ordered, other), outcome(operate, builtin, plain(other)))
    assert alike(outcome(operate, other, ordered), outcome(operate, plain(other), builtin))


@given(st.sampled_from(KINDS), LISTS, st.lists(OTHERS, max_size=3), st.sampled_from(MAKING))
def test_methods_that_make_sets(kind, elements, others, name):
    ordered, builtin = kind(elements), PLAIN[kind](elements)
    if name == "symmetric_difference":
        others = (others or [[]])[:1]
    made = outcome(getattr(ordered, name), *others)
    assert alike(made, outcome(getattr(builtin, name), *map(plain, others)))
    assert made is not ordered or kind is OrderedFrozenSet
    if type(made) is kind:
        given_order = list(dict.fromkeys(elements))
        kept = [element for element in made if element in ordered]
        assert kept == [element for element in given_order if element in made]
        assert list(made)[: len(kept)] == kept


@given(st.sampled_from(KINDS), LISTS, OTHERS, st.sampled_from(QUESTIONS))
def test_questions(kind, elements, other, name):
    ordered, builtin = kind(elements), PLAIN[kind](elements)
    asked = outcome(getattr(ordered, name), other)
    assert asked == outcome(getattr(builtin, name), plain(other))


@given(
    LISTS,
    st.lists(
        st.tuples(st.sampled_from(["add", "discard", "remove"]), ELEMENTS.map(lambda e: (e,)))
        | st.tuples(st.sampled_from(CHANGING), OTHERS.map(lambda other: (other,)))
        | st.tuples(st.sampled_from(["clear"]), st.just(())),
        max_size=8,
    ),
)
def test_changes(elements, script):
    ordered, builtin = OrderedSet(elements), set(elements)
    for name, args in script:
        before = list(ordered)
        done = outcome(getattr(ordered, name), *args)
        expected = outcome(getattr(builtin, name), *map(plain, args))
        if name.startswith("__") and done is not NotImplemented:
            assert done is ordered
        else:
            assert done == expected
        assert plain(ordered) == builtin
        kept = [element for element in before if element in ordered]
        assert list(ordered)[: len(kept)] == kept


@given(LISTS)
def test_what_is_added_first_comes_first_and_pop_takes_the_last(elements):
    ordered = OrderedSet()
    for element in elements:
        ordered.add(element)
    expected = list(dict.fromkeys(elements))
    assert list(ordered) == list(OrderedSet(elements)) == list(OrderedFrozenSet(elements))
    assert list(ordered) == expected
    assert [ordered.pop() for _ in expected] == expected[::-1]
    with pytest.raises(KeyError, match="pop from an empty set"):
        ordered.pop()


@pytest.mark.parametrize("name", ["__ior__", "__iand__", "__isub__", "__ixor__"])
def test_a_set_may_change_by_itself(name):
    ordered, builtin = OrderedSet("dab"), set("dab")
    getattr(ordered, name)(ordered)
    getattr(builtin, name)(builtin)
    assert plain(ordered) == builtin


@pytest.mark.parametrize("kind", KINDS)
def test_copies_keep_the_order(kind):
    made = kind(["z", "a", "q"])
    for copied in (
        made.copy(),
        copy.copy(made),
        copy.deepcopy([made])[0],
        pickle.loads(pickle.dumps(made)),
        kind(made),
    ):
        assert list(copied) == ["z", "a", "q"]
        assert type(copied) is kind


def test_they_look_like_python_s_own():
    made, frozen = OrderedSet("ba"), OrderedFrozenSet("ba")
    assert f"{made} {frozen}" == "{'b', 'a'} frozenset({'b', 'a'})"
    assert f"{OrderedSet()} {OrderedFrozenSet()}" == "set() frozenset()"
    assert (type(made).__name__, str(type(frozen))) == ("set", "<class 'frozenset'>")
    assert hash(frozen) == hash(frozenset("ba"))
    with pytest.raises(TypeError, match="unhashable type: 'set'"):
        hash(made)
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for -: 'set' and 'list'"):
        made - [1]


def test_they_recognise_python_s_own():
    assert isinstance(set(), OrderedSet)
    assert isinstance(frozenset(), OrderedFrozenSet)
    assert not isinstance(frozenset(), OrderedSet)
    assert issubclass(set, OrderedSet)
    match set("a"):
        case OrderedSet():
            pass
        case _:
            pytest.fail("a builtin set is none")


class Tags(OrderedSet[str]):
    def __init__(self, *words: str) -> None:
        for word in words:
            self.add(word)


def test_classes_that_inherit_are_sets_of_their_own():
    tags = Tags("z", "a")
    assert repr(tags) == "Tags({'z', 'a'})"
    assert type(tags | {"b"}) is OrderedSet
    assert not isinstance(set(), Tags)
    assert isinstance(tags, set)


def test_what_a_library_changes_in_the_builtin_is_seen():
    made = OrderedSet("ba")
    set.add(made, "c")
    assert list(made) == ["a", "b", "c"]
    set.discard(made, "a")
    assert made.pop() == "c"
    assert list(made) == ["b"]


def test_changing_a_set_while_iterating_is_an_error():
    made = OrderedSet("ab")
    elements = iter(made)
    made.add("c")
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        next(elements)


# --- sets that a library made


def test_builtin_sets_are_put_in_the_order_of_their_keys():
    assert list(in_order({"b", "a", "c"})) == ["a", "b", "c"]
    assert list(in_order(frozenset({2, "a", 1.5, None}))) == [None, 1.5, 2, "a"]
    assert [list(each) for each in in_order({frozenset("ba"), frozenset("ca")})] == [
        ["a", "b"],
        ["a", "c"],
    ]
    assert list({"c", "b"} | OrderedSet("a")) == ["b", "c", "a"]


def test_builtin_sets_are_found_inside_of_what_a_library_returns():
    found = in_order_throughout([("x", {"b", "a"}), {"k": [frozenset("dc")]}, {frozenset("q"): 1}])
    assert str(found) == (
        "[('x', {'a', 'b'}), {'k': [frozenset({'c', 'd'})]}, {frozenset({'q'}): 1}]"
    )
    assert type(next(iter(found[2]))) is OrderedFrozenSet
    assert [list(each) for each in in_order_throughout(each for each in [{"b", "a"}])] == [
        ["a", "b"]
    ]


@dataclasses.dataclass(frozen=True)
class Parcel:
    labels: frozenset[str]


class Box(msgspec.Struct, frozen=True):
    labels: set[str]
    parcels: list[Parcel] = []


class Pair(NamedTuple):
    left: object
    right: object


def test_builtin_sets_are_found_in_values_that_a_library_makes():
    data = b'{"labels": ["b", "a"], "parcels": [{"labels": ["d", "c"]}]}'
    box = in_order_throughout(msgspec.json.decode(data, type=Box))
    assert list(box.labels) == ["a", "b"]
    assert list(box.parcels[0].labels) == ["c", "d"]
    assert str(in_order_throughout(Pair({"b", "a"}, 1))) == "Pair(left={'a', 'b'}, right=1)"


def test_what_holds_no_set_is_itself():
    value = [{"a": [1, (2, "x")]}, OrderedSet("a")]
    assert in_order_throughout(value) is value
    value.append(value)
    assert in_order_throughout(value) is value


ORDERS = """
from core.sets import *
made = OrderedSet(["pear", "fig"]) | {"b", "a", "c"}
made.update(frozenset("zyx"))
print(made, in_order({"q", "r", ("s", frozenset("tuv"))}), {"one", "two"} | made)
"""


def test_the_order_is_the_same_whatever_the_hash_seed():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", ORDERS],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    ]
    assert outputs[0].startswith("{'pear', 'fig', 'a', 'b', 'c', 'x', 'y', 'z'}")
    assert outputs[1:] == outputs[:1] * 2
