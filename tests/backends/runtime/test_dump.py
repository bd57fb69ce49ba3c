"""What is stored, as lines of JSON, without the code that stored it."""

import asyncio
import json
from dataclasses import dataclass
from enum import Enum

import pytest

from backends.runtime import dump as module
from backends.runtime.dump import NoSuchField, dump
from backends.runtime.snapshot import load
from backends.sqlite.store import SqliteStore
from core.codec import Codec
from core.errors import TooOld
from core.keys import encode_key
from core.layout import data_prefix
from core.shape import FieldShape, Shape


class Colour(Enum):
    RED = 1


@dataclass
class Room:
    name: str
    colour: Colour
    beds: tuple[int, ...]


CODEC = Codec([Room, Colour])
SHAPE = Shape(
    fields={
        "House.rooms": FieldShape("dict", "dict[str, Room]"),
        "House.names": FieldShape("set", "set[str]"),
        "House.log": FieldShape("list", "list[str]"),
        "House.open": FieldShape("value", "bool"),
        "House.odd": FieldShape("dict", "dict[tuple[int, str], complex]"),
    }
)


def entry(field, key, value):
    element = b"" if key is None else encode_key(key)
    return data_prefix("House", field) + element, CODEC.encode(value)


CONTENT = dict(
    [
        entry("rooms", "blue", Room("blue", Colour.RED, (1, 2))),
        entry("names", "Ann", True),
        entry("log", None, 1),
        entry("log", 0, "built"),
        entry("open", None, False),
        entry("odd", (1, "a"), {2: "b"}),
    ]
)

WHOLE = [
    {"field": "House.log", "key": 0, "value": "built"},
    {"field": "House.names", "key": "Ann"},
    {"field": "House.odd", "key": [1, "a"], "value": {"2": "b"}},
    {"field": "House.open", "value": False},
    {
        "field": "House.rooms",
        "key": "blue",
        "value": {
            "class": "tests.backends.runtime.test_dump.Room",
            "name": "blue",
            "colour": {"class": "tests.backends.runtime.test_dump.Colour", "value": 1},
            "beds": [1, 2],
        },
    },
]


def dumped(tmp_path, field="", content=CONTENT, spoil=lambda store: store):
    async def run():
        store = SqliteStore(tmp_path / "store.db")
        try:
            await load(store, "house", content, SHAPE)
            return [json.loads(line) async for line in dump(spoil(store), field)]
        finally:
            await store.close()

    return asyncio.run(run())


def test_every_entry_is_a_line(tmp_path):
    assert dumped(tmp_path) == WHOLE


def test_one_field(tmp_path):
    assert dumped(tmp_path, "House.rooms") == WHOLE[-1:]


@pytest.mark.parametrize("field", ["House.walls", "House", "rooms", "House.", ".rooms"])
def test_a_field_that_is_none(tmp_path, field):
    with pytest.raises(NoSuchField, match=r"give one of House\.rooms, House\.names"):
        dumped(tmp_path, field)


def test_what_does_not_fit_into_one_page(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 2)
    assert dumped(tmp_path) == WHOLE


def test_it_goes_on_when_the_version_is_too_old(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 2)

    class Spoiled:
        def __init__(self, store):
            self.read_version = store.read_version
            self.reads, self.store = 0, store

        async def read(self, *args):
            self.reads += 1
            if self.reads == 3:
                raise TooOld("the version is gone")
            return await self.store.read(*args)

    assert dumped(tmp_path, spoil=Spoiled) == WHOLE


def test_what_cannot_be_read_is_shown_as_it_is(tmp_path):
    damaged = {data_prefix("House", "rooms") + b"\xff\xff": b"\xc1"}
    (line,) = dumped(tmp_path, content=damaged)
    assert line == {"field": "House.rooms", "key": "ffff", "value": "c1"}
