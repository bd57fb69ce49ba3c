"""Values that no method is asked with, by query and by body alike."""

import asyncio

import pytest

from compiler.application import load
from tests.backends.runtime.public.parts import Gateway, content

SOURCE = """
from decimal import Decimal
from typing import Any
import msgspec
from compiler import Persistent, service


class Patch(msgspec.Struct):
    name: str
    note: str | msgspec.UnsetType = msgspec.UNSET
    price: Decimal | None = None


@service
class Kinds:
    def __init__(self) -> None:
        self.notes: Persistent[dict[str, str]] = {}

    def number(self, f: float = 1.0, d: Decimal = Decimal(1), i: int = 1) -> str:
        return f"{f} {d} {i}"

    def numbers(self, many: list[Decimal], named: dict[Decimal, float]) -> int:
        return len(many) + len(named)

    def change(self, patch: Patch, on: bool | None = None) -> Patch:
        self.notes[patch.name] = str(patch.note is msgspec.UNSET)
        return patch

    def see(self, on: bool, note: str | None = None, at: int | str = 0) -> str:
        return f"{on!r} {note!r} {at!r}"

    def nothing(self) -> str | msgspec.UnsetType:
        return msgspec.UNSET

    def any_name(self, a: int, **more: Any) -> list[str]:
        return sorted(more)
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    path = tmp_path_factory.mktemp("values") / "kinds.py"
    path.write_text(SOURCE)
    return Gateway(load(str(path)))


def by_query(gateway, method, **query):
    return asyncio.run(gateway.send("GET", f"/Kinds.{method}", b"", query))


def by_body(gateway, method, value):
    return asyncio.run(gateway.post(f"/Kinds.{method}", value))


@pytest.mark.parametrize(
    "given",
    [
        {"f": "nan"},
        {"f": "-inf"},
        {"d": "NaN"},
        {"d": "sNaN"},
        {"d": "-Infinity"},
        {"i": "9" * 301},
    ],
)
def test_numbers_that_json_does_not_have_are_refused_by_query(gateway, given):
    answer = by_query(gateway, "number", **given)
    assert answer.status == 400
    assert f"Kinds.number: {next(iter(given))}: " in content(answer)["detail"]


@pytest.mark.parametrize("value", [[["1", "NaN"], {}], [[], {"Infinity": 1}]])
def test_and_as_texts_wherever_they_stand_in_a_body(gateway, value):
    assert by_body(gateway, "numbers", value).status == 400


def test_the_longest_integer_is_taken_by_query_and_by_body(gateway):
    longest = 10**300 - 1
    assert by_query(gateway, "number", i=str(longest)).status == 200
    assert by_body(gateway, "number", [1, "1", 7]).status == 200


def test_the_name_of_the_instance_is_no_arguments(gateway):
    assert content(by_body(gateway, "any_name", {"a": 1, "selves": 2})) == ["selves"]
    for answer in (
        by_body(gateway, "any_name", {"a": 1, "self": 2}),
        by_query(gateway, "any_name", a="1", self="2"),
    ):
        assert answer.status == 400
        assert "self is no argument's name" in content(answer)["detail"]


def test_a_member_that_is_not_given_comes_back_as_one_that_is_not_there(gateway):
    answer = by_body(gateway, "change", [{"name": "a"}])
    assert (answer.status, content(answer)) == (200, {"name": "a", "price": None})
    answer = by_body(gateway, "change", [{"name": "a", "note": "x"}])
    assert content(answer) == {"name": "a", "note": "x", "price": None}
    assert content(by_body(gateway, "nothing", [])) is None


@pytest.mark.parametrize("price", ["NaN", "-Infinity", "1_0", " 1", "\u0661"])
def test_odd_decimals_are_refused_inside_objects_too(gateway, price):
    answer = by_body(gateway, "change", [{"name": "a", "price": price}])
    assert answer.status == 400
    assert "patch.price: Invalid decimal string" in content(answer)["detail"]


def test_names_that_are_one_key_are_refused(gateway):
    answer = by_body(gateway, "numbers", [[], {"1.0": 1, "1": 2}])
    assert answer.status == 400
    told = "Kinds.numbers: named: Object has two names for one key, `1.0` and `1`"
    assert content(answer)["detail"] == told


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ({"on": "true"}, "True None 0"),
        ({"on": "false", "note": "null"}, "False 'null' 0"),
        ({"on": "true", "at": "12"}, "True None '12'"),
        ({"on": "TRUE"}, None),
        ({"on": "1"}, None),
        ({"on": "yes"}, None),
    ],
)
def test_a_query_says_what_a_body_can_say(gateway, query, seen):
    answer = by_query(gateway, "see", **query)
    assert (content(answer) if answer.status == 200 else None) == seen
