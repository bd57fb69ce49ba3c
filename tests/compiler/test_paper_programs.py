"""Programs in the style of the paper's prototype compile without an edit and run as plain."""

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import compare

STYLE = "from compiler import decorators\n\n"
EXCEPTION = "from runtime.transaction_exception import TransactionException\n\n"

PLACES = f"""{STYLE}@decorators.service
class Places(object):
    def __init__(self):
        self.places = {{}} # type: Persistent[dict]

    async def take(self, place, guest):
        ## Who is there already?
        entry = self.places[place]
        if entry["free"] > 0:
            entry["guests"].append(guest)
            entry["free"] -= 1
            self.places[place] = entry
            return True
        else:
            return False

    async def add(self, place, free):
        self.places[place] = {{"guests": [], "free": free}}
"""

DESK = f"""{STYLE}{EXCEPTION}@decorators.service
class Desk(object):
    def __init__(self):
        pass

    async def book(self, guest, first, second):
        tries = 0
        again = True
        while again:
            tries += 1
            try:
                ## All of it or nothing
                BeginTx()
                a = AsyncInvoke('Places', 'take', first, guest)
                b = AsyncInvoke('Places', 'take', second, guest)
                got_a, got_b = await WaitAll(a, b)
                again = False
            except TransactionException as e:
                again = True

        if not got_a:
            AbortTxNoExc()
            return (got_a, "first is full")
        if not got_b:
            AbortTxNoExc()
            return (got_b, "second is full")
        CommitTx()
        SyncInvoke('Notes', 'note', guest, tries)
        return (True, "done")
"""

NOTES = f"""import hashlib
from typing import ValuesView
from uuid import uuid4
from datetime import datetime
{STYLE}@decorators.service
class Notes:
    def __init__(self, clientFactory):
        self.notes = [] # type: Persistent[list]
        self.by_id = {{}} # type: Persistent[dict]
        ## A client by the class name
        self.places_client = clientFactory('Places') # type: Client

    def note(self, guest, tries):
        note_id = str(uuid4())
        when = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        self.by_id.update([(note_id, {{
            'guest': guest,
            'digest': hashlib.sha256((guest + note_id).encode('utf-8')).hexdigest(),
        }})])
        if not note_id in self.by_id.keys():
            return None
        self.notes.append([guest, when])
        self.try_to_tell(note_id)
        return note_id

    def try_to_tell(self, note_id):
        note = self.by_id.get(note_id)
        if note["guest"] == "ann":
            p1 = AsyncInvoke('Places', "add", "extra", 1)
            p2 = AsyncInvoke('Places', "add", "more", 1)
            self.by_id.pop(note_id)
            WaitAll(p1, p2)

    def through_the_client(self):
        SyncInvoke(self.places_client, "add", "via", 2)
        self.places_client.add("via2", 3)
        promise = AsyncInvoke('Places', "take", "via", "bob")
        ## No wait elsewhere
        res = Wait(promise)
        return res

    def lists(self):
        print("in the list test")
        self.notes.append(0)
        assert self.notes.index(0) >= 0
        el = self.notes.pop()
        assert self.notes + [5] != [5, 6]
        self.notes = [1]
        self.notes += [5]
        assert self.notes.index(5) == 1
        return [self.one(x)[1] for x in [1, 2]], el

    def one(self, x):
        if x in self.notes:
            return ("Found", x)
        return ("NotFound", -x)

    def retry(self, value):
        retry = True
        while retry:
            try:
                BeginTx()
                if value > 10:
                    raise TransactionException()
                self.notes.append(value)
                CommitTx()
                retry = False
            except TransactionException as e:
                value -= 1
                retry = True
                try:
                    AbortTx()
                except TransactionException:
                    pass
        return list(self.notes)
"""

LISTING = "Desk,services/desk.py\nPlaces,services/the-places.py\nNotes,services/notes.py\n"


@pytest.fixture
def application(tmp_path):
    folder = tmp_path / "services"
    folder.mkdir()
    (folder / "desk.py").write_text(DESK)
    (folder / "the-places.py").write_text(PLACES)
    (folder / "notes.py").write_text(NOTES)
    (tmp_path / "app.csv").write_text(LISTING)
    return load(tmp_path / "app.csv")


def test_a_booking(application):
    answers = compare(
        application,
        [
            ("Places.add", "x", 1),
            ("Places.add", "y", 2),
            ("Desk.book", "ann", "x", "y"),
            ("Desk.book", "bob", "x", "y"),
            ("Desk.book", "bob", "nowhere", "y"),
            ("Notes.note", "ann", 1),
            ("Notes.through_the_client",),
            ("Notes.lists",),
            ("Notes.retry", 12),
        ],
    )
    assert answers[2] == ("returned", (True, "done"))
    assert answers[3] == ("returned", (False, "first is full"))
    assert answers[4][:2] == ("raised", "KeyError")


def test_the_flag_of_the_retry_loop_is_understood(application):
    """After the loop exactly one transaction is open, so the call after CommitTx is the last."""
    book = application.declared.services["Desk"].methods["book"]
    (call,) = [effect for effect in book.effects if effect.kind == "call"]
    assert call.last
    assert call.commit_due


def test_a_name_that_is_not_in_its_file(tmp_path):
    (tmp_path / "places.py").write_text(PLACES)
    (tmp_path / "app.csv").write_text("Plces,places.py\n")
    with pytest.raises(CompileErrors, match=r"app.csv:1:1: there is no service Plces"):
        load(tmp_path / "app.csv")


def test_a_line_that_is_none(tmp_path):
    (tmp_path / "places.py").write_text(PLACES)
    (tmp_path / "app.csv").write_text("# services\nPlaces\nPlaces,nowhere.py\n\nPlaces,places.py")
    with pytest.raises(CompileErrors) as raised:
        load(tmp_path / "app.csv")
    assert [error.line for error in raised.value.errors] == [2, 3]


GATE = f"""{STYLE}{EXCEPTION}@decorators.service
class Gate(object):
    def __init__(self):
        self.passed = 0  # type: Persistent[int]

    def enter(self):
        self.passed += 1
        return self.passed

    async def enters(self):
        a, b = AsyncInvoke('Gate', 'enter'), AsyncInvoke('Gate', 'enter')
        both = await WaitAll(a, b)
        both.append('and I')
        return both

    def enters_plainly(self):
        both = WaitAll(*[AsyncInvoke('Gate', 'enter') for _ in range(2)])
        return both + [type(both).__name__]

    def told(self, *why):
        try:
            raise TransactionException(*why)
        except TransactionException as error:
            return error.message, str(error), error.args

    def refused(self, why):
        raise TransactionException(why)

    def asks(self):
        try:
            SyncInvoke('Gate', 'refused', 'closed')
        except TransactionException as error:
            return error.message

    def aborts(self):
        try:
            BeginTx()
            self.passed = 7
            AbortTx()
        except TransactionException as error:
            return error.message, self.passed
"""


def test_results_are_a_list_and_exceptions_have_a_message(tmp_path):
    path = tmp_path / "gate.py"
    path.write_text(GATE)
    calls = [("Gate.enters",), ("Gate.enters_plainly",), ("Gate.told", "a"), ("Gate.told",)]
    answers = compare(load(path), [*calls, ("Gate.asks",), ("Gate.aborts",)])
    assert [value for _, value in answers] == [
        [1, 2, "and I"],
        [3, 4, "list"],
        ("a", "a", ("a",)),
        ("Transaction aborted",) * 2 + (("Transaction aborted",),),
        "closed",
        ("Transaction aborted", 4),
    ]
