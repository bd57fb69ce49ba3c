import subprocess
import sys
from pathlib import Path

import greenlet
import pytest

import compiler
from compiler import TransactionException, instance
from compiler.api.current import NotRunningError, running
from compiler.api.reference import ImmediateRunner
from core.errors import BadRequest, MuError, RemoteError, UnsupportedValue
from tests.compiler.travel import Frontend, Guest, Hotel, NoRoom, travel


@pytest.fixture
def run():
    with travel() as reference:
        yield reference


def state(reference):
    with reference:
        hotel = instance(Hotel)
        return dict(hotel.rooms), list(hotel.log), set(hotel.closed), hotel.count


FRESH = ({"ritz": 1, "plaza": 2}, [], set(), 0)


def test_the_classes_run_as_they_are(run):
    assert run.run("Hotel", "reserve", ("ritz",)) is True
    assert run.run("Hotel", "reserve", ("ritz",)) is False
    run.run("Hotel", "close", (), {"hotel": "plaza"})
    assert run.run("Hotel", "reserve", ("plaza",)) is False
    assert state(run) == (*({"ritz": 0, "plaza": 2}, ["ritz", "closed plaza"], {"plaza"}, 1),)


def test_a_transaction_commits(run):
    assert run.run("Frontend", "book", ("ritz", "plaza")) == (True, True)
    assert state(run) == ({"ritz": 0, "plaza": 1}, ["ritz", "plaza"], set(), 2)


def test_an_abort_undoes_the_transaction_and_nothing_before_it(run):
    with pytest.raises(TransactionException, match=r"\(True, False\)"):
        run.run("Frontend", "book", ("ritz", "ritz"))
    assert state(run) == FRESH
    assert instance(Frontend).tries == {"ritz": 1}


def test_returning_from_within_a_transaction_commits(run):
    assert run.run("Frontend", "book_plainly", ("ritz",)) is True
    assert instance(Hotel).rooms["ritz"] == 0


def test_an_exception_outside_a_transaction_undoes_nothing(run):
    with pytest.raises(NoRoom):
        run.run("Hotel", "insist", ("nowhere",))
    assert instance(Hotel).log == ["asked nowhere"]


def test_exceptions_cross_services(run):
    assert run.run("Frontend", "insist", ("nowhere",)) == "NoRoom nowhere no room in nowhere"


@pytest.mark.parametrize(
    ("inner", "outer", "rooms"),
    [
        (False, False, {"ritz": 0, "plaza": 1}),
        (True, False, {"ritz": 0, "plaza": 2}),
        (False, True, {"ritz": 1, "plaza": 2}),
        (True, True, {"ritz": 1, "plaza": 2}),
    ],
)
def test_transactions_nest(run, inner, outer, rooms):
    if outer:
        with pytest.raises(ValueError, match="outer"):
            run.run("Frontend", "nested", (inner, outer))
    else:
        run.run("Frontend", "nested", (inner, outer))
    assert instance(Hotel).rooms == rooms


def test_a_transaction_exception_of_a_call_ends_the_transaction_around_it(run):
    """What came before is undone; what the method does after catching it is kept."""
    assert run.run("Frontend", "survives_refusal") == 1
    assert state(run) == ({"ritz": 1, "plaza": 1}, ["plaza"], set(), 1)
    assert not run.undo.open


def test_a_transaction_exception_outside_a_transaction_undoes_nothing(run):
    assert run.run("Frontend", "spawns_refusal") == "refused"
    assert instance(Hotel).log == ["refused"]


def test_an_abort_without_a_transaction_only_raises(run):
    with pytest.raises(TransactionException, match="nothing to undo"):
        run.run("Frontend", "abort_alone")


def test_what_crosses_a_call_is_copied(run):
    guest = Guest("Ada", [])
    assert run.run("Frontend", "keeps_own", (guest,)) == ([], ["registered"])
    assert guest.tags == []
    assert instance(Hotel).guests == [Guest("Ada", [])]
    assert run.run("Frontend", "plain_rooms") == "dict"
    assert instance(Hotel).rooms == FRESH[0]


def test_values_read_are_copies(run):
    run.run("Hotel", "register", (Guest("Ada", []),))
    instance(Hotel).guests[0].tags.append("x")
    for guest in instance(Hotel).guests:
        guest.tags.append("y")
    assert instance(Hotel).guests == [Guest("Ada", [])]


def test_a_whole_field_can_be_assigned(run):
    hotel = instance(Hotel)
    rooms = {"b": 1, "a": 2}
    hotel.rooms = rooms
    rooms["c"] = 3
    assert list(hotel.rooms.items()) == [("a", 2), ("b", 1)]
    hotel.rooms |= {"0": 1}
    assert list(hotel.rooms) == ["0", "a", "b"]
    with pytest.raises(UnsupportedValue, match=r"Hotel\.rooms is a persistent dict"):
        hotel.rooms = []
    with pytest.raises(AttributeError, match=r"Hotel\.rooms is persistent"):
        del hotel.rooms
    assert hotel.limit == 2


def test_the_state_goes_out_and_in_as_store_content(run):
    run.run("Frontend", "book", ("ritz", "plaza"))
    run.run("Hotel", "register", (Guest("Ada", ["x"]),))
    content = run.dump()
    other = travel()
    assert other.dump() != content
    other.load(content)
    assert other.dump() == content
    assert state(other) == state(run)
    other.load({})
    assert other.dump() == {}


def test_runs_are_independent():
    one, two = travel(), travel()
    one.run("Hotel", "reserve", ("ritz",))
    assert state(two) == FRESH
    assert running() is None


@pytest.mark.parametrize(
    ("service", "method", "args", "message"),
    [
        ("Hotel", "nothing", (), "no method Hotel.nothing"),
        ("Nowhere", "reserve", (), "no method Nowhere.reserve"),
        ("Hotel", "reserve", (), "Hotel.reserve: missing a required argument"),
        ("Frontend", "_private", (), "private"),
    ],
)
def test_bad_requests_are_refused(run, service, method, args, message):
    with pytest.raises(BadRequest, match=message):
        run.run(service, method, args)


def test_a_result_that_cannot_be_sent_is_refused(run):
    with pytest.raises(UnsupportedValue, match=r"builtins\.object"):
        run.run("Hotel", "unsupported")


def test_awaiting_something_foreign_is_refused(run):
    with pytest.raises(MuError, match=r"Frontend\.sleeps awaited something else"):
        run.run("Frontend", "sleeps")


def test_an_unknown_exception_crosses_as_remote_error():
    reference = travel()
    reference.codec = type(reference.codec)()
    with reference, pytest.raises(RemoteError, match="NoRoom: no room in x"):
        reference.invoke("Hotel", "insist", ("x",), {})


def test_the_api_needs_a_run():
    with pytest.raises(NotRunningError, match="python -m compiler run"):
        compiler.call(Hotel.reserve, "x")
    with pytest.raises(NotRunningError):
        instance(Hotel)


def test_calls_name_methods_of_services(run):
    with pytest.raises(TypeError, match="is not a method of a service"):
        compiler.call(len, "x")
    with pytest.raises(TypeError, match="is not a service"):
        instance(Guest)


ROOT = Path(__file__).parent.parent.parent


class PausingRunner(ImmediateRunner):
    """Hands every call to a hub, which decides when it goes on."""

    def __init__(self, reference, hub):
        super().__init__(reference)
        self.hub = hub

    def call(self, service, method, args, kwargs):
        activation = self.reference.activation
        self.hub.switch((activation.tag, service, method, args, kwargs))
        assert self.reference.activation is activation
        return super().call(service, method, args, kwargs)


def test_another_runner_can_pause_requests_at_their_calls():
    """Two requests, each stopped at its call, go on in the other order."""
    reference = travel()
    reference.runner = PausingRunner(reference, greenlet.getcurrent())
    results = []

    def request(name):
        results.append((name, reference.run("Frontend", "insist", ("ritz",), tag=name)))

    with reference:
        one, two = greenlet.greenlet(request), greenlet.greenlet(request)
        asked = ("Hotel", "insist", ("ritz",), {})
        assert one.switch("one") == ("one", *asked)
        assert two.switch("two") == ("two", *asked)
        two.switch()
        one.switch()
        assert reference.activation is None
    assert results == [("two", "ok"), ("one", "NoRoom ritz no room in ritz")]


def test_the_facade_stays_light():
    script = "import compiler, sys; assert 'networkx' not in sys.modules, 'networkx is loaded'"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
