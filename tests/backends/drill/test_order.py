"""Commits that share a version are told apart, and reads keep their place among them."""

from copy import deepcopy
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backends.drill.order import PLACES, separate
from core.ids import RequestId
from core.messages import Returned
from experiment.record.history import Answered, Committed, History, Unit

ID = RequestId(b"r" * 16)


def history(versions, reads=()):
    found = History()
    found.commits = [
        Committed(0.0, version, version - 1, ID, 0, -1, (), [], []) for version in versions
    ]
    for number, version in enumerate(reads):
        found.units[str(number)] = Unit(str(number), ID, version)
        found.answers.append(Answered(0.0, ID, Returned(b""), 0, version, [str(number)]))
    return found


@given(st.lists(st.integers(2, 9), max_size=12), st.lists(st.integers(0, 9), max_size=5))
def test_what_a_read_sees_stays_what_it_sees(versions, reads):
    versions.sort()
    before = history(versions, reads)
    after = deepcopy(before)
    separate(after)
    new = [commit.version for commit in after.commits]
    assert all(one < other for one, other in pairwise(new))
    if len(set(versions)) == len(versions):
        assert after == before
    for old, commit in zip(versions, new, strict=True):
        for read, answer in zip(reads, after.answers, strict=True):
            assert (old <= read) == (commit <= answer.version)
            assert after.units[answer.units[0]].version == answer.version
        for place, other in enumerate(versions):
            assert (old <= other - 1) == (commit <= after.commits[place].read_version)


def test_the_places_of_a_batch():
    found = history([5, 7, 7, 7, 8], [7])
    separate(found)
    assert [commit.version - 7 * PLACES for commit in found.commits[1:4]] == [0, 1, 2]
    assert found.units["0"].version == 7 * PLACES + PLACES - 1 < 8 * PLACES


def test_versions_that_fall_still_fall():
    """A log in disorder is not put in order: the checks must see it."""
    found = history([7, 7, 5, 5])
    separate(found)
    new = [commit.version for commit in found.commits]
    assert new[2] < new[1]


def test_who_read_at_no_version_still_has_none():
    found = history([7, 7], [0])
    separate(found)
    assert found.answers[0].version == found.units["0"].version == 0
