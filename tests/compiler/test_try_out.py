"""``python -m compiler run``: arguments are of the types that the method is annotated with."""

import pytest

from compiler import cli
from tests.compiler.driver import write_app

COFFEE = """
    from dataclasses import dataclass
    from enum import Enum
    from uuid import UUID

    class Size(Enum):
        SMALL = "s"
        LARGE = "l"

    @dataclass
    class Cup:
        grams: int
        size: Size = Size.SMALL

        def __post_init__(self):
            if self.grams == 0:
                raise LookupError("an empty cup")

    @service
    class Coffee:
        def brew(self, cup: Cup, *more: Size, note: str = "-", **rest: float) -> str:
            print(cup, more, note, rest)
        def drink(self, who: UUID, times: dict[int, int] | None = None) -> str:
            print(who.version, times)
        def plain(self, value, other: "Nothing" = None) -> str:
            print(value, other)
"""


WHO = """
    @service
    class Desk:
        @allow("boss")
        def open(self) -> str:
            return "it is " + caller().subject
        @internal
        def inside(self) -> int:
            return 1

    CALLERS = {"ada": {"roles": ["boss"]}, "bob": {}}
"""


@pytest.mark.parametrize(
    ("arguments", "status", "seen"),
    [
        (["Desk.open", "--as", "ada"], 0, "it is ada"),
        (["Desk.open", "--as", "bob"], 2, "Desk.open is for boss, and bob is not: give --as"),
        (["Desk.open"], 2, "give --as"),
        (["Desk.open", "--as", "eve"], 2, "there is no caller eve: there are ada, bob"),
        (["Desk.inside", "--as", "ada"], 2, "there is no method Desk.inside"),
    ],
)
def test_who_asks(tmp_path, capsys, monkeypatch, arguments, status, seen):
    monkeypatch.setenv("COLUMNS", "300")
    assert cli.main(["run", str(write_app(tmp_path, WHO)), *arguments]) == status
    captured = capsys.readouterr()
    assert seen in captured.out + captured.err


def run(tmp_path, *arguments):
    return cli.main(["run", str(write_app(tmp_path, COFFEE)), *arguments])


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (['brew', '{"grams": 100}'], "Cup(grams=100, size=<Size.SMALL: 's'>) () - {}"),
        (['brew', 'cup={"grams": 1, "size": "l"}', "note=hi"], "size=<Size.LARGE: 'l'>) () hi {}"),
        (['brew', '{"grams": 1}', "s", "l"], "(<Size.SMALL: 's'>, <Size.LARGE: 'l'>) - {}"),
        (['brew', '{"grams": 1}', "price=2"], "() - {'price': 2.0}"),
        (["drink", "6fa459ea-ee8a-4ca4-894e-db77e160355e", '{"7": 8}'], "4 {7: 8}"),
        (["plain", '{"grams": 1}', "2"], "{'grams': 1} 2"),
        (["plain", "1" * 30], "1" * 30 + " None"),
    ],
)  # fmt: skip
def test_arguments_are_converted(tmp_path, capsys, arguments, seen):
    method, *words = arguments
    assert run(tmp_path, f"Coffee.{method}", *words) == 0
    assert seen in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["brew", '{"grams": "x"}'],
            "Coffee.brew: cup.grams: Expected `int`, got `str`: give brew(",
        ),
        (["brew", "{}"], "Coffee.brew: cup: Object missing required field `grams`"),
        (["brew", '{"grams": 0}'], "Coffee.brew: cup: an empty cup: give brew(cup: Cup, "),
        (["brew", '{"grams": 1}', "xl"], "Coffee.brew: more: Invalid enum value 'xl'"),
        (["brew", '{"grams": 1}', "price=x"], "Coffee.brew: price: Expected `float`, got `str`"),
        (["brew", '{"grams": 1}', "note=7"], "or '\"7\"' for that very text"),
        (["drink", "me"], "Coffee.drink: who: Invalid UUID"),
        (["_one"], "Coffee._one: what begins with an underscore is private to its service"),
    ],
)
def test_arguments_that_do_not_fit(tmp_path, capsys, arguments, message):
    method, *words = arguments
    assert run(tmp_path, f"Coffee.{method}", *words) == 2
    assert message in capsys.readouterr().err
