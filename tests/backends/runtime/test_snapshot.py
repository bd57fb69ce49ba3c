"""Whole stores: snapshots of one version, and initial states however often something dies."""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from backends.runtime import snapshot as module
from backends.runtime.errors import NotSetUp, OtherApplication, OtherShape, TooMuchToRead
from backends.runtime.snapshot import load, snapshot
from backends.sqlite.store import SqliteStore
from core.errors import Conflict, StoreUnavailable, TooLarge, TooOld, Unknown
from core.layout import SET_UP, data_prefix
from core.limits import USER_KEYS_END
from core.shape import FieldShape, Shape
from core.store import VALUE_LIMIT, ClearRange, Set, transaction_size
from tests.backends.fdb.clusters import Standing, plain
from tests.backends.fdb.clusters import Subject as FdbSubject
from tests.backends.sqlite.subject import Subject

ROOT = Path(__file__).parents[3]
PAIRS = {b"d%05d" % number: b"%d" % number for number in range(20)}
OTHERS = {b"dother%05d" % number: bytes(100_000) for number in range(15)}
MANY = {b"d%05d" % number: random.Random(number).randbytes(100_000) for number in range(35)}
"""Four transactions of a megabyte."""


class Standin(FdbSubject):
    def __init__(self):
        super().__init__(Standing())


@pytest.fixture(
    params=[pytest.param(Subject, id="local"), pytest.param(Standin, id="fdb", marks=plain)]
)
def store(request):
    store = request.param()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.001)


def write(store, pairs):
    store.commit(store.read_version(), (), [Set(*pair) for pair in pairs.items()])


def content(store):
    """What is there but for the mark."""
    pairs = store.run(snapshot(store.store))
    pairs.pop(SET_UP, None)
    return pairs


class Struck:
    """A store that fails at its n-th call, before or after it took place, and for good if told."""

    def __init__(self, store, at, error, after=False, for_good=False):
        self.store, self.at, self.error = store, at, error
        self.after, self.for_good = after, for_good
        self.calls = self.largest = 0

    def __str__(self):
        return "the struck store"

    async def call(self, method, *arguments):
        number, self.calls = self.calls, self.calls + 1
        strikes = number == self.at or (self.for_good and number > self.at)
        if strikes and not self.after:
            raise self.error
        answer = await method(*arguments)
        if strikes:
            raise self.error
        return answer

    async def read_version(self):
        return await self.call(self.store.read_version)

    async def read(self, *arguments):
        return await self.call(self.store.read, *arguments)

    async def commit(self, version, reads, mutations):
        self.largest = max(self.largest, transaction_size(reads, mutations))
        return await self.call(self.store.commit, version, reads, mutations)


class Died(BaseException):
    """The process that loads is gone."""


# --- snapshots


def test_everything_at_one_version(store, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 7)
    pairs = {b"": b"", b"\x00": b"0", **PAIRS, b"\xfe": b"last"}
    write(store, pairs)

    class Disturbed(Struck):
        async def read(self, *arguments):
            """Somebody writes between the pages."""
            changes = [Set(b"d00019", b"new"), Set(b"z", b""), ClearRange(b"d00010", b"d00015")]
            await self.store.commit(await self.store.read_version(), (), changes)
            return await super().read(*arguments)

    disturbed = Disturbed(store.store, -1, None)
    assert store.run(snapshot(disturbed)) == pairs
    assert disturbed.calls > 4
    assert b"d00012" not in content(store)


@pytest.mark.parametrize("count", [0, 6, 7, 8, 14])
def test_pages_that_just_fit(store, monkeypatch, count):
    monkeypatch.setattr(module, "_PAGE", 7)
    pairs = dict(list(PAIRS.items())[:count])
    if pairs:
        write(store, pairs)
    assert store.run(snapshot(store.store)) == pairs


def test_more_than_can_be_read_in_the_window(store, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 7)
    write(store, PAIRS)

    class Slow(Struck):
        async def read(self, *arguments):
            answer = await super().read(*arguments)
            store.advance(6.0)
            now = await store.store.read_version()
            await store.store.commit(now, (), [Set(b"d\xff", b"written meanwhile")])
            return answer

    with pytest.raises(TooMuchToRead, match=r"holds more than can .* after 7 keys: copy"):
        store.run(snapshot(Slow(store.store, -1, None)))


def test_one_version_that_is_too_old_is_not_the_last(store):
    write(store, PAIRS)
    assert store.run(snapshot(Struck(store.store, 1, TooOld("it lags")))) == PAIRS


def test_a_store_that_hiccups(store):
    write(store, PAIRS)
    struck = Struck(store.store, 1, StoreUnavailable("as the test says"))
    assert store.run(snapshot(struck)) == PAIRS
    with pytest.raises(StoreUnavailable):
        store.run(snapshot(Struck(store.store, 1, StoreUnavailable("gone"), for_good=True)))


# --- initial states


@pytest.mark.parametrize("pairs", [{}, PAIRS, MANY], ids=["nothing", "small", "large"])
def test_a_new_store_is_loaded_once(store, pairs):
    for _ in range(2):
        store.run(load(store.store, "app", pairs))
        assert content(store) == pairs
    write(store, {b"d00001": b"changed"})
    store.run(load(store.store, "app", pairs))
    store.run(load(store.store, "app", OTHERS))  # a later release begins with something else
    assert content(store) == {**pairs, b"d00001": b"changed"}


def test_transactions_are_of_a_good_size(store):
    struck = Struck(store.store, -1, None)
    store.run(load(struck, "app", MANY))
    assert VALUE_LIMIT < struck.largest < 1_100_000
    assert content(store) == MANY


def test_another_application_s_store(store):
    store.run(load(store.store, "hotel", PAIRS))
    said = r"was set up for the application 'hotel', not 'bank': give another place .* 'bank'"
    with pytest.raises(OtherApplication, match=said) as caught:
        store.run(load(store.store, "bank", {}))
    assert caught.value.store == str(store.store) in str(caught.value)
    assert content(store) == PAIRS


def test_another_application_s_half_loaded_store(store):
    die_at(store, 4, "hotel")
    with pytest.raises(OtherApplication):
        store.run(load(store.store, "bank", {}))


def test_data_of_nobody_knows_whom(store):
    write(store, {b"d": b"precious"})
    with pytest.raises(OtherApplication, match="holds data, but was not set up"):
        store.run(load(store.store, "app", MANY))
    assert content(store) == {b"d": b"precious"}


def die_at(store, at, application="app", after=False):
    """Load MANY with a process that dies at its n-th call; whether it did."""
    try:
        store.run(load(Struck(store.store, at, Died(), after), application, MANY))
    except Died:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("then", [MANY, OTHERS, PAIRS, {}], ids=["same", "other", "small", "none"])
def test_a_death_at_any_moment(store, then, after):
    """Whoever comes next finds an empty store, a whole one, or finishes what was begun."""
    for at in range(20):
        store.commit(store.read_version(), (), [ClearRange(b"", USER_KEYS_END)])
        died = die_at(store, at, after=after)
        left = content(store)
        store.run(load(store.store, "app", then))
        whole = left == MANY and (after or not died)
        assert content(store) == (MANY if whole or not died else then)
        store.run(load(store.store, "app", MANY))
        assert content(store) == (MANY if whole or not died else then)
        if not died:
            break
    assert at >= 6


@pytest.mark.parametrize("error", [Unknown("lost"), StoreUnavailable("gone"), Conflict()])
@pytest.mark.parametrize("after", [False, True])
def test_an_error_at_any_moment(store, error, after):
    for at in range(8):
        store.commit(store.read_version(), (), [ClearRange(b"", USER_KEYS_END)])
        store.run(load(Struck(store.store, at, error, after), "app", MANY))
        assert content(store) == MANY


def test_a_store_that_does_not_play_along(store):
    struck = Struck(store.store, 3, StoreUnavailable("gone"), for_good=True)
    with pytest.raises(NotSetUp, match=r"struck store could not be given .* \(gone\): try again"):
        store.run(load(struck, "app", MANY))
    with pytest.raises(TooLarge):
        store.run(load(store.store, "app", {b"d": bytes(VALUE_LIMIT + 1)}))


class Delayed(Struck):
    """Its calls wait for a random while."""

    def __init__(self, store, rng):
        super().__init__(store, -1, None)
        self.rng = rng

    async def call(self, method, *arguments):
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(0)
        return await super().call(method, *arguments)


@pytest.mark.parametrize("seed", range(5))
def test_many_at_once_and_the_application_begins(store, seed):
    """Nobody who comes late writes over what the application has written since."""
    rng = random.Random(seed)

    async def play():
        async def come():
            await load(Delayed(store.store, rng), "app", MANY)
            reads = await store.store.read(await store.store.read_version(), (b"d00000",))
            if reads[0][0] == MANY[b"d00000"]:
                changes = [Set(b"d00000", b"used"), Set(b"d00034", b"used")]
                await store.store.commit(await store.store.read_version(), (), changes)

        await asyncio.gather(*(come() for _ in range(4)))

    store.run(play())
    assert content(store) == {**MANY, b"d00000": b"used", b"d00034": b"used"}


SLOWLY = """
import asyncio, sys
from tests.backends.runtime.test_snapshot import load_slowly
asyncio.run(load_slowly(sys.argv[1]))
"""


async def load_slowly(path):
    class Slow(Struck):
        async def call(self, method, *arguments):
            os.write(1, b"called\n")
            await asyncio.sleep(0.02)
            return await super().call(method, *arguments)

    store = SqliteStore(path)
    await load(Slow(store, -1, None), "app", MANY)


def test_a_process_killed_while_it_loads(tmp_path):
    """For real: kill -9 at one call of the store or another, and then one that comes through."""
    path = str(tmp_path / "store.db")
    for calls in range(1, 6):
        command = [sys.executable, "-c", SLOWLY, path]
        victim = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert [victim.stdout.readline() for _ in range(calls)] == [b"called\n"] * calls
        victim.kill()
        victim.stdout.close()
        victim.wait()

    async def finish():
        store = SqliteStore(path)
        await load(store, "app", MANY)
        content = await snapshot(store)
        await store.close()
        return content

    content = asyncio.run(finish())
    assert content.pop(SET_UP)
    assert content == MANY


# --- the shape of the data


def shaped(**fields):
    """A shape; ``Hotel_rooms`` is the dict Hotel.rooms."""
    return Shape({n.replace("_", "."): FieldShape("dict", text) for n, text in fields.items()})


ROOMS = {data_prefix("Hotel", "rooms") + b"k": b"v"}
INTS, TEXTS = shaped(Hotel_rooms="dict[str, int]"), shaped(Hotel_rooms="dict[str, str]")


def test_code_that_does_not_fit_is_refused_and_changes_nothing(store):
    store.run(load(store.store, "hotel", ROOMS, INTS))
    before = store.run(snapshot(store.store))
    said = (
        r"Hotel.rooms holds dict\[str, int\] and is declared dict\[str, str\]: go on with the code "
        "that wrote it; or keep the field"
    )
    with pytest.raises(OtherShape, match=said):
        store.run(load(store.store, "hotel", ROOMS, TEXTS))
    assert store.run(snapshot(store.store)) == before
    store.run(load(store.store, "hotel", ROOMS, INTS))


def test_everything_that_does_not_fit_is_said_at_once(store):
    seats = {data_prefix("Flight", "seats") + b"k": b"v"}
    both = shaped(Hotel_rooms="dict[str, int]", Flight_seats="dict[str, int]")
    other = shaped(Hotel_rooms="dict[str, str]", Flight_seats="dict[str, str]")
    store.run(load(store.store, "hotel", {**ROOMS, **seats}, both))
    with pytest.raises(OtherShape) as caught:
        store.run(load(store.store, "hotel", {}, other))
    assert all(name in str(caught.value) for name in both.fields)


def test_what_is_empty_may_become_anything(store):
    store.run(load(store.store, "hotel", {}, INTS))
    store.run(load(store.store, "hotel", {}, TEXTS))
    write(store, {data_prefix("Hotel", "rooms") + b"k": b"v"})
    with pytest.raises(OtherShape):
        store.run(load(store.store, "hotel", {}, INTS))


def test_a_store_from_before_there_were_shapes_gets_one(store):
    store.run(load(store.store, "hotel", ROOMS))
    store.run(load(store.store, "hotel", ROOMS, INTS))
    with pytest.raises(OtherShape):
        store.run(load(store.store, "hotel", ROOMS, TEXTS))


def test_the_shape_widens_with_the_code(store):
    wider = shaped(Hotel_rooms="dict[str, int | None]")
    store.run(load(store.store, "hotel", ROOMS, INTS))
    store.run(load(store.store, "hotel", ROOMS, wider))
    with pytest.raises(OtherShape):
        store.run(load(store.store, "hotel", ROOMS, INTS))


def test_a_field_that_goes_is_told_once_and_its_data_stay(store, caplog):
    store.run(load(store.store, "hotel", ROOMS, INTS))
    for _ in range(2):
        store.run(load(store.store, "hotel", ROOMS, Shape()))
    assert caplog.text.count("Hotel.rooms is not declared any more; its data stay") == 1
    with pytest.raises(OtherShape):
        store.run(load(store.store, "hotel", ROOMS, TEXTS))
    store.run(load(store.store, "hotel", ROOMS, INTS))
    assert content(store) == ROOMS


def test_the_shape_of_a_large_initial_state(store):
    store.run(load(store.store, "app", MANY, INTS))
    write(store, ROOMS)
    with pytest.raises(OtherShape):
        store.run(load(store.store, "app", MANY, TEXTS))
