"""The secret of a deployment: drawn once, kept in the store, and shown by nothing."""

import asyncio

import pytest

from backends.runtime import secret as module
from backends.runtime import snapshot as patience
from backends.runtime.errors import NotSetUp, OtherApplication
from backends.runtime.secret import Secret, found, keep, set_up
from backends.runtime.snapshot import load, snapshot
from compiler.application import load as load_application
from core.errors import StoreUnavailable, Unknown
from core.layout import DATA, SECRET, SET_UP
from core.readable import readable_key
from core.store import Set
from tests.backends.fdb.clusters import plain
from tests.backends.runtime.test_snapshot import Died, Standin, Struck
from tests.backends.sqlite.subject import Subject

APP = """
import random
import time
import uuid
from datetime import datetime, timezone

from compiler import Persistent, instance, service


@service
class Accounts:
    def __init__(self) -> None:
        self.admin: Persistent[str] = ""
        self.at: Persistent[datetime] = datetime(2000, 1, 1)
        self.filling: Persistent[dict[int, bytes]] = {}

    def forgot(self) -> str:
        return uuid.uuid4().hex


def setup() -> None:
    accounts = instance(Accounts)
    accounts.admin = uuid.uuid4().hex
    accounts.at = datetime.now(timezone.utc)
    for number in range(%d):
        accounts.filling[number] = random.randbytes(90_000)
"""


@pytest.fixture(
    params=[pytest.param(Subject, id="local"), pytest.param(Standin, id="fdb", marks=plain)]
)
def store(request):
    store = request.param()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(patience, "_PAUSE", 0.001)


@pytest.fixture
def application(tmp_path):
    """Makes the application, with so many values beside the one that is drawn."""

    def make(filling=0):
        path = tmp_path / "accounts.py"
        path.write_text(APP % filling)
        return load_application(path)

    return make


def data(content):
    return {key: value for key, value in content.items() if DATA.begin <= key < DATA.end}


def test_it_is_drawn_once(store):
    drawn = store.run(keep(store.store, "app"))
    assert len(drawn.key) == 32
    assert store.run(keep(store.store, "app")) == drawn
    assert store.run(found(store.store)) == drawn
    store.run(load(store.store, "app", {b"d1": b"1"}))
    assert store.run(keep(store.store, "app")) == drawn


def test_those_who_draw_at_once_have_the_same(store):
    async def all_of_them():
        return await asyncio.gather(*(keep(store.store, "app") for _ in range(5)))

    assert len(set(store.run(all_of_them()))) == 1


def test_every_store_has_its_own():
    one, other = Subject(), Subject()
    assert one.run(keep(one.store, "app")).key != other.run(keep(other.store, "app")).key
    one.close()
    other.close()


def test_a_store_from_before_is_given_one(store):
    store.run(load(store.store, "app", {b"d1": b"1"}))
    assert store.run(found(store.store)) is None
    drawn = store.run(keep(store.store, "app"))
    assert store.run(keep(store.store, "app")) == drawn
    assert data(store.run(snapshot(store.store))) == {b"d1": b"1"}


@pytest.mark.parametrize("there", ["another application's", "nobody's"])
def test_what_is_not_ours_is_left_as_it_is(store, there):
    if there == "nobody's":
        store.commit(store.read_version(), (), [Set(b"x", b"")])
    else:
        store.run(load(store.store, "other", {}))
    with pytest.raises(OtherApplication, match="another place for the data of 'app'"):
        store.run(keep(store.store, "app"))
    assert store.run(found(store.store)) is None


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("at", "filling"), [*((at, 0) for at in range(6)), *((at, 25) for at in range(8))]
)
def test_another_goes_on_where_one_died(store, application, at, after, filling):
    """What set-up reads of clock and chance is the same in every process that does it."""
    app = application(filling)
    with pytest.raises(Died):
        store.run(set_up(Struck(store.store, at, Died(), after), app))
    begun = store.run(found(store.store))
    made = store.run(set_up(store.store, app))
    assert made.program.secret == store.run(found(store.store)).key
    assert begun is None or made.program.secret == begun.key
    content = data(store.run(snapshot(store.store)))
    store.run(set_up(store.store, app))
    assert data(store.run(snapshot(store.store))) == content
    assert len(content) == filling + 2


def test_several_set_up_a_large_store_at_once(store, application):
    app = application(25)

    async def all_of_them():
        return await asyncio.gather(*(set_up(store.store, app) for _ in range(3)))

    assert len({each.program.secret for each in store.run(all_of_them())}) == 1
    assert len(data(store.run(snapshot(store.store)))) == 27


def test_set_up_has_real_time_and_real_chance(application, monkeypatch):
    app, contents = application(), []
    for now in (1_700_000_000_000_000_000, 1_800_000_000_000_000_000):
        monkeypatch.setattr(module.time, "time_ns", lambda now=now: now)
        subject = Subject()
        subject.run(set_up(subject.store, app))
        reference = app.reference()
        reference.load(subject.run(snapshot(subject.store)))
        accounts = reference.instance("Accounts")
        assert accounts.at.timestamp() * 10**9 == now
        contents.append(accounts.admin)
        subject.close()
    assert contents[0] != contents[1]
    assert app.initial_state() == app.initial_state()  # simulated, it is the same everywhere


@pytest.mark.parametrize("error", [StoreUnavailable(), Unknown()])
@pytest.mark.parametrize("at", range(3))
def test_a_store_that_fails_is_asked_again(store, at, error):
    drawn = store.run(keep(Struck(store.store, at, error, isinstance(error, Unknown)), "app"))
    assert store.run(found(store.store)) == drawn


def test_a_store_that_stays_away_is_told(store):
    with pytest.raises(NotSetUp, match="could not be given its secret"):
        store.run(keep(Struck(store.store, 0, StoreUnavailable(), for_good=True), "app"))


def test_nothing_shows_it(store, application):
    app = store.run(set_up(store.store, application()))
    key = app.program.secret
    content = store.run(snapshot(store.store))
    assert SECRET not in content
    assert SET_UP in content
    shown = "".join(map(repr, (app.program, app, Secret(key, 1), readable_key(SECRET))))
    assert repr(key)[2:-1] not in shown
