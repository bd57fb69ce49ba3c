"""What a type checker infers from the API."""

import re
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

ROOT = Path(__file__).parent.parent.parent
SNIPPET = """
    from compiler import (
        Event, Future, Persistent, abort, call, event, gather, instance, service, signal, spawn,
        transaction, wait,
    )

    PAID = Event[int]("paid")
    SHIPPED: Event[None] = Event("shipped")

    @service
    class Hotel:
        def __init__(self) -> None:
            self.rooms: Persistent[dict[str, int]] = {}

        def reserve(self, hotel: str, nights: int = 1) -> bool:
            reveal_type(self.rooms)
            self.rooms[hotel] -= 1
            return True

        async def price(self, hotel: str) -> float:
            return 1.0

    async def asynchronous() -> None:
        reveal_type(call(Hotel.reserve, "x", nights=2))
        reveal_type(call(Hotel.price, "x"))
        reveal_type(spawn(Hotel.reserve, "x"))
        reveal_type(await spawn(Hotel.price, "x"))
        reveal_type(await gather(spawn(Hotel.reserve, "x"), spawn(Hotel.price, "x")))
        reveal_type(await gather(*[spawn(Hotel.price, h) for h in "abc"]))
        reveal_type(gather(gather(spawn(Hotel.price, "x")), spawn(Hotel.reserve, "y")))

        reveal_type(await event(PAID, "x", timeout="7d"))
        reveal_type(await event(SHIPPED, 7))
        reveal_type(await event("paid", "x"))
        days: float = await event("paid", "x")

    def plain() -> int:
        signal(PAID, "x", 5)
        signal(SHIPPED, 7)
        signal("paid", "x", 5)
        signal("shipped", 7)
        reveal_type(wait(spawn(Hotel.price, "x")))
        reveal_type(instance(Hotel))
        with transaction():
            if wait(spawn(Hotel.reserve, "x")):
                return 1
            abort("no room")

    def wrong() -> None:
        call(Hotel.reserve, 1)
        spawn(Hotel.price)
        call(Hotel.reserve, "x", days=2)
        signal(PAID, "x", "much")
        signal(PAID, "x")
        abort()
"""
REVEALED = [
    "dict[str, int]",
    "bool",
    "float",
    "Future[bool]",
    "float",
    "tuple[bool, float]",
    "tuple[float, ...]",
    "Future[tuple[tuple[float], bool]]",
    "int",
    "None",
    "Any",
    "float",
    "Hotel",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    file = tmp_path_factory.mktemp("typing") / "snippet.py"
    file.write_text(textwrap.dedent(SNIPPET))
    options = ["--strict", "--config-file", "", "--follow-imports", "silent", "--no-incremental"]
    path = sys.path.copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYPYPATH", str(ROOT))
        limit = sys.getrecursionlimit()
        stdout, stderr, _ = api.run([*options, str(file)])
        sys.setrecursionlimit(limit)  # it has set one of its own, which other tests would find
    assert sys.path == path
    assert not stderr
    return stdout


def test_revealed_types(report):
    revealed = re.findall(r'Revealed type is "(.*)"', report)
    assert [re.sub(r"\b\w+\.(\w+\.)*", "", each) for each in revealed] == REVEALED


def test_only_wrong_calls_are_errors(report):
    lines = textwrap.dedent(SNIPPET).splitlines()
    errors = {int(n) for n in re.findall(r"snippet\.py:(\d+): error", report)}
    expected = (
        "call(Hotel.reserve, 1)",
        "spawn(Hotel.price)",
        "days=2)",
        '"much")',
        'signal(PAID, "x")',
    )
    assert {lines[n - 1].strip() for n in errors} == {
        line.strip() for line in lines if line.strip().endswith(expected)
    }


def test_installed_packages_say_that_they_are_typed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for package in ("compiler", "core"):
        assert (ROOT / package / "py.typed").exists()
        assert "py.typed" in settings["package-data"][package]
    assert settings["package-dir"] == {"": "."}  # or an editable install is no path
