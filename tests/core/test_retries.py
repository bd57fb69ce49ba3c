"""When a call is sent again, how long each try may take, what is known after the last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import RequestId
from core.messages import Failed, Raised, Reply, Returned
from core.retries import NO_TIME_LEFT, Tries, is_retried, patience

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


# --- patience


def test_without_a_deadline_every_try_gets_the_longest_wait():
    assert patience(0, 10**18, 5.0) == 5.0


def test_a_try_leaves_time_for_another():
    assert patience(int(4e9), int(2e9), 5.0) == pytest.approx(1.5)


def test_who_has_much_time_waits_no_longer_than_the_longest():
    assert patience(int(100e9), 0, 5.0) == 5.0


def test_a_survivor_does_not_know_that_its_time_is_over():
    assert patience(1, int(2e9), 5.0) == 0.1
    assert patience(1, int(2e9), 0.05) == 0.05


def test_many_services_can_call_one_another_in_a_row():
    """Each has nearly all the time of those before it: else the last ones would have none."""
    now, deadline = 10**18, 10**18 + int(5e9)
    for _ in range(150):
        waits = patience(deadline, now, 5.0)
        assert 0.08 < waits <= (deadline - now) / 1e9
        deadline = now + int(waits * 1e9)
        now += 100_000


@given(
    st.integers(1, 2**62),
    st.floats(0.001, 1000, allow_nan=False),
    st.floats(0.1, 60, allow_nan=False),
)
def test_patience_shrinks_with_what_is_left(now, left, timeout):
    deadline = now + int(left * 1e9)
    waits = patience(deadline, now, timeout)
    assert 0 < waits <= timeout
    assert waits <= left + 1e-6
    assert patience(deadline - int(left * 5e8), now, timeout) <= waits


@given(st.floats(1.0, 60.0, allow_nan=False))
def test_several_lost_messages_fit_into_the_time_there_is(left):
    """Each try takes all its patience; two are over before the deadline, and there is a third."""
    now = 10**18
    deadline = now + int(left * 1e9)
    for _ in range(2):
        now += int(patience(deadline, now, 5.0) * 1e9)
        assert now < deadline
    assert patience(deadline, now, 5.0) >= 0.05


# --- what is known after the last try


def test_a_root_that_was_only_ever_turned_away_did_nothing():
    tries = Tries()
    tries.made = 2
    tries.missed(reply(ROOT, "Overloaded", True))
    tries.missed(None, sent=False)
    failed = tries.gave_up(is_root=True)
    assert (failed.kind, failed.definite) == ("Overloaded", True)
    assert "2 times" in failed.text


@pytest.mark.parametrize("missed", [None, reply(ROOT, "Interrupted", False)])
@pytest.mark.parametrize("first", [True, False])
def test_one_try_that_may_have_arrived_leaves_it_open(missed, first):
    tries = Tries()
    if first:
        tries.missed(missed)
    tries.missed(reply(ROOT, "Overloaded", True))
    tries.missed(None, sent=False)
    if not first:
        tries.missed(missed)
    assert tries.gave_up(is_root=True) == Failed("Interrupted", False, NO_TIME_LEFT)


def test_a_call_between_services_is_always_open():
    tries = Tries()
    tries.missed(reply(CHILD, "Overloaded", True))
    tries.missed(None, sent=False)
    assert tries.gave_up(is_root=False) == Failed("Interrupted", False, NO_TIME_LEFT)
