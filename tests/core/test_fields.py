"""Fields over a store against Python's containers and those of the reference run."""

import copy
import dataclasses
import datetime as dt
import enum
import math
import operator
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.api.containers import Keeper, make_field
from compiler.api.undo import Undo
from core.codec import Codec
from core.errors import UnsupportedValue
from core.fields import FIELDS, DictField, ListField, SetField, ValueField
from core.keys import encode_key
from tests.core.fieldstore import FieldStore


class Colour(enum.StrEnum):
    A = "a"
    RED = "red"


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


@dataclasses.dataclass(frozen=True)
class Spot:
    x: float
    note: str = dataclasses.field(default="", compare=False)


class Pair(NamedTuple):
    one: int
    two: str


BERLIN, PARIS = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris")
NOON, TWICE = dt.datetime(2026, 10, 25, 12), dt.datetime(2026, 10, 25, 2, 30)
CODEC = Codec([Colour, Size, Spot, Pair])
PLAIN_KEYS = [
    0,
    1,
    2,
    -3,
    0.5,
    "",
    "a",
    "b",
    (1, "x"),
    None,
    b"k",
    NOON,
    NOON.replace(tzinfo=dt.UTC),
]
SPELLED_KEYS = [
    *(True, False, 1.0, 2.0, -0.0, Decimal("1.00"), Decimal("0.1"), Decimal("0.5"), math.inf),
    *(Colour.A, Colour.RED, Size.SMALL, Spot(1), Spot(True, "n"), Pair(1, "x"), (True, "x")),
    *(frozenset({1, 2}), frozenset({2.0, True}), frozenset(), dt.timedelta(1), dt.time(1)),
    *(
        NOON.replace(tzinfo=BERLIN),
        NOON.replace(tzinfo=PARIS),
        NOON.replace(hour=11, tzinfo=dt.UTC),
    ),
    *(TWICE.replace(tzinfo=BERLIN), TWICE.replace(tzinfo=BERLIN, fold=1)),
    *(
        TWICE.replace(tzinfo=PARIS),
        TWICE.replace(hour=0, tzinfo=dt.UTC),
        TWICE,
        TWICE.replace(fold=1),
    ),
]
KEYS = st.sampled_from(PLAIN_KEYS) | st.sampled_from(SPELLED_KEYS)
VALUES = st.one_of(st.integers(0, 3), st.lists(st.integers(0, 2), max_size=2), st.just({"k": {1}}))
SMALL = st.integers(-4, 4)
UNHASHABLE = st.just([])


def in_key_order(mapping):
    return sorted(mapping, key=encode_key)


def spellings(container):
    """The keys or elements with their types, attributes and folds."""
    return sorted(map(spelling, container)) if isinstance(container, dict | set) else None


def spelling(key):
    parts = sorted(map(spelling, key)) if isinstance(key, frozenset) else []
    return repr((type(key).__name__, parts or key, getattr(key, "note", "")))


class Sides:
    """One field three times: over a store, as plain Python, and in a reference run."""

    def __init__(self, kind, initial):
        self.field = FIELDS[kind]("Hotel", "rooms", CODEC)
        self.store = FieldStore(self.field.initial(initial))
        self.plain = copy.deepcopy(initial)
        self.undo = Undo()
        self.stored = make_field(Keeper(CODEC, self.undo), "Hotel", "rooms", kind)
        self.stored.set(initial)

    def ask(self, name, plain_operation, *args, **kwargs):
        """Do the same on all three; the outcomes must be the same, and the states after it."""
        on_store = outcome(
            lambda: self.store.run(getattr(self.field, name)(*copied(args), **kwargs))
        )
        on_plain = outcome(lambda: plain_operation(self.plain, *copied(args), **kwargs))
        on_stored = outcome(lambda: plain_operation(self.stored.get(), *copied(args), **kwargs))
        assert on_store == on_plain == on_stored, (name, args)
        self.check()

    def check(self):
        loaded = self.store.run(self.field.load())
        assert loaded == self.plain == self.stored.get() == self.field.decode(self.store.content)
        assert type(loaded).__name__ == type(self.plain).__name__
        assert spellings(loaded) == spellings(self.plain) == spellings(self.stored.get())
        assert self.stored.dump() == self.store.content == self.field.initial(self.plain)
        if isinstance(loaded, dict):
            assert list(loaded) == in_key_order(loaded) == list(self.stored.get())
        if isinstance(loaded, set):
            assert list(self.stored.get()) == self.store.run(self.field.elements())


def copied(args):
    return [copy.deepcopy(arg) for arg in args]


def outcome(operation):
    """What came out, in a form that can be compared: in-place operators return nothing here."""
    try:
        result = operation()
    except Exception as error:
        return type(error), str(error)
    shown = spelling(result) if not isinstance(result, dict | set | list) else ""
    return type(result).__name__, result, shown


def in_place(plain_operator):
    def operation(container, other):
        before = id(container)
        assert id(plain_operator(container, other)) == before

    return operation


# --- dict


def popitem(container):
    if isinstance(container, dict) and type(container) is dict and container:
        last = in_key_order(container)[-1]
        return last, container.pop(last)
    return container.popitem()


def listed(method):
    def operation(container):
        if type(container) is not dict:
            return list(getattr(container, method)())
        ordered = {key: container[key] for key in in_key_order(container)}
        return list(getattr(ordered, method)())

    return operation


DICT_OPERATIONS = [
    ("getitem", operator.getitem, (KEYS | UNHASHABLE,)),
    ("setitem", operator.setitem, (KEYS | UNHASHABLE, VALUES)),
    ("delitem", operator.delitem, (KEYS | UNHASHABLE,)),
    ("contains", operator.contains, (KEYS | UNHASHABLE,)),
    ("length", len, ()),
    ("truth", bool, ()),
    ("get", lambda d, *a: d.get(*a), (KEYS,)),
    ("get", lambda d, *a: d.get(*a), (KEYS, VALUES)),
    ("pop", lambda d, *a: d.pop(*a), (KEYS,)),
    ("pop", lambda d, *a: d.pop(*a), (KEYS, VALUES)),
    ("popitem", popitem, ()),
    ("setdefault", lambda d, *a: d.setdefault(*a), (KEYS,)),
    ("setdefault", lambda d, *a: d.setdefault(*a), (KEYS, VALUES)),
    ("update", lambda d, *a: d.update(*a), (st.dictionaries(KEYS, VALUES, max_size=3),)),
    (
        "update",
        lambda d, *a: d.update(*a),
        (st.lists(st.tuples(KEYS, VALUES) | st.just((1,)), max_size=3) | st.just(5),),
    ),
    ("ior", in_place(operator.ior), (st.dictionaries(KEYS, VALUES, max_size=3) | st.just(5),)),
    ("clear", lambda d: d.clear(), ()),
    ("keys", listed("keys"), ()),
    ("values", listed("values"), ()),
    ("items", listed("items"), ()),
    ("copy", lambda d: d.copy(), ()),
]

# --- list

SLICES = st.builds(slice, *[st.none() | SMALL] * 2, st.none() | st.sampled_from([-2, -1, 1, 2, 0]))
ODD_INDEX = st.sampled_from(["a", None, 1.0, -1.0, True])
ITEMS = st.lists(VALUES, max_size=3)
ORDERED = st.integers(0, 3)


class Failing:
    """Iterates over some items and then fails."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        yield from self.items
        raise ZeroDivisionError("enough")


FAILING = ITEMS.map(Failing)


LIST_OPERATIONS = [
    ("getitem", operator.getitem, (SMALL | SLICES | ODD_INDEX,)),
    ("setitem", operator.setitem, (SMALL | ODD_INDEX, VALUES)),
    ("setitem", operator.setitem, (SLICES, ITEMS)),
    ("delitem", operator.delitem, (SMALL | SLICES | ODD_INDEX,)),
    ("append", lambda x, *a: x.append(*a), (VALUES,)),
    ("extend", lambda x, *a: x.extend(*a), (ITEMS | st.just(5) | st.just("ab") | FAILING,)),
    ("iadd", in_place(operator.iadd), (ITEMS | st.just(5),)),
    ("imul", in_place(operator.imul), (st.integers(-1, 3) | st.just("a"),)),
    ("insert", lambda x, *a: x.insert(*a), (SMALL, VALUES)),
    ("pop", lambda x, *a: x.pop(*a), ()),
    ("pop", lambda x, *a: x.pop(*a), (SMALL | ODD_INDEX,)),
    ("remove", lambda x, *a: x.remove(*a), (VALUES,)),
    ("clear", lambda x: x.clear(), ()),
    ("index", lambda x, *a: x.index(*a), (VALUES,)),
    ("index", lambda x, *a: x.index(*a), (VALUES, SMALL, SMALL)),
    ("count", lambda x, *a: x.count(*a), (VALUES,)),
    ("sort", lambda x, **k: x.sort(**k), ()),
    ("reverse", lambda x: x.reverse(), ()),
    ("contains", operator.contains, (VALUES,)),
    ("length", len, ()),
    ("truth", bool, ()),
    ("copy", lambda x: x.copy(), ()),
]

# --- set

ELEMENTS = KEYS
SETS = st.sets(ELEMENTS, max_size=3)
OTHERS = SETS | st.lists(ELEMENTS | UNHASHABLE, max_size=3) | st.just(5)


def pop_first(container):
    if type(container) is set and container:
        first = in_key_order(container)[0]
        container.remove(first)
        return first
    return container.pop()


def method(name):
    return lambda container, *args: getattr(container, name)(*args)


def keeping(operation):
    """``operation``, of which it is left open whose of two equal elements a plain set keeps."""

    def kept(container, *others):
        before = [*container]
        result = operation(container, *others)
        if type(container) is set:
            own = [element for element in before if element in container]
            container.clear()
            container.update(own)
        return result

    return kept


SET_OPERATIONS = [
    ("add", method("add"), (ELEMENTS | UNHASHABLE,)),
    ("discard", method("discard"), (ELEMENTS | UNHASHABLE,)),
    ("remove", method("remove"), (ELEMENTS | UNHASHABLE,)),
    ("contains", operator.contains, (ELEMENTS | UNHASHABLE,)),
    ("length", len, ()),
    ("truth", bool, ()),
    ("pop", pop_first, ()),
    ("clear", method("clear"), ()),
    ("copy", method("copy"), ()),
    *((name, method(name), ()) for name in ("update", "difference_update", "union")),
    *(
        (name, method(name), (OTHERS, SETS))
        for name in (
            *("update", "difference_update"),
            *("union", "intersection", "difference"),
        )
    ),
    ("intersection_update", keeping(method("intersection_update")), (OTHERS, SETS)),
    *(
        (name, method(name), (OTHERS,))
        for name in (
            *("symmetric_difference_update", "symmetric_difference"),
            *("isdisjoint", "issubset", "issuperset"),
        )
    ),
    ("iand", keeping(in_place(operator.iand)), (SETS | st.just([1]),)),
    *(
        (name, in_place(getattr(operator, name)), (SETS | st.just([1]),))
        for name in ("ior", "isub", "ixor")
    ),
]


@st.composite
def scripts(draw, operations):
    """Up to eight operations with their arguments."""
    chosen = draw(st.lists(st.sampled_from(operations), max_size=8))
    return [(name, plain, [draw(arg) for arg in args]) for name, plain, args in chosen]


@given(st.dictionaries(KEYS, VALUES, max_size=4), scripts(DICT_OPERATIONS))
def test_dict(initial, script):
    play("dict", {**initial}, script)


@given(ITEMS | st.lists(ORDERED, max_size=4), scripts(LIST_OPERATIONS))
def test_list(initial, script):
    play("list", initial, script)


@given(SETS, scripts(SET_OPERATIONS))
def test_set(initial, script):
    play("set", initial, script)


def play(kind, initial, script):
    sides = Sides(kind, initial)
    sides.check()
    for name, plain_operation, args in script:
        sides.ask(name, plain_operation, *args)


INITIALS = {"dict": st.dictionaries(KEYS, VALUES, max_size=4), "list": ITEMS, "set": SETS}
CHANGES = {
    "dict": [op for op in DICT_OPERATIONS if op[0] in ("setitem", "pop", "update", "clear")],
    "list": [op for op in LIST_OPERATIONS if op[0] in ("setitem", "append", "pop", "sort")],
    "set": [op for op in SET_OPERATIONS if op[0] in ("add", "discard", "update", "pop", "clear")],
}


@pytest.mark.search
@pytest.mark.parametrize("kind", ["dict", "list", "set"])
@given(data=st.data())
def test_a_rollback_undoes_what_its_transaction_did(kind, data):
    sides = Sides(kind, data.draw(INITIALS[kind]))
    undo, stored, owner = sides.undo, sides.stored, object()

    def change():
        for _, operation, args in data.draw(st.lists(st.sampled_from(CHANGES[kind]), max_size=3)):
            drawn = [data.draw(arg) for arg in args]
            outcome(lambda: operation(stored.get(), *drawn))  # noqa: B023 - called at once
        if data.draw(st.booleans()):
            stored.set(data.draw(INITIALS[kind]))

    before = stored.dump()
    outer = undo.begin(owner)
    change()
    within = stored.dump()
    inner = undo.begin(owner)
    change()
    if data.draw(st.booleans()):
        undo.commit(owner, inner)
    else:
        undo.rollback(owner, inner)
        assert stored.dump() == within
    change()
    undo.rollback(owner, outer)
    assert stored.dump() == before
    assert not undo.open


# --- one by one


def touched(field, store, coroutine):
    store.touched = []
    outcome(lambda: store.run(coroutine))
    return [(kind, key[len(field.prefix) :]) for kind, key in store.touched]


def test_dict_operations_on_a_key_touch_that_key_alone():
    field = DictField("Hotel", "rooms", CODEC)
    store = FieldStore(field.initial({"a": 1, "b": 2}))
    key = encode_key("a")
    get, put, delete = ("Get", key), ("Put", key), ("Delete", key)
    assert touched(field, store, field.getitem("a")) == [get]
    assert touched(field, store, field.get("a")) == [get]
    assert touched(field, store, field.contains("a")) == [get]
    assert touched(field, store, field.setitem("a", 1)) == [put]
    assert touched(field, store, field.setdefault("a", 1)) == [get]
    assert touched(field, store, field.update(a=3)) == [put]
    assert touched(field, store, field.pop("a")) == [get, delete, ("Delete", key + b"\0")]
    assert touched(field, store, field.delitem("a")) == [get]
    one, spelling = encode_key(1), encode_key(1) + b"\0"
    assert touched(field, store, field.setitem(1, 1)) == [("Put", one)]
    assert touched(field, store, field.setitem(True, 1)) == [("Get", one), ("Put", one)]
    store.run(field.delitem(1))
    puts = [("Put", one), ("Put", spelling)]
    assert touched(field, store, field.setitem(True, 1)) == [("Get", one), *puts]
    assert touched(field, store, field.setitem(1, 1)) == [("Put", one)]


def test_set_operations_on_an_element_touch_that_element_alone():
    field = SetField("Hotel", "rooms", CODEC)
    store = FieldStore(field.initial({"a", "b"}))
    key = encode_key("a")
    assert touched(field, store, field.contains("a")) == [("Get", key)]
    assert touched(field, store, field.add("a")) == [("Put", key)]
    assert touched(field, store, field.discard("a")) == [("Delete", key), ("Delete", key + b"\0")]
    assert touched(field, store, field.remove("a")) == [("Get", key)]


def test_list_operations_touch_what_they_must():
    field = ListField("Hotel", "log", CODEC)
    store = FieldStore(field.initial([5, 6, 7]))
    first, last, new, length = encode_key(0), encode_key(2), encode_key(3), b""
    assert touched(field, store, field.getitem(0)) == [("Get", first)]
    assert touched(field, store, field.setitem(0, 1)) == [("Get", first), ("Put", first)]
    assert touched(field, store, field.getitem(-1)) == [("Get", length), ("Get", last)]
    assert touched(field, store, field.truth()) == [("Get", first)]
    assert touched(field, store, field.length()) == [("Get", length)]
    assert touched(field, store, field.append(8)) == [
        *(("Get", length), ("Put", new), ("Put", length)),
    ]
    assert touched(field, store, field.pop()) == [
        *(("Get", length), ("Get", new), ("Delete", new), ("Put", length)),
    ]
    assert touched(field, store, field.reverse()) == [("Scan", b""), ("Put", first), ("Put", last)]


def test_truth_of_a_dict_and_a_set_reads_one_pair():
    for kind, value in (("dict", {1: 1, 2: 2}), ("set", {1, 2})):
        field = FIELDS[kind]("Hotel", "rooms", CODEC)

        class Watched(FieldStore):
            def perform(self, effect):
                assert effect.limit == 1
                return super().perform(effect)

        assert Watched(field.initial(value)).run(field.truth()) is True


def test_fields_do_not_see_each_other():
    rooms = DictField("Hotel", "rooms", CODEC)
    others = [DictField("Hotel", "room", CODEC), ListField("Hotel", "roomsx", CODEC)]
    store = FieldStore(rooms.initial({"a": 1}))
    for field in others:
        store.run(field.store(field.plain[0]()))
        assert store.run(field.length()) == 0
        assert field.decode(store.content) == field.plain[0]()
    assert store.run(rooms.load()) == {"a": 1}


def test_store_replaces_everything():
    for kind, old, new in (
        ("dict", {"a": 1, "b": 2}, {"b": 3}),
        ("list", [1, 2, 3], [4]),
        ("list", [1, 2, 3], []),
        ("set", {1, 2}, {2, 3}),
        ("value", "x", (1, {2: 3})),
    ):
        field = FIELDS[kind]("Hotel", "rooms", CODEC)
        store = FieldStore(field.initial(old))
        store.run(field.store(new))
        assert store.content == field.initial(new)
        assert store.run(field.load()) == field.decode(store.content) == new


@pytest.mark.parametrize(
    ("kind", "value"), [("dict", []), ("list", ()), ("set", frozenset()), ("dict", None)]
)
def test_a_container_field_takes_its_own_type_only(kind, value):
    field = FIELDS[kind]("Hotel", "rooms", CODEC)
    with pytest.raises(UnsupportedValue, match=f"Hotel.rooms is a persistent {kind}"):
        FieldStore().run(field.store(value))
    with pytest.raises(UnsupportedValue, match=f"Hotel.rooms is a persistent {kind}"):
        make_field(Keeper(CODEC, Undo()), "Hotel", "rooms", kind).set(value)


def test_a_value_that_was_never_given():
    field = ValueField("Hotel", "name", CODEC)
    stored = make_field(Keeper(CODEC, Undo()), "Hotel", "name", "value")
    for read in (lambda: FieldStore().run(field.load()), stored.get):
        with pytest.raises(AttributeError, match="'Hotel' object has no attribute 'name'"):
            read()
    assert field.decode({}) is None
    assert stored.dump() == {}


def test_a_key_of_an_unsupported_type_is_refused_everywhere():
    key = 1j
    sides = Sides("dict", {})
    for operation in (
        lambda: sides.store.run(sides.field.get(key)),
        lambda: sides.stored.get()[key],
    ):
        with pytest.raises(UnsupportedValue, match=r"a key of type builtins\.complex"):
            operation()


def test_what_fails_halfway_changes_nothing():
    sides = Sides("dict", {"a": 1})
    for operation in (
        lambda: sides.store.run(sides.field.update({"b": 1, "c": object()})),
        lambda: sides.stored.get().update({"b": 1, "c": object()}),
    ):
        with pytest.raises(UnsupportedValue):
            operation()
    sides.check()


def test_sorting_takes_pythons_options():
    sides = Sides("list", [3, 1, 2])
    sides.ask("sort", lambda x, **k: x.sort(**k), key=lambda item: -item)
    sides.ask("sort", lambda x, **k: x.sort(**k), reverse=False)
