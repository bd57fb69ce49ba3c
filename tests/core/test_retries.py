"""When a call is sent again, who waits how long, and what is known after the last try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import RequestId
from core.messages import Failed, Origin, Raised, Reply, Request, Returned
from core.retries import NO_TIME_LEFT, Tries, is_retried, with_deadline

ROOT = RequestId(b"r" * 16)
CHILD = ROOT.child(3)


def reply(request, kind, definite):
    return Reply(request, Failed(kind, definite, "text"))


@pytest.mark.parametrize("request_id", [ROOT, CHILD])
@pytest.mark.parametrize("outcome", [Returned(b""), Raised("ValueError", b"", "no")])
def test_an_answer_is_taken(request_id, outcome):
    assert not is_retried(Reply(request_id, outcome))


@pytest.mark.parametrize(
    ("kind", "definite", "root", "child"),
    [
        ("Overloaded", True, True, True),
        ("Interrupted", False, True, True),
        ("BadRequest", True, False, False),
        ("IdReused", True, False, False),
        ("TooLarge", True, False, False),
        ("TooSlow", True, False, False),
        ("Expired", False, False, False),
        ("SetAside", False, False, False),
        # Store errors of a travelling callee: its caller rewinds, a client asks again.
        ("TooOld", False, True, False),
        ("FutureVersion", False, True, False),
        ("StoreUnavailable", False, True, False),
        ("Unknown", False, True, False),
        ("SomethingNew", False, True, False),
        ("SomethingNew", True, False, False),
    ],
)
def test_what_is_retried(kind, definite, root, child):
    assert is_retried(reply(ROOT, kind, definite)) == root
    assert is_retried(reply(CHILD, kind, definite)) == child


# --- who waits how long


def request(request_id=ROOT, deadline=0):
    origin = Origin("Hotel", "reserve", b"args")
    return Request(request_id, "Hotel", "reserve", b"args", origin, deadline=deadline)


def at_depth(depth):
    request_id = ROOT
    for _ in range(depth):
        request_id = request_id.child(1)
    return request_id


@given(st.integers(1, 2**62), st.integers(1, 2**62), st.integers(0, 50))
def test_a_deadline_that_there_is_travels_unchanged(deadline, now, depth):
    """However little of it is left: who is deepest has all the time of those who wait for it."""
    sent = request(at_depth(depth), deadline)
    assert with_deadline(sent, now, 10, 5.0) == sent


def test_without_a_deadline_there_is_time_for_every_try():
    sent = with_deadline(request(), 7, 10, 0.5)
    assert sent == request(deadline=7 + 5_000_000_000)


def tries(asked=None, attempts=10, now=0, timeout=5.0):
    return Tries(asked or request(deadline=now + int(60e9)), now, attempts, timeout)


def first_patience(asked, now=0, timeout=5.0):
    of_one = tries(asked, now=now, timeout=timeout)
    of_one.send()
    return of_one.patience


def test_a_client_s_first_try_may_be_silent_for_the_whole_time_out():
    assert first_patience(request(deadline=int(60e9))) == 5.0


def test_a_lost_message_never_takes_all_the_time_there_is():
    assert first_patience(request(deadline=int(6e9)), int(5e9)) == 0.5
    assert first_patience(request(deadline=1), int(2e9)) == 0.0


@given(st.integers(0, 300), st.floats(0.1, 60.0), st.floats(0.1, 60.0))
def test_the_deeper_notices_a_silence_first_but_not_much_earlier(depth, left, timeout):
    """However deep: there is no row of services so long that each is asked too early."""
    deadline = int(left * 1e9)
    client, here, below = (
        first_patience(request(at_depth(d), deadline), timeout=timeout)
        for d in (0, depth, depth + 1)
    )
    assert client / 2 <= below <= here
    assert here == below or depth < 60


def test_within_a_tree_each_try_may_be_silent_for_twice_as_long():
    """What is slow because there is much to do is not made slower by asking."""
    of_one, waits = tries(request(CHILD, int(60e9))), []
    for _ in range(4):
        of_one.send()
        waits.append(of_one.patience)
    assert waits == [waits[0], 2 * waits[0], 4 * waits[0], 8 * waits[0]]
    of_one.missed(1, None)
    of_one.missed(2, None)
    assert of_one.patience == 2 * waits[0]
    for _ in range(5000):
        of_one.send()
    assert of_one.patience > 1e9


@given(st.integers(2, 50), st.floats(0.1, 60.0))
def test_a_client_that_hears_nothing_sends_every_try_within_the_time_of_all(attempts, timeout):
    asked = with_deadline(request(), 0, attempts, timeout)
    of_one, now = tries(asked, attempts, timeout=timeout), 0.0
    while of_one.may_send and now < asked.deadline / 1e9:
        of_one.send()
        now += of_one.patience
    assert of_one.made == attempts


# --- which tries there are


def test_a_client_has_so_many_tries():
    of_one = tries(attempts=2)
    assert (of_one.send(), of_one.may_send, of_one.send(), of_one.may_send) == (1, True, 2, False)
    assert not of_one.are_over
    of_one.missed(1, None)
    of_one.missed(2, None)
    assert of_one.are_over


def test_within_a_tree_only_the_deadline_ends_the_tries():
    of_one = tries(request(CHILD), attempts=2)
    for _ in range(50):
        of_one.missed(of_one.send(), None)
    assert of_one.may_send
    assert not of_one.are_over


def test_only_when_the_newest_try_missed_another_one_follows_soon():
    of_one = tries()
    of_one.send()
    of_one.send()
    assert of_one.awaited == 2
    assert not of_one.missed(1, None)
    assert not of_one.missed(1, None)  # told twice
    assert of_one.awaited == 2
    assert of_one.missed(2, None)
    assert of_one.awaited == 0


# --- what is known in the end


def test_a_root_that_was_only_ever_turned_away_did_nothing():
    of_one = tries()
    of_one.missed(of_one.send(), reply(ROOT, "Overloaded", True))
    of_one.missed(of_one.send(), None, sent=False)
    failed = of_one.gave_up()
    assert (failed.kind, failed.definite) == ("Overloaded", True)
    assert "2 times" in failed.text


@pytest.mark.parametrize("missed", [None, reply(ROOT, "Interrupted", False), "silent"])
@pytest.mark.parametrize("first", [True, False])
def test_one_try_that_may_have_arrived_leaves_it_open(missed, first):
    of_one = tries()

    def open_ended():
        number = of_one.send()
        if missed != "silent":
            of_one.missed(number, missed)

    if first:
        open_ended()
    of_one.missed(of_one.send(), reply(ROOT, "Overloaded", True))
    of_one.missed(of_one.send(), None, sent=False)
    if not first:
        open_ended()
    assert of_one.gave_up() == Failed("Interrupted", False, NO_TIME_LEFT)


def test_a_call_between_services_is_always_open():
    of_one = tries(request(CHILD))
    of_one.missed(of_one.send(), reply(CHILD, "Overloaded", True))
    of_one.missed(of_one.send(), None, sent=False)
    assert of_one.gave_up() == Failed("Interrupted", False, NO_TIME_LEFT)
