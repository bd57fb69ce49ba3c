"""Which attempts are joined, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.ids import RequestId
from core.joins import Joins, is_same, keeps
from core.messages import Failed, Origin, Raised, Reply, Request, Returned, Travel
from core.store import Set

ROOT = RequestId(b"r" * 16)
ASKED = Request(ROOT, "Hotel", "reserve", b"args", Origin("Hotel", "reserve", b"args"))
TRAVELLING = replace(ASKED, id=ROOT.child(1), travel=Travel(7, [Set(b"k", b"1")]))


def table(request, attempt="first"):
    joins = Joins()
    joins.add(request, attempt)
    return joins


@pytest.mark.parametrize("asked", [ASKED, TRAVELLING])
@given(st.booleans(), st.booleans(), st.integers(0, 2**62))
def test_whoever_asks_the_same_joins(asked, recorded, last, deadline):
    """A client and recovery know different things of a tree, and its answer is one."""
    again = replace(asked, intent_recorded=recorded, last=last, deadline=deadline)
    assert is_same(asked, again)
    assert table(asked).find(again) == "first"


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, id=ROOT.child(1)),
        replace(ASKED, service="Inn"),
        replace(ASKED, method="cancel"),
        replace(ASKED, args=b"other"),
        replace(ASKED, origin=Origin("Frontend", "book", b"")),
        replace(ASKED, travel=Travel(0, [])),
    ],
)
def test_whoever_asks_for_something_else_does_not(other):
    assert table(ASKED).find(other) is None
    assert table(other).find(ASKED) is None


@pytest.mark.parametrize(
    "travel",
    [None, Travel(8, [Set(b"k", b"1")]), Travel(7, []), Travel(7, [Set(b"k", b"2")])],
)
def test_a_request_that_travels_sees_what_it_was_sent_with(travel):
    """The same call of a region that was begun again, or of a branch that is run again."""
    assert table(TRAVELLING).find(replace(TRAVELLING, travel=travel)) is None


def test_regions_at_different_versions_are_under_way_beside_one_another():
    later = replace(TRAVELLING, travel=Travel(8, [Set(b"k", b"1")]))
    joins = table(TRAVELLING)
    joins.add(later, "second")
    assert (joins.find(TRAVELLING), joins.find(later)) == ("first", "second")


def test_the_latest_attempt_is_joined_and_an_earlier_one_does_not_take_it_along():
    joins = table(ASKED)
    joins.add(ASKED, "second")
    joins.remove(ASKED, "first")
    assert joins.find(ASKED) == "second"
    joins.remove(ASKED, "second")
    assert joins.find(ASKED) is None
    assert not len(joins)
    joins.remove(ASKED, "second")


def test_a_process_that_dies_forgets_what_was_under_way():
    joins = table(ASKED)
    joins.clear()
    assert joins.find(ASKED) is None


# --- what has ended


@pytest.mark.parametrize("outcome", [Returned(b"1"), Raised("ValueError", b"", "no")])
def test_what_took_long_is_told_to_those_who_asked_meanwhile(outcome):
    """They sent their try at the latest when it ended, and it may lie about for as long."""
    assert keeps(Reply(ROOT, outcome), 6.0, 5.0) >= 6.0
    assert keeps(Reply(ROOT, outcome), 60.0, 5.0) >= 60.0
    assert keeps(Reply(ROOT, outcome), 0.01, 5.0) == 0.0


@pytest.mark.parametrize("definite", [True, False])
def test_a_failure_is_not_told_again(definite):
    """Whoever comes later makes a new attempt: it may go better."""
    assert keeps(Reply(ROOT, Failed("Interrupted", definite, "")), 60.0, 5.0) == 0.0
