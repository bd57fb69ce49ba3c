import collections
import contextlib
import dataclasses
import datetime as dt
import enum
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import Codec
from core.errors import RemoteError, TransactionException, UnsupportedValue
from core.messages import Raised
from tests.core.strategies import HASHABLE, VALUES, same


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, "x")


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


@dataclasses.dataclass(frozen=True)
class Room:
    number: int
    guests: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class Slotted:
    parts: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Derived:
    size: int

    def __post_init__(self):
        self.built = getattr(self, "built", 0) + 1


class Point(NamedTuple):
    x: int
    y: int = 0


class Order(msgspec.Struct, kw_only=True):
    hotel: str
    nights: int = 1


class NoRoom(Exception):
    def __init__(self, hotel: str) -> None:
        super().__init__(f"no room in {hotel}")
        self.hotel = hotel


class Refused(OSError):
    pass


CODEC = Codec([Color, Level, Access, Room, Slotted, Derived, Point, Order, NoRoom, Refused])


@given(VALUES)
def test_round_trip_keeps_types(value):
    assert same(CODEC.decode(CODEC.encode(value)), value)


@given(st.lists(HASHABLE, max_size=6, unique=True), st.randoms())
def test_sets_encode_alike_in_whatever_order_they_were_built(elements, rng):
    encoded = CODEC.encode(set(elements))
    rng.shuffle(elements)
    assert CODEC.encode(set(elements)) == encoded


def test_sets_encode_alike_whatever_the_hash_seed():
    script = (
        "from core.codec import Codec; "
        "print(Codec().encode([{'a', 'b', 'c', ('d', 1)}, frozenset('xyz')]).hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize(
    "value",
    [
        Color.RED,
        Color.PAIR,
        Level.LOW,
        Access.READ | Access.WRITE,
        Room(5, ("a", "b")),
        Slotted([Room(1), {2: {3}}]),
        Point(1, 2),
        Order(hotel="x"),
        {Color.RED: [Point(1)], Point(3): Level.LOW},
        {Room(1), Room(2)},
    ],
)
def test_the_applications_own_classes(value):
    assert same(CODEC.decode(CODEC.encode(value)), value)


def test_what_was_not_given_stays_the_one_value_that_says_so():
    patch = Order(hotel=msgspec.UNSET)
    assert CODEC.decode(CODEC.encode(patch)).hotel is msgspec.UNSET
    assert CODEC.decode(CODEC.encode([msgspec.UNSET]))[0] is msgspec.UNSET


def test_nan_and_the_sign_of_zero_are_kept():
    assert math.isnan(CODEC.decode(CODEC.encode(math.nan)))
    assert math.copysign(1, CODEC.decode(CODEC.encode(-0.0))) == -1


def test_a_dataclass_is_copied_without_being_initialised_again():
    value = CODEC.decode(CODEC.encode(Derived(3)))
    assert vars(value) == {"size": 3, "built": 1}


def test_a_class_may_gain_fields_after_values_were_stored():
    def stored_by(name, fields):
        old = dataclasses.make_dataclass(name, fields)
        old.__module__, old.__qualname__ = Room.__module__, name
        return Codec([old]).encode(old(1))

    assert CODEC.decode(stored_by("Room", [("number", int)])) == Room(1)
    slotted = CODEC.decode(stored_by("Slotted", [("other", int)]).replace(b"other", b"parts"))
    assert slotted.parts == 1


def test_equal_classes_of_another_module_are_refused():
    class Room:
        pass

    Room = dataclasses.dataclass(Room)  # noqa: N806
    Room.__module__, Room.__qualname__ = globals()["Room"].__module__, "Room"
    with pytest.raises(UnsupportedValue, match="rename one"):
        Codec([globals()["Room"], Room])


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "builtins.object"),
        (lambda: None, "function"),
        ([1, {"a": (object(),)}], "object"),
        (collections.defaultdict(int), "collections.defaultdict"),
        (dt.datetime(2024, 1, 1, tzinfo=type("Z", (dt.tzinfo,), {})()), "type Z"),
        (bytearray(b"x"), "bytearray"),
    ],
)
def test_unsupported_values_are_named_with_a_remedy(value, name):
    with pytest.raises(UnsupportedValue, match=name):
        CODEC.encode(value)


def test_an_unregistered_dataclass_is_told_to_move():
    with pytest.raises(UnsupportedValue, match="module level"):
        Codec().encode(Room(1))
    with pytest.raises(UnsupportedValue, match="Room"):
        Codec().decode(CODEC.encode(Room(1)))


def test_a_value_that_contains_itself_is_refused():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UnsupportedValue, match="contains itself"):
        CODEC.encode(value)


@given(st.binary(max_size=40))
def test_arbitrary_bytes_decode_or_are_refused(data):
    with contextlib.suppress(UnsupportedValue):
        CODEC.decode(data)


@given(VALUES, st.data())
def test_damaged_bytes_decode_or_are_refused(value, data):
    encoded = bytearray(CODEC.encode([value, Room(1), Point(1), Color.RED, Decimal(1), {1: 2}]))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnsupportedValue):
        CODEC.decode(bytes(encoded))


@given(VALUES)
def test_cut_bytes_are_refused(value):
    with pytest.raises(UnsupportedValue):
        CODEC.decode(CODEC.encode(value)[:-1])


@pytest.mark.parametrize(
    "exception",
    [
        KeyError("a"),
        ValueError(),
        IndexError("list index out of range"),
        ZeroDivisionError("x", (1, 2)),
        FileNotFoundError(2, "gone"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
        StopIteration(3),
        TransactionException("no"),
        RemoteError("other.Thing: text"),
        NoRoom("Ritz"),
        Refused(13, "no"),
    ],
)
def test_known_exceptions_cross_as_themselves(exception):
    copy = CODEC.decode_exception(CODEC.encode_exception(exception))
    assert type(copy) is type(exception)
    assert copy.args == exception.args
    assert str(copy) == str(exception)
    assert vars(copy) == vars(exception)


def test_unknown_exceptions_become_remote_errors():
    raised = CODEC.encode_exception(NoRoom("Ritz"))
    copy = Codec().decode_exception(raised)
    assert type(copy) is RemoteError
    assert str(copy) == f"{__name__}.NoRoom: no room in Ritz"
    again = Codec().decode_exception(Codec().encode_exception(copy))
    assert str(again) == str(copy)


def test_arguments_that_cannot_travel_stay_behind():
    copy = CODEC.decode_exception(CODEC.encode_exception(ValueError(object())))
    assert type(copy) is RemoteError
    assert str(copy).startswith("ValueError: <object")


def test_an_exception_that_cannot_be_rebuilt_becomes_a_remote_error():
    raised = Raised("UnicodeDecodeError", CODEC.encode((("only one",), {})), "text")
    assert str(CODEC.decode_exception(raised)) == "UnicodeDecodeError: text"
