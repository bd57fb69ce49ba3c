"""What was set aside waits for a person: it holds nothing up, nothing of it is forgotten, and taken
up again under mended code it is completed once."""

import random

import pytest

from core import effects
from core.aside import notes, resume
from core.client_keys import root_of_key
from core.errors import Conflict
from core.ids import earliest_root, root_id
from core.layout import DATA, INTENTS, JOURNAL, SET_ASIDE, WATERMARK
from core.memory import MemoryStore
from core.messages import Returned
from core.ports import Commit, Read
from core.recovery import recover
from core.retention import retain
from tests.core.programs import CODEC, increment, program
from tests.direct import DirectHost, root_request

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
"""Requests begin in the first seconds; what comes later is a day after."""


async def careless(self, key):
    """An effect, then more reads than the store has patience for."""
    await effects.call("Note", "increment", key)
    return await slow(self, key)


async def slow(self, key):
    total = 0
    for number in range(8):
        total += await self.values.get((key, number), 0)
    await self.values.setitem(key, total + 1)
    return total


async def handed_down(self, key):
    """An effect, then a callee that has both an effect and no end."""
    await effects.call("Note", "increment", key)
    return await effects.call("Sum", "careless", (key, "below"))


async def mended(self, key):
    await effects.call("Note", "increment", key)
    return await quick(self, key)


async def quick(self, key):
    await self.values.setitem(key, 1)
    return "done"


def version(**methods):
    return program(("Sum", methods), ("Note", {"increment": increment}))


BAD = version(careless=careless, handed_down=handed_down, slow=slow)
GOOD = version(careless=mended, handed_down=handed_down, slow=quick)


class Host(DirectHost):
    """Every read takes 0.9 s of the store's time."""

    def __init__(self, program, store=None, now=0.0):
        self.now = now
        super().__init__(program, store or MemoryStore(clock=lambda: self.now))

    def perform(self, effect):
        self.now += 0.9 if isinstance(effect, Read) else 0.0
        return super().perform(effect)

    def keys(self, section):
        return [k for k in self.store.snapshot() if section.begin <= k < section.end]

    def ask(self, root, method):
        return self.run(root_request(self.program, root, "Sum", method, "k")).outcome

    def deployed(self, program):
        """The same store under another version of the code."""
        self.program = program


def a_root(second, rng_seed=0):
    return root_id(second * 1_000, random.Random(rng_seed))


@pytest.fixture
def host():
    return Host(BAD)


def aside(host, root, method):
    outcome = host.ask(root, method)
    assert (outcome.kind, outcome.cause) == ("SetAside", "TooSlow")
    return outcome


@pytest.mark.parametrize("method", ["careless", "handed_down"])
def test_the_note_says_what_why_where_and_since_when(host, method):
    host.clock_ns = 7 * SECOND
    aside(host, a_root(1), method)
    (noted,) = host.drive(notes())
    assert noted.root == a_root(1)
    assert (noted.note.origin.service, noted.note.origin.method) == ("Sum", method)
    assert noted.note.cause == "TooSlow"
    assert "test_aside.py:" in noted.note.reason
    assert 7 * SECOND <= noted.note.since < 8 * SECOND


@pytest.mark.parametrize("method", ["careless", "handed_down"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["at once", "after a month"])
def test_resumed_under_mended_code_it_is_completed_once_and_answers(host, method, forgotten):
    root = a_root(1)
    before = aside(host, root, method)
    assert host.ask(root, method) == before
    if forgotten:
        host.drive(retain(30 * DAY, DAY))
    host.deployed(GOOD)
    assert host.ask(root, method) == before, "until it is resumed"
    assert host.drive(resume(root, 31 * DAY))
    assert host.keys(INTENTS)
    assert host.drive(recover(31 * DAY, 10 * SECOND)) == 1
    assert host.ask(root, method) == Returned(CODEC.encode("done"))
    assert not host.keys(INTENTS)
    notes_made = [k for k in host.keys(DATA) if k.startswith(b"dNote")]
    counts = [CODEC.decode(host.store.snapshot()[k]) for k in notes_made]
    assert counts == [1] * (2 if method == "handed_down" else 1)


def test_resumed_under_the_same_code_it_is_set_aside_again(host):
    aside(host, a_root(1), "careless")
    host.drive(resume(a_root(1), 2 * SECOND))
    host.drive(recover(DAY, 10 * SECOND))
    (noted,) = host.drive(notes())
    assert not noted.note.resumed
    assert not host.keys(INTENTS)


def test_only_what_is_set_aside_can_be_resumed(host):
    aside(host, a_root(1), "careless")
    assert not host.drive(resume(a_root(2), DAY))
    assert host.drive(resume(a_root(1), DAY))
    assert not host.drive(resume(a_root(1), DAY)), "it is under way already"


def test_to_resume_conflicts_with_what_happens_to_the_tree_meanwhile(host):
    aside(host, a_root(1), "careless")
    late = []

    class Slow(Host):
        def perform(self, effect):
            if isinstance(effect, Commit) and not late:
                late.append(effect)
                host.drive(resume(a_root(1), DAY))
            return super().perform(effect)

    with pytest.raises(Conflict):
        Slow(BAD, host.store).drive(resume(a_root(1), DAY))


def test_what_is_set_aside_does_not_hold_the_watermark_nor_anybody_elses_records(host):
    host.deployed(GOOD)
    host.ask(a_root(1), "careless")
    host.deployed(BAD)
    aside(host, a_root(2), "careless")
    host.deployed(GOOD)
    host.ask(a_root(3), "careless")
    kept = [k for k in host.keys(JOURNAL) if k[1:17] == a_root(2)]
    assert host.drive(retain(2 * DAY, DAY)) == earliest_root(86_400_000)
    assert host.keys(JOURNAL) == kept
    assert host.ask(a_root(1), "careless").kind == "Expired"
    host.drive(retain(3 * DAY, DAY))
    assert host.keys(JOURNAL) == kept, "however often"


def test_a_period_after_it_was_resumed_it_is_forgotten_like_any_other(host):
    root = a_root(1)
    aside(host, root, "careless")
    host.drive(retain(10 * DAY, DAY))
    host.deployed(GOOD)
    host.drive(resume(root, 20 * DAY))
    host.drive(retain(22 * DAY, DAY))
    assert host.keys(SET_ASIDE), "it is not complete yet"
    host.drive(recover(22 * DAY, 10 * SECOND))
    host.drive(retain(20 * DAY + SECOND, DAY))
    assert isinstance(host.ask(root, "careless"), Returned)
    host.drive(retain(22 * DAY, DAY))
    assert host.ask(root, "careless").kind == "Expired"
    left = [k for k in host.store.snapshot() if not DATA.begin <= k < DATA.end]
    assert left == [WATERMARK]


def test_a_clients_key_stands_for_what_is_set_aside_for_as_long(host):
    root = a_root(1)
    assert host.drive(root_of_key(b"order-42", root)) == root
    aside(host, root, "careless")
    host.drive(retain(10 * DAY, DAY))
    assert host.drive(root_of_key(b"order-42", a_root(86_400 * 10))) == root
    host.deployed(GOOD)
    host.drive(resume(root, 10 * DAY))
    host.drive(recover(10 * DAY, 10 * SECOND))
    host.drive(retain(20 * DAY, DAY))
    assert not [k for k in host.store.snapshot() if k[:1] in b"kr"]


def test_retention_goes_around_any_number_of_them(host, monkeypatch):
    monkeypatch.setattr("core.retention.ASIDE_AT_ONCE", 2)
    monkeypatch.setattr("core.retention.KEYS_AT_ONCE", 2)
    for second in range(1, 8):
        root = a_root(second)
        host.drive(root_of_key(b"key %d" % second, root))
        if second % 3:
            aside(host, root, "careless")
    kept = host.keys(JOURNAL)
    host.drive(retain(10 * DAY, DAY))
    assert host.keys(JOURNAL) == kept
    assert host.store.snapshot()[WATERMARK] == earliest_root(9 * 86_400_000)
    assert [k for k in host.store.snapshot() if k[:1] == b"k"] == [
        b"kkey %d" % second for second in range(1, 8) if second % 3
    ]
