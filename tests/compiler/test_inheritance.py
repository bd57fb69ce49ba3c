"""Services with bases, properties, class methods: what they inherit is compiled for them."""

import importlib
import re
import sys
import textwrap
from pathlib import Path

import pytest

from backends.runtime.public.openapi import describe
from backends.runtime.public.operations import find_operations
from backends.runtime.settings import Settings
from compiler import inheritance
from compiler.application import load
from compiler.emit import emit, emit_module
from compiler.errors import CompileErrors
from tests.compiler.driver import Driver, compare, compiled

STOCKS = '''\
import time
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from compiler import *

T = TypeVar("T")
STEP = 1000


class Stocked(ABC):
    """Has a stock."""

    LIMIT = 10

    def __init__(self, start: int = 0) -> None:
        self.stock: Persistent[dict[str, int]] = {}
        self.start = start

    # how many there are
    def put(self, what: str, count: int) -> int:
        """Put some."""
        self.stock[what] = self.stock.get(what, self.start) + count  # counted
        return self.stock[what] + STEP

    @property
    def total(self) -> int:
        return sum(self.stock.values())

    @property
    @abstractmethod
    def kind(self) -> str: ...

    @classmethod
    def label(cls, what: str) -> str:
        return f"{cls.LIMIT}:{what}"

    @classmethod
    def stamped(cls) -> tuple[float, str]:
        return time.time(), cls.label("now")

    @staticmethod
    def twice(x: int) -> int:
        return 2 * x

    def look(self) -> int:
        return self._seen()

    def _seen(self) -> int:
        return self.total


class Logged:
    def __init__(self) -> None:
        super().__init__()
        self.log: Persistent[list[str]] = []

    def put(self, what: str, count: int) -> int:
        self.log.append(f"{what} {count}")
        return super().put(what, count)


class Table(Generic[T]):
    def __init__(self) -> None:
        super().__init__()
        self.rows: Persistent[dict[str, T]] = {}

    def store(self, key: str, row: T) -> T:
        self.rows[key] = row
        return row

    async def all(self) -> list[T]:
        return list(self.rows.values())


class Kind(Protocol):
    rows: dict

    @property
    def kind(self) -> str: ...
'''

SHOPS = """\
from __future__ import annotations
from dataclasses import dataclass

from compiler import *
from stocks import Kind, Logged, Stocked, Table


@dataclass
class Item:
    name: str
    price: int


@service
class Shop(Table[Item], Logged, Stocked, Kind):
    LIMIT = 5

    def __init__(self) -> None:
        super().__init__()
        self.looks: Persistent[int] = 0

    @property
    def kind(self) -> str:
        return "shop"

    def about(self) -> tuple:
        return self.total, self.label("x"), self.twice(4), self.kind, self.stamped()

    def put(self, what: str, count: int) -> int:
        return super().put(what, min(count, self.LIMIT)) + Stocked.put(self, "all", 1)

    def sold(self, name: str) -> Item:
        return self.store(name, Item(name, 3))

    def _seen(self) -> int:
        self.looks += 1
        return super()._seen() + super().total


@service
class Depot(Stocked):
    kind = "depot"

    def __init__(self):
        super().__init__(7)

    async def move(self, what: str, count: int) -> tuple:
        async with transaction():
            a = call(Shop.put, what, -count)
            b = self.put(what, count)
        return a, b, call(Shop.look), call(Depot.look)

    async def both(self, what: str) -> tuple:
        return await gather(spawn(Shop.put, what, 1), spawn(Depot.put, what, 2))


@service
class Branch(Depot):
    def put(self, what: str, count: int) -> int:
        return super().put(what, count * 10)
"""


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inherited")
    (folder / "stocks.py").write_text(STOCKS)
    (folder / "shops.py").write_text(SHOPS)
    return load(folder)


CALLS = [
    ("Shop.put", "tea", 3),
    ("Shop.put", "tea", 9),
    ("Depot.put", "tea", 3),
    ("Branch.put", "tea", 3),
    ("Depot.move", "tea", 2),
    ("Branch.move", "tea", 2),
    ("Depot.both", "milk"),
    ("Shop.look",),
    ("Depot.look",),
    ("Branch.look",),
    ("Shop.about",),
    ("Shop.sold", "pot"),
    ("Shop.all",),
]


def test_what_is_inherited_does_what_plain_python_does(shops):
    answers = compare(shops, CALLS)
    assert {answer[0] for answer in answers} == {"returned"}
    assert answers[0] == ("returned", 1003 + 1001)


def test_what_is_proved_is_proved_for_each_service(shops):
    """The very same method reads in one service, and writes in another that overrides a part."""
    facts = {name: data for name, data in shops.graph.nodes(data=True) if data["kind"] == "method"}
    assert facts["Depot.look"]["read_only"]
    assert not facts["Shop.look"]["read_only"]
    assert facts["Depot.look"]["footprint"] == ("Depot.stock",)
    assert facts["Shop.look"]["footprint"] == ("Shop.looks", "Shop.stock")
    assert facts["Shop.put"]["footprint"] == ("Shop.log", "Shop.stock")
    assert facts["Branch.put"]["footprint"] == ("Branch.stock",)
    assert facts["Shop.all"]["read_only"]
    assert not facts["Depot.move"]["read_only"]
    assert facts["Depot.move"]["callees"] == ("Depot.look", "Shop.look", "Shop.put")
    assert not facts["Depot.put"]["callees"]


def test_without_resolving_the_facts_would_be_wrong(tmp_path, monkeypatch):
    """That the tests above can fail: ``super()`` that finds the method's own definition again."""
    source = """
        class Base:
            def __init__(self): self.n: Persistent[int] = 0
            def m(self):
                self.n += 1
                return self.n
        @service
        class S(Base):
            def m(self): return super().m()
    """
    app = compiled(tmp_path, source)
    assert not app.program.method("S", "m").facts.read_only
    start = inheritance._Resolving._start

    def one_too_far(self, node):
        found = start(self, node)
        return None if found is None else (self._owner(), *found)

    monkeypatch.setattr(inheritance._Resolving, "_start", one_too_far)
    with pytest.raises((AssertionError, RecursionError)):
        compare(compiled(tmp_path, source), [("S.m",)])


def test_clients_see_what_is_inherited(shops):
    operations = find_operations(shops)
    assert "Shop.store" in operations
    assert "Depot.look" in operations
    assert not {"Shop.total", "Shop.label", "Shop.twice", "Shop._Stocked_put"} & set(operations)
    document = describe("shops", operations, Settings())
    body = document["paths"]["/Shop.store"]["post"]["requestBody"]["content"]["application/json"]
    assert "Item" in str(body)
    assert document["paths"]["/Depot.put"]["post"]["summary"] == "Put some."
    assert "/Shop.total" not in document["paths"]


def test_type_variables_are_what_the_service_says(shops):
    assert shops.shape.fields["Shop.rows"].type == "dict[str, shops.Item]"


def test_two_uses_of_one_variable(tmp_path):
    source = """
        from typing import Generic, TypeVar
        T = TypeVar("T")
        class One(Generic[T]):
            def __init__(self):
                super().__init__()
                self.one: Persistent[dict[str, T]] = {}
            def m(self, x: T) -> T: return x
        class Two(Generic[T]):
            def __init__(self):
                super().__init__()
                self.two: Persistent[list[T]] = []
        class Both(One[T], Two[str]): pass
        @service
        class S(Both[int]): pass
    """
    app = compiled(tmp_path, source)
    assert app.shape.fields["S.one"].type == "dict[str, int]"
    assert app.shape.fields["S.two"].type == "list[str]"
    (operation,) = find_operations(app).values()
    assert operation.parameters[0].type is int
    assert operation.returns is int


def test_bases_are_emitted_with_comments_for_those_who_inherit(shops, tmp_path, monkeypatch):
    emit(shops, tmp_path)
    text = (tmp_path / "shops.py").read_text()
    shop, depot = text.split("class Depot")
    assert "# of Stocked, in " in shop
    assert "async def _Stocked_put(self, what: str, count: int) -> int:" in shop
    assert "await self._Logged_put(what, min(count, self.LIMIT))" in shop
    assert "# counted" in shop
    assert "# how many there are" in depot
    assert "from stocks import STEP" in text
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("shops", "stocks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module("shops")
    monkeypatch.delitem(sys.modules, "shops")
    monkeypatch.delitem(sys.modules, "stocks")
    assert module.Branch.move.__code__.co_flags & 0x80  # a coroutine function
    assert {"STEP"} <= set(vars(module))


def test_a_base_whose_init_is_not_called_has_no_fields(tmp_path):
    source = """
        class Base:
            def __init__(self): self.n: Persistent[int] = 0
            def m(self): return self.n
        @service
        class S(Base):
            def __init__(self): pass
    """
    with pytest.raises(CompileErrors, match="S has no field n"):
        compiled(tmp_path, source)


def test_a_base_is_looked_at_where_it_stands(tmp_path):
    source = """
        import os
        class Base:
            def m(self):
                return os.getpid and open("x")
        @service
        class S(Base): pass
        @service
        class T(Base): pass
    """
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, source)
    lines = [each.text.strip() for each in errors.value.errors]
    assert lines
    assert set(lines) == {'return os.getpid and open("x")'}


WAITS = """
    class Off(Exception): pass
    @service
    class Hotel:
        def __init__(self):
            self.n: Persistent[int] = 0
            self.log: Persistent[list[str]] = []
        def take(self, count: int) -> int:
            if count > 2:
                raise Off(count)
            self.n += count
            return self.n
        async def m(self, count: int) -> int:
            try:
                self.log.append("begin")
                first = call(Hotel.take, count)
                second = await spawn(Hotel.take, count + 1)
                return first + second
            except Off as off:
                self.log.append(f"off {off}")
                raise
            finally:
                self.log.append("end")
                call(Hotel.take, 1)
"""


def test_finally_around_waits(tmp_path):
    app = compiled(tmp_path, WAITS)
    answers = compare(app, [("Hotel.m", 1), ("Hotel.m", 2), ("Hotel.m", 3)])
    assert [kind for kind, *_ in answers] == ["returned", "raised", "raised"]
    assert not app.program.method("Hotel", "m").facts.single_region


def test_what_is_emitted_of_one_module(tmp_path):
    app = compiled(tmp_path, WAITS)
    text = emit_module(app.declared.plain_modules[0], app.declared)
    assert "finally:" in text
    assert Driver(app.program, app.initial_state(), None).run("Hotel", "m", (0,)) == 1


# --- what docs/api.md says

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_the_example_in_the_docs(tmp_path):
    section = API.partition("## Bases and mixins")[2].partition("\n## ")[0]
    example = "".join(re.findall(r"(?:^    .*\n|^\n)+", section, flags=re.MULTILINE)[:2])
    app = compiled(tmp_path, "from abc import ABC\n" + textwrap.dedent(example))
    calls = [("Shop.put", "tea", 9), ("Depot.put", "tea", 9), ("Depot.full",), ("Depot.full",)]
    assert compare(app, calls) == [
        ("returned", 5),
        ("returned", 9),
        ("returned", False),
        ("returned", False),
    ]
    assert set(find_operations(app)) == {"Shop.put", "Depot.put", "Depot.full"}


REFUSED = {
    "`@total.setter`": "class S:\n    @property\n    def total(self): return 1\n"
    "    @total.setter\n    def total(self, x): pass",
    "`functools.cached_property`": "class S:\n    @functools.cached_property\n"
    "    def total(self): return 1",
    "a decorator of your own": "class S:\n    @mine\n    def m(self): return 1",
    "`__len__`": "class S:\n    def __len__(self): return 1",
    "is a library's": "class S(argparse.Action):\n    def m(self): return 1",
    "`dict`": "class S(dict):\n    def m(self): return 1",
    "no class at module level": "class S(made()):\n    def m(self): return 1",
    "`class Shop(Base, metaclass=Meta)`": "class S(Base, metaclass=Meta):\n    pass",
    "a decorator of a base class": "class S(Marked):\n    pass",
    "`self.stock`": "class S:\n    def __init__(self): self.stock: Persistent[int] = 1\n"
    "    @classmethod\n    def m(cls): return cls.stock",
    "`self.put(...)`": "class S:\n    def put(self): pass\n"
    "    @classmethod\n    def m(cls): return cls.put()",
    "`super()` in a static method": "class S(Base):\n    @staticmethod\n"
    "    def m(): return super().m()",
    "`self.n: Persistent[int]` in one base": "class S(Counted, Named):\n    pass",
    "class Bad(Table[list[int], V])": "class S(Table[list[int], V]):\n    pass",
}
AROUND = """\
import argparse, dataclasses, functools, typing
def mine(function): return function
def made():
    class Inner: pass
    return Inner
class Meta(type): pass
class Base: pass
class Counted:
    def __init__(self):
        super().__init__()
        self.n: Persistent[int] = 0
class Named:
    def __init__(self): self.n: Persistent[str] = ""
K, V = typing.TypeVar("K"), typing.TypeVar("V")
class Table(typing.Generic[K, V]):
    def __init__(self): self.rows: Persistent[dict[K, V]] = {}
@dataclasses.dataclass
class Marked:
    x: int = 1
"""


@pytest.mark.parametrize("said", REFUSED)
def test_what_the_docs_say_is_refused_is(tmp_path, said):
    table = API.partition("## What does not compile")[2].partition("### ")[0]
    assert said in table
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, f"{AROUND}@service\n{REFUSED[said]}\n")
    for error in errors.value.errors:
        assert error.line
        assert error.what
        assert error.remedy
