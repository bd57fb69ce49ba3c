"""A store and the protocol that keeps its data: set up, told apart, and shown."""

import asyncio
import json

import pytest

from backends.runtime.dump import dump
from backends.runtime.errors import OtherProtocol, OtherShape
from backends.runtime.secret import set_up
from backends.runtime.snapshot import kept_as, load, snapshot
from backends.sqlite.store import SqliteStore
from core.layout import SET_UP, data_prefix
from core.protocol import OURS, PROTOCOLS
from core.shape import FieldShape, Shape
from core.store import KeyRange, Set
from tests.backends.runtime.cluster import compiled


@pytest.fixture
def opened(tmp_path):
    """Runs a coroutine on a store of its own, by name."""

    def run(work, name="store"):
        async def whole():
            store = SqliteStore(tmp_path / name)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(whole())

    return run


async def _dumped(store, field=""):
    return sorted([line async for line in dump(store, field)])


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("app", ["hotel", "bank", "library"])
def test_every_protocol_keeps_the_same_data(opened, app, name):
    application, protocol = compiled(app), PROTOCOLS[name]()
    plain = application.initial_state()

    async def with_plain(store):
        await load(store, application.name, plain, application.shape)
        return await _dumped(store)

    async def with_protocol(store):
        content = protocol.arranged(application.program, plain)
        await load(store, application.name, content, application.shape, protocol)
        kept = await snapshot(store)
        assert protocol.data(kept) == plain
        assert (await kept_as(store))[1].name == name
        begin, end = protocol.section
        assert {key for key in kept if not begin <= key < end} == {SET_UP}
        field = next(iter(application.shape.fields))
        assert set(await _dumped(store, field)) < set(await _dumped(store)) or app == "library"
        return await _dumped(store)

    assert opened(with_protocol, "one") == opened(with_plain, "other")


@pytest.mark.parametrize(("first", "then"), [(OURS, "popl23"), ("popl23", OURS), (OURS, "unsafe"),
                                             ("popl23", "popl23-unsafe")])  # fmt: skip
def test_another_protocol_is_refused_and_changes_nothing(opened, first, then):
    application = compiled("counter")

    async def work(store):
        made = await set_up(store, application, PROTOCOLS[first]())
        before = await snapshot(store)
        said = f"was set up for the protocol '{first}', not '{then}': run it with '{first}', or"
        with pytest.raises(OtherProtocol, match=said):
            await set_up(store, application, PROTOCOLS[then]())
        assert await snapshot(store) == before
        again = await set_up(store, application, PROTOCOLS[first]())
        assert again.program.secret == made.program.secret

    opened(work)


def test_a_store_from_before_is_ours(opened):
    async def work(store):
        version = await store.read_version()
        mark = Set(SET_UP, b'{"application":"counter","loading":null,"shape":null}')
        await store.commit(version, [KeyRange(b"", b"\xff")], [mark])
        await set_up(store, compiled("counter"))
        with pytest.raises(OtherProtocol):
            await set_up(store, compiled("counter"), PROTOCOLS["popl23"]())

    opened(work)


def test_a_protocol_of_another_revision_is_told(opened):
    async def work(store):
        version = await store.read_version()
        mark = Set(SET_UP, b'{"application":"counter","protocol":"popl30"}')
        await store.commit(version, [KeyRange(b"", b"\xff")], [mark])
        with pytest.raises(OtherProtocol, match="'popl30', which this code does not know"):
            await _dumped(store)

    opened(work)


@pytest.mark.parametrize("name", ["popl23", "popl23-unsafe", OURS])
def test_what_holds_data_keeps_its_shape_and_what_is_empty_does_not(opened, name):
    """With objects, a field that holds nothing is there all the same."""
    application, protocol = compiled("hotel"), PROTOCOLS[name]()
    full = "Hotel.rooms"
    empty = next(
        each
        for each in application.shape.fields
        if not any(
            key.startswith(data_prefix(*each.split("."))) for key in application.initial_state()
        )
    )

    def other(field):
        fields = {**application.shape.fields, field: FieldShape("dict", "dict[str, bytes]")}
        return Shape(fields, application.shape.left)

    async def work(store):
        content = protocol.arranged(application.program, application.initial_state())
        await load(store, "hotel", content, application.shape, protocol)
        with pytest.raises(OtherShape, match=full):
            await load(store, "hotel", content, other(full), protocol)
        await load(store, "hotel", content, other(empty), protocol)
        shape, kept = await kept_as(store)
        assert shape.fields[empty].type == "dict[str, bytes]"
        assert kept.name == name
        assert json.loads((await _dumped(store, full))[0])["field"] == full

    opened(work)
