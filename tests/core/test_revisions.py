"""While an application is replaced, what one revision does not know is trouble that passes."""

import random
from dataclasses import dataclass, replace

import msgspec
import pytest

from core import effects
from core.aside import notes, resume
from core.codec import Codec
from core.fields import DictField
from core.ids import RequestId, root_id
from core.journal import Record, decode_record, encode_record
from core.memory import MemoryStore
from core.messages import Failed, Origin, Request, Returned
from core.poison import refuse
from core.program import Program, Service
from core.recovery import recover
from core.revisions import LONGEST, told
from tests.core.programs import CODEC, COUNTER, increment, look, program
from tests.direct import DirectHost

RNG = random.Random(4)


def asked(service, method, *args, codec=CODEC, root=None):
    data = codec.encode((args, {}))
    root = root or root_id(1_000, RNG)
    return Request(RequestId(root), service, method, data, Origin(service, method, data))


async def works(self):
    await effects.call("Counter", "increment", "before")
    await effects.call("Counter", "added", "k")
    await effects.call("Counter", "increment", "after")
    return "done"


async def travels(self):
    async with effects.Transaction():
        await self.values.setitem("mine", 1)
        await effects.call("Counter", "added", "k")
    return "done"


async def passes_more(self):
    await effects.call("Counter", "increment", "before")
    await effects.call("Counter", "increment", "k", 5)
    return "done"


async def increment_by(self, key, by=1):
    return await increment(self, key)


async def counts(self, key):
    return await effects.call("Counter", "look", key)


WITH = ("Counter", {"increment": increment, "added": increment, "look": look})
LONGER = ("Counter", {"increment": increment_by})
CALLERS = {"run": works, "travels": travels, "more": passes_more, "counts": counts}


def app(counter):
    return program(counter, ("S", CALLERS), read_only=("Counter.look", "S.counts"))


class Mixed(DirectHost):
    """One service is of the other revision."""

    def __init__(self, one, other, store, service):
        super().__init__(one, store)
        self.other = DirectHost(other, store)
        self.service = service

    def run(self, request):
        if request.service == self.service:
            return self.other.run(request)
        return super().run(request)


@pytest.mark.parametrize("method", ["run", "travels", "more"])
@pytest.mark.parametrize("tries", [1, 3])
def test_what_the_callee_does_not_know_yet_is_done_once_it_does(method, tries):
    new = app((WITH[0], WITH[1] | LONGER[1]))
    store, request = MemoryStore(), asked("S", method)
    for _ in range(tries):
        outcome = Mixed(new, app(COUNTER), store, "Counter").run(request).outcome
        assert isinstance(outcome, Failed)
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)
        assert "another revision may" in outcome.text
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode("done"))
    Mixed(new, app(COUNTER), store, "Counter").drive(recover(10**15, 0))
    assert not any(b"aside" in key for key in store.snapshot())


def test_recovery_of_the_old_revision_leaves_the_new_ones_trees_alone():
    new, store, request = app(WITH), MemoryStore(), asked("S", "run")
    Mixed(new, app(COUNTER), store, "Counter").run(request)
    before = store.snapshot()
    DirectHost(program(COUNTER), store).drive(recover(10**15, 0))
    assert store.snapshot() == before
    DirectHost(new, store).drive(recover(10**15, 0))
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode("done"))


def test_a_client_is_not_told_that_nothing_happened_by_who_does_not_know():
    """An earlier try may have come to another revision."""
    new, store, request = app(WITH), MemoryStore(), asked("Counter", "added", "k")
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode(1))
    outcome = DirectHost(app(COUNTER), store).run(request).outcome
    assert (outcome.kind, outcome.definite) == ("Unfamiliar", False)
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode(1))


def test_what_no_revision_knows_any_more_is_set_aside(monkeypatch):
    new, store, request = app(WITH), MemoryStore(), asked("S", "run")
    mixed = Mixed(new, app(COUNTER), store, "Counter")
    mixed.run(request)
    monkeypatch.setattr("core.revisions.LONGEST", -1.0)
    outcome = mixed.run(request).outcome
    assert (outcome.kind, outcome.cause) == ("SetAside", "BadRequest")
    assert "Counter.added" in outcome.text


@pytest.mark.parametrize("path", [(), (3,)])
def test_it_is_for_good_when_the_tree_is_older_than_any_replacement(path):
    request = RequestId(root_id(50_000_000, RNG), path)
    for seconds in (0.0, LONGEST - 1, -LONGEST + 1):
        now = int((50_000 + seconds) * 1e9)
        assert told(request, "no", now) == Failed("Unfamiliar", False, "no; another revision may")
    for seconds in (LONGEST + 1, -LONGEST - 1):
        said = told(request, "no", int((50_000 + seconds) * 1e9))
        assert said.definite == bool(path)
        assert "BadRequest" in (said.kind, said.cause)


# --- values


@dataclass
class Old:
    name: str


@dataclass
class New:
    name: str


class Shelf:
    def __init__(self, codec):
        self.values = DictField("Shelf", "values", codec)


async def fill(self, key):
    await self.values.setitem(key, New("x"))
    return key


async def take(self, key):
    try:
        found = (await self.values.get(key)).name
    except Exception:
        found = "none"
    finally:
        await effects.call("Shelf", "note", key)
    await self.values.setitem("taken", found)
    return found


async def note(self, key):
    await self.values.setitem(f"note {key}", 1)


async def make(self):
    await self.values.setitem("made", 1)
    return New("made")


async def have_made(self):
    return (await effects.call("Shelf", "make")).name


METHODS = {"fill": fill, "take": take, "note": note, "make": make}


def shelf(*types):
    codec = Codec(types)
    made = program(("Shelf", METHODS), ("Reader", {"have_made": have_made})).services
    made["Shelf"] = Service("Shelf", Shelf(codec), made["Shelf"].methods)
    return Program("shelf", made, codec)


def test_a_stored_value_of_a_class_that_is_new_is_no_exception_of_the_program():
    """Whatever the method makes of it: what it would do then is not done."""
    new, old, store = shelf(Old, New), shelf(Old), MemoryStore()
    DirectHost(new, store).run(asked("Shelf", "fill", "k"))
    request = asked("Shelf", "take", "k")
    before = store.snapshot()
    outcome = DirectHost(old, store).run(request).outcome
    assert (outcome.kind, outcome.definite) == ("Unfamiliar", False)
    assert "New" in outcome.text
    assert store.snapshot() == before
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode("x"))


def test_an_answer_of_a_class_that_is_new_is_read_by_the_new_revision():
    new, old, store = shelf(Old, New), shelf(Old), MemoryStore()
    request = asked("Reader", "have_made")
    outcome = Mixed(old, new, store, "Shelf").run(request).outcome
    assert (outcome.kind, outcome.definite) == ("Unfamiliar", False)
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode("made"))


async def looks_and_counts(self, key):
    await self.values.setitem("looked", 1)
    return await look(self, key)


def test_writes_of_what_was_read_only_are_not_lost():
    """The caller's revision has proved that nobody writes, so it would commit nothing."""
    new = program(("Counter", {"look": looks_and_counts}), ("S", {"counts": counts}))
    old, store = app(WITH), MemoryStore()
    request = asked("S", "counts", "k")
    outcome = Mixed(old, new, store, "Counter").run(request).outcome
    assert outcome.kind == "Unfamiliar"
    assert DirectHost(new, store).run(request).outcome == Returned(CODEC.encode(0))
    assert any(b"looked" in key for key in store.snapshot())


def test_an_exchange_of_calls_that_do_not_fit_is_the_programs_own_mistake():
    """By the caller's own revision: it raises there, as plain Python does."""

    async def misfits(self):
        try:
            await effects.call("Counter", "increment", "k", 1, 2)
        except TypeError as error:
            return str(error)

    misfit = program(COUNTER, ("S", {"run": misfits}))
    outcome = DirectHost(misfit, MemoryStore()).run(asked("S", "run")).outcome
    assert "takes 2 positional arguments but 4 were given" in CODEC.decode(outcome.value)


# --- other calls than the journal holds


async def counts_two(self):
    await effects.call("Counter", "increment", "before")
    await effects.call("Counter", "increment", "after")
    return "done"


async def reads_first(self):
    await self.values.get("mine", None)
    return await counts_two(self)


async def counts_others(self):
    await effects.call("Counter", "increment", "other")
    await effects.call("Counter", "increment", "after")
    return "done"


async def sets_twice(self):
    await self.values.setitem("mine", 1)
    await effects.call("Counter", "increment", "before")
    await self.values.setitem("mine", 2)
    await effects.call("Counter", "increment", "after")
    return "done"


async def ends_before(self):
    await self.values.setitem("mine", 1)
    await effects.call("Counter", "increment", "before")
    await self.values.setitem("mine", 2)
    return "done"


def revision(name, method):
    return replace(program(COUNTER, ("S", {"run": method})), revision=name)


class Ends(DirectHost):
    """Dies after a number of commits."""

    class Died(Exception):
        pass

    def __init__(self, one, store, commits):
        super().__init__(one, store)
        self.left = commits

    def perform(self, effect):
        if type(effect).__name__ == "Commit":
            if not self.left:
                raise self.Died
            self.left -= 1
        return super().perform(effect)


CHANGES = {
    "other arguments": (counts_two, counts_others, 1),
    "no look": (reads_first, counts_others, 2),
    "an end": (sets_twice, ends_before, 3),
}


def begun(change):
    """A tree that the old revision began and did not complete."""
    old, new, commits = CHANGES[change]
    store, request = MemoryStore(), asked("S", "run")
    with pytest.raises(Ends.Died):
        Ends(revision("old", old), store, commits).run(request)
    return revision("old", old), revision("new", new), store, request


@pytest.mark.parametrize("change", CHANGES)
def test_who_asks_for_other_things_leaves_a_tree_to_the_revision_that_began_it(change):
    old, new, store, request = begun(change)
    host = DirectHost(new, store)
    for _ in range(3):
        outcome = host.run(request).outcome
        assert (outcome.kind, outcome.definite) in (("Unfamiliar", False), ("Interrupted", False))
        host.drive(recover(10**15, 0))
    assert not host.drive(notes())
    DirectHost(old, store).drive(recover(10**15, 0))
    assert DirectHost(old, store).run(request).outcome == Returned(CODEC.encode("done"))
    keys = "before", "after"
    counted = [
        DirectHost(old, store).run(asked("Counter", "increment", key)).outcome for key in keys
    ]
    assert counted == [Returned(CODEC.encode(2))] * 2, "each was done once"


@pytest.mark.parametrize("change", CHANGES)
def test_when_nobody_has_that_revision_any_more_it_is_kept_with_both_named(change, monkeypatch):
    old, new, store, request = begun(change)
    monkeypatch.setattr("core.revisions.LONGEST", -1.0)
    host = DirectHost(new, store)
    host.drive(recover(10**15, 0))
    (noted,) = host.drive(notes())
    assert "This is revision new; the journal is of old" in noted.note.reason
    assert host.run(request).outcome.kind == "SetAside"
    assert host.drive(resume(request.id.root, 10**18))
    DirectHost(old, store).drive(recover(10**15, 0))
    assert DirectHost(old, store).run(request).outcome == Returned(CODEC.encode("done"))


@pytest.mark.parametrize("change", CHANGES)
def test_within_one_revision_it_is_the_program_that_is_not_deterministic(change):
    _, new, store, _ = begun(change)
    host = DirectHost(replace(new, revision="old"), store)
    host.drive(recover(10**15, 0))
    (noted,) = host.drive(notes())
    assert noted.note.cause == "NondeterminismError"
    assert "This is revision" not in noted.note.reason


# --- callers of two revisions, a callee of one


def begun_call(begun="old"):
    """A revision asked a callee of the old one for something, and did not live to note it."""
    store, request = MemoryStore(), asked("S", "run")
    callee = Mixed(revision(begun, counts_two), revision("old", counts_two), store, "Counter")
    callee.other = Ends(callee.other.program, store, 1)
    with pytest.raises(Ends.Died):
        callee.run(request)

    def ask(revised, callee="old"):
        return Mixed(revised, revision(callee, counts_two), store, "Counter")

    return ask, request


def test_who_asks_a_callee_for_other_things_leaves_the_tree_to_who_asked_before():
    ask, request = begun_call()
    host = ask(revision("new", counts_others))
    for _ in range(3):
        outcome = host.run(request).outcome
        assert (outcome.kind, outcome.definite) == ("Interrupted", False)
        host.drive(recover(10**15, 0))
    assert not host.drive(notes())
    done = ask(revision("old", counts_two)).run(request).outcome
    assert done == Returned(CODEC.encode("done"))


def test_a_suspect_that_is_refused_is_compared_likewise():
    """A callee that took processes down is refused from what its journal says."""
    ask, request = begun_call()
    host = ask(revision("new", counts_others))
    host.other.run = lambda each: host.other.drive(refuse(each, "refused", "it kills"))
    assert host.run(request).outcome.kind == "Interrupted"
    assert not host.drive(notes())


def test_in_the_end_the_callers_revisions_are_named(monkeypatch):
    ask, request = begun_call()
    monkeypatch.setattr("core.revisions.LONGEST", -1.0)
    host = ask(revision("new", counts_others))
    host.run(request)
    (noted,) = host.drive(notes())
    assert "This is revision new; the journal is of old" in noted.note.reason


def test_a_caller_within_one_revision_is_not_excused_by_its_callees():
    ask, request = begun_call("new")
    host = ask(revision("new", counts_others), "newer")
    host.run(request)
    (noted,) = host.drive(notes())
    assert noted.note.cause == "NondeterminismError"
    assert "This is revision" not in noted.note.reason


@pytest.mark.parametrize("known", ["record", "request", "neither"])
def test_what_does_not_say_who_asked_may_be_of_another_revision(known):
    """As it was sent and recorded before there was a word for it."""
    old, store = revision("old", counts_two), MemoryStore()
    root = asked("S", "run")

    def call(key, says):
        data = CODEC.encode(((key,), {}))
        sent = Request(root.id.child(0), "Counter", "increment", data, root.origin, last=False)
        packed = msgspec.msgpack.decode(msgspec.msgpack.encode(sent))
        before = packed[: Request.__struct_fields__.index("asker")]
        packed = [*before, "old"] if says else before
        request = msgspec.msgpack.decode(msgspec.msgpack.encode(packed), type=Request)
        return DirectHost(old, store).run(request).outcome

    assert isinstance(call("before", known == "record"), Returned)
    outcome = call("other", known == "request")
    assert (outcome.kind, outcome.definite) == ("Unfamiliar", False)


def test_a_record_from_before_is_read():
    record = Record(b"f" * 16, -1, [], Returned(b""), True, "old", "new")
    packed = msgspec.msgpack.decode(encode_record(record))
    before = decode_record(msgspec.msgpack.encode(packed[:-1]))
    assert (before.revision, before.asker) == ("old", None)
