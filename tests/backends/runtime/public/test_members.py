"""Members that a type does not have, wherever in a value they stand."""

from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec
import pytest

from backends.runtime.public.members import strict_decoder


@dataclass
class Box:
    grams: int
    inside: "Box | None" = None
    more: list["Box"] = field(default_factory=list)


class Pair(NamedTuple):
    left: Box
    right: int = 0


class Record(TypedDict):
    box: Box


class Cat(msgspec.Struct, tag="cat", rename="camel"):
    is_old: bool


class Dog(msgspec.Struct, tag="dog"):
    box: Box


class Row(msgspec.Struct, array_like=True, tag=True):
    box: Box


@dataclass
class Tree:
    kids: "dict[str, Tree] | list[Tree] | None" = None


GOOD, BAD = '{"grams": 1}', '{"grams": 1, "foo": 2}'

TYPES = [
    (Box, "%s", "$"),
    (Box, '{"grams": 1, "inside": %s}', "$.inside"),
    (Box, '{"grams": 1, "more": [{"grams": 1}, %s]}', "$.more[1]"),
    (Box | None, "%s", "$"),
    (list[Box], "[%s]", "$[0]"),
    (tuple[Box, ...], "[%s]", "$[0]"),
    (tuple[int, Box], "[1, %s]", "$[1]"),
    (dict[str, Box], '{"a": %s}', "$[...]"),
    (dict[int, list[Box]], '{"7": [%s]}', "$[...][0]"),
    (Annotated[Box, msgspec.Meta(title="a box")], "%s", "$"),
    (Pair, "[%s]", "$[0]"),
    (Record, '{"box": %s}', "$.box"),
    (Cat | Dog, '{"type": "dog", "box": %s}', "$.box"),
    (Row, '["Row", %s]', "$[1]"),
]


@pytest.mark.parametrize(("kind", "text", "path"), TYPES)
def test_a_member_too_many_is_refused_with_its_place(kind, text, path):
    decode = strict_decoder(kind)
    good = (text % GOOD).encode()
    assert decode(good) == msgspec.json.decode(good, type=kind)
    msgspec.json.decode((text % BAD).encode(), type=kind)  # as msgspec does
    with pytest.raises(msgspec.ValidationError) as caught:
        decode((text % BAD).encode())
    assert str(caught.value) == f"Object contains unknown field `foo` - at `{path}`"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Record, '{"box": {"grams": 1}, "foo": 2}'),
        (Cat, '{"type": "cat", "isOld": true, "is_old": true}'),
        (Cat | Dog, '{"type": "cat", "isOld": true, "box": 1}'),
    ],
)
def test_other_objects_too(kind, text):
    msgspec.json.decode(text, type=kind)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        strict_decoder(kind)(text.encode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Any, BAD),
        (dict[str, int], BAD),
        (dict[str, Any] | None, BAD),
        (Cat | Dog, '{"type": "cat", "isOld": true}'),
        (Cat, '{"isOld": true}'),
        (Row, '["Row", {"grams": 1}, "later"]'),
    ],
)
def test_what_has_no_fixed_members_stays_open(kind, text):
    assert strict_decoder(kind)(text.encode()) == msgspec.json.decode(text, type=kind)


def test_what_does_not_fit_is_told_first():
    with pytest.raises(msgspec.ValidationError, match="Expected `int`, got `str`"):
        strict_decoder(Box)(b'{"grams": "1", "foo": 2}')


@pytest.mark.parametrize("extra", ["", ', "foo": 2'])
def test_a_deep_value_of_two_possible_types_is_looked_through_once(extra):
    """Were both looked into at each level, this would take longer than anybody waits."""
    inmost = '{"kids": {"a": {"kids": null' + extra + "}}}"
    deep = '{"kids": [' * 30 + inmost + "]}" * 30
    decode = strict_decoder(Tree)
    if not extra:
        decode(deep.encode())
        return
    with pytest.raises(msgspec.ValidationError, match="unknown field `foo`") as caught:
        decode(deep.encode())
    assert ".kids[0]" * 30 + ".kids[...]`" in str(caught.value)
