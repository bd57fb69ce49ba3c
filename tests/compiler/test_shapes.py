"""What an application's annotations say of what it stores."""

import msgspec
import pytest

from compiler.application import load
from core.shape import Attribute, ClassShape, FieldShape

START = """from __future__ import annotations
import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple
from typing import NewType, Optional, TypedDict, Union
import msgspec
from compiler import Persistent, service

if TYPE_CHECKING:
    from nowhere import Unknown

Name = NewType("Name", str)

class Where(TypedDict):
    street: str

class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2

@dataclass(frozen=True)
class Guest:
    name: Name
    size: Size = Size.SMALL
    tags: list[str] = field(default_factory=list)
    leads: Guest | None = None

@dataclass(frozen=True, slots=True)
class Slim(Guest):
    more: "Unknown" = 0

class Pair(NamedTuple):
    left: int
    right: int = 0

class Packed(msgspec.Struct):
    data: bytes
    made: Optional[dt.datetime] = None

@service
class S:
    def __init__(self):
"""


def shape(tmp_path, *fields):
    body = "".join(f"        self.f{number}{each}\n" for number, each in enumerate(fields))
    path = tmp_path / "shop.py"
    path.write_text(f"{START}{body}    def m(self): return 1\n")
    return load(path).shape


@pytest.mark.parametrize(
    ("declared", "kind", "text"),
    [
        (": Persistent[int] = 0", "value", "int"),
        (": Persistent[Optional[int]] = 0", "value", "int | None"),
        (": Persistent[Union[int, None, str]] = 0", "value", "int | None | str"),
        (": Persistent[int | Any] = 0", "value", "object"),
        (": Persistent = 0", "value", "object"),
        (": Persistent = {}", "dict", "dict[object, object]"),
        (": Persistent[dict] = {}", "dict", "dict[object, object]"),
        (": Persistent[dict[str, Guest]] = {}", "dict", "dict[str, shop.Guest]"),
        (": 'Persistent[dict[str, Guest]]' = {}", "dict", "dict[str, shop.Guest]"),
        (": Persistent[dict[Name, 'Guest']] = {}", "dict", "dict[str, shop.Guest]"),
        (" = {}  # type: Persistent[dict[str, int]]", "dict", "dict[str, int]"),
        (": Persistent[set[tuple[int, str]]] = set()", "set", "set[tuple[int, str]]"),
        (": Persistent[list[tuple[int, ...]]] = []", "list", "list[tuple[int, ...]]"),
        (": Persistent[list[tuple[()]]] = []", "list", "list[tuple[()]]"),
        (": Persistent[Annotated[Decimal, 'euro']] = Decimal(0)", "value", "decimal.Decimal"),
        (": Persistent[Literal['a', 1, 'b']] = 1", "value", "str | int"),
        (": Persistent[Mapping[str, int] | None] = None", "value", "object"),
        (": Persistent[dt.datetime | None] = None", "value", "datetime.datetime | None"),
        (": Persistent[Where | None] = None", "value", "dict[object, object] | None"),
        (": Persistent[dict[str, Unknown]] = {}", "dict", "dict[object, object]"),
    ],
)
def test_fields(tmp_path, declared, kind, text):
    assert shape(tmp_path, declared).fields == {"S.f0": FieldShape(kind, text)}


def test_classes(tmp_path):
    classes = shape(tmp_path, ": Persistent[dict[str, Guest]] = {}").classes
    assert classes["shop.Size"] == ClassShape(bases=["int"], values=["1", "2"])
    guest = {
        "name": Attribute("str"),
        "size": Attribute("shop.Size", default=True),
        "tags": Attribute("list[str]", default=True),
        "leads": Attribute("shop.Guest | None", default=True),
    }
    assert classes["shop.Guest"] == ClassShape(guest, keeps=True)
    assert classes["shop.Pair"].attributes == {
        "left": Attribute("int"),
        "right": Attribute("int", default=True),
    }
    assert not classes["shop.Pair"].keeps
    assert classes["shop.Packed"].attributes["made"].type == "datetime.datetime | None"
    assert not classes["shop.Packed"].keeps
    assert classes["shop.Slim"].bases == ["shop.Guest"]
    assert classes["shop.Slim"].attributes["more"] == Attribute("object", default=True)


def test_the_same_source_has_the_same_shape_byte_for_byte(tmp_path):
    fields = [": Persistent[set[int | str | None]] = set()", ": Persistent[dict[str, Guest]] = {}"]
    first, second = (msgspec.json.encode(shape(tmp_path, *fields)) for _ in range(2))
    assert first == second
