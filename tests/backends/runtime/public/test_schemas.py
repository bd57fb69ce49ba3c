"""What a type's schema takes is what the gateway takes: values that fit, and that nearly fit."""

import copy
import datetime as dt
import enum
import json
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest

from backends.runtime.public.members import strict_decoder
from backends.runtime.public.schemas import schemas_of

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Thing:
    price: Decimal
    made: dt.date | None = None
    inside: "Thing | None" = None
    tags: set[str] = field(default_factory=set)


class Pair(NamedTuple):
    at: dt.time
    count: int = 0


class Part(TypedDict, total=False):
    key: UUID
    thing: Thing


class Cat(msgspec.Struct, tag=True, rename="camel"):
    born_on: dt.date


class Dog(msgspec.Struct, tag=True):
    note: str | msgspec.UnsetType = msgspec.UNSET


class Row(msgspec.Struct, array_like=True, tag=True, forbid_unknown_fields=True):
    size: Decimal


ID = "01234567-89ab-cdef-0123-456789abcdef"
THING = {"price": "1.5", "made": "2024-02-28", "inside": {"price": "1"}, "tags": ["a"]}
CAT = {"type": "Cat", "bornOn": "2024-02-28"}
TYPES = {
    "bytes": (bytes, ["", "AA==", "AAA=", "AAAA", "+/8="]),
    "date": (dt.date, ["2024-02-28", "0001-01-01", "9999-12-30"]),
    "time": (dt.time, ["00:00:00", "23:59:59.999999Z", "10:00:00+01:00", "10:00:00-0130"]),
    "datetime": (dt.datetime, ["2024-02-28T10:00:00", "2024-02-28 10:00:00.5z",
                               "2024-02-28t10:00:00+0100"]),
    "timedelta": (dt.timedelta, ["PT1S", "P1D", "-P1DT1H2M3.5S", "PT1.5H", "P1.5D", "pt5m"]),
    "uuid": (UUID, [ID, ID.replace("-", "").upper()]),
    "decimal": (Decimal, ["1", "-1.5E+5", "+.5", "1.", "00", 7, 1.25]),
    "decimal or none": (Decimal | None, ["1", None]),
    "decimals": (dict[Decimal, dict[int, Decimal]], [{"1.5": {"1": "2"}, "2": {"-3": 4}}]),
    "floats": (dict[float, int], [{"1.5": 1, "-2e3": 2}]),
    "times": (dict[dt.datetime | int, bool], [{"2024-02-28T10:00:00": True, "7": False}]),
    "names": (dict[Colour | int, None], [{"red": None, "3": None}]),
    "levels": (dict[Level, list[Level]], [{"1": [2]}]),
    "thing": (Thing, [THING]),
    "things": (list[Thing | None] | None, [[THING, None], None]),
    "pair": (Pair, [["10:00:00", 1], ["10:00:00"]]),
    "part": (Part, [{"key": ID, "thing": THING}, {}]),
    "struct or more": (Cat | list[dt.time] | None, [CAT, ["10:00:00"], None]),
    "structs": (Cat | Dog | int, [CAT, {"type": "Dog"}, 1]),
    "row": (Row, [["Row", "1.5"]]),
    "tuple": (tuple[dt.date, Annotated[Decimal, msgspec.Meta(title="costs")]], [["2024-02-28", 1]]),
    "anything": (Any, [1]),
}  # fmt: skip
SCALARS = (None, True, False, 0, 1, -7, 1.25, "", "x", "red", "1", "1.5", "NaN", "1_0", "\u0661")
LETTERS = "0123456789:-+.TtZzPWDHMSAZaz=/ Ee_,\u0661"


def changed(rng, value):
    """Another value that is nearly ``value``."""
    choice = rng.random()
    if choice < 0.15:
        return rng.choice([*SCALARS, [], {}, [value], {"a": value}])
    if isinstance(value, str):
        place, letter = rng.randrange(len(value) + 1), rng.choice(LETTERS)
        return value[:place] + rng.choice(["", letter]) + value[place + rng.randrange(2) :]
    if isinstance(value, list) and value:
        result, place = list(value), rng.randrange(len(value))
        if choice < 0.4:
            result.insert(place, copy.deepcopy(rng.choice([*value, *SCALARS])))
        elif choice < 0.5:
            del result[place]
        else:
            result[place] = changed(rng, value[place])
        return result
    if isinstance(value, dict) and value:
        name = rng.choice(list(value))
        result = {each: value[each] for each in value if each != name}
        if choice < 0.5:
            other = str(changed(rng, name)) if rng.random() < 0.5 else name
            result[other] = changed(rng, value[name])
        elif choice < 0.8:
            result = {**value, str(changed(rng, name)): value[name]}
        return result
    return rng.choice(SCALARS)


def takes(decode, value):
    try:
        decode(json.dumps(value).encode())
    except msgspec.ValidationError as error:
        return str(error)
    return None


def says_more(why):
    """Whether a value is refused for what no schema says."""
    return why is not None and "Object has two names for one key" in why


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_takes_what_is_taken(name):
    kind, good = TYPES[name]
    (schema,), components = schemas_of([kind])
    checker = jsonschema.Draft202012Validator(
        {**schema, "components": {"schemas": components}},
        format_checker=jsonschema.FormatChecker(["date"]),
    )
    decode, rng = strict_decoder(kind), random.Random(name)
    seen = {True: 0, False: 0}
    for value in good:
        assert takes(decode, value) is None
    for _ in range(1500):
        value = rng.choice(good)
        for _ in range(rng.choice([1, 1, 2])):
            value = changed(rng, value)
        why = takes(decode, value)
        is_valid = checker.is_valid(value)
        assert is_valid == (why is None) or says_more(why), (value, why)
        seen[is_valid] += 1
    assert min(seen.values()) > (0 if kind is not Any else -1)


def test_what_no_schema_says_is_in_the_documentation():
    """That two names are one key is refused, although each of them fits."""
    for kind, text in [
        (dict[Decimal, int], '{"1.0": 1, "1.00": 2}'),
        (dict[float, int], '{"0": 1, "-0.0": 2}'),
        (list[dict[int, int]], '[{"0": 1, "-0": 2}]'),
        (dict[dt.datetime, int], '{"2024-01-01T00:00:00Z": 1, "2024-01-01T01:00:00+01:00": 2}'),
    ]:
        assert takes(msgspec.json.Decoder(kind).decode, json.loads(text)) is None
        why = takes(strict_decoder(kind), json.loads(text))
        assert "Object has two names for one key, `" in why
