"""Chance of a request: the same on every execution, and not to be computed without the secret."""

import random
from collections import Counter

import pytest

from core.chance import Chance, request_chance
from core.ids import RequestId

ID = RequestId(bytes(range(16)), (3,))
SECRET, OTHER = b"s" * 32, b"o" * 32


def drawn(stream):
    """Something of each kind."""
    letters = list("abcdefgh")
    stream.shuffle(letters)
    return (
        stream.random(), stream.getrandbits(70), stream.randrange(1000), stream.choice(letters),
        letters, stream.sample(letters, 3), stream.gauss(0, 1), stream.randbytes(100),
        stream.uniform(1, 2),
    )  # fmt: skip


def test_it_is_the_same_for_the_same_request_and_secret():
    assert drawn(request_chance(SECRET, ID)) == drawn(request_chance(SECRET, ID))


@pytest.mark.parametrize(
    ("secret", "request_id"),
    [(OTHER, ID), (b"", ID), (SECRET, ID.child(0)), (SECRET, RequestId(ID.root))],
    ids=["another secret", "none", "a child", "its caller"],
)
def test_it_is_another_for_any_other(secret, request_id):
    here, there = drawn(request_chance(SECRET, ID)), drawn(request_chance(secret, request_id))
    assert all(a != b for a, b in zip(here[:3] + here[6:], there[:3] + there[6:], strict=True))


def test_bytes_are_one_stream_however_they_are_asked_for():
    whole = Chance(b"k").randbytes(1000)
    stream = Chance(b"k")
    parts = [stream.randbytes(size) for size in (0, 1, 63, 64, 65, 200, 607)]
    assert b"".join(parts) == whole
    assert Chance(b"k").getrandbits(64) == int.from_bytes(whole[:8], "big")
    assert Chance(b"k").getrandbits(0) == 0


def test_it_is_not_pythons_own_generator():
    """Whose next numbers follow from 624 that were seen."""
    stream = Chance(b"k")
    before = random.Random.getstate(stream)[1]
    drawn(stream)
    assert random.Random.getstate(stream)[1] == before


def test_what_it_draws_is_spread_evenly():
    stream = Chance(b"k")
    counts = Counter(stream.randrange(10) for _ in range(10_000))
    assert all(850 < counts[digit] < 1150 for digit in range(10))
    assert 0.48 < sum(stream.random() for _ in range(10_000)) / 10_000 < 0.52
    assert all(0 <= stream.random() < 1 for _ in range(1000))


def test_it_cannot_be_seeded_nor_looked_into():
    stream = Chance(b"k")
    for ask in (lambda: stream.seed(1), stream.getstate, lambda: stream.setstate(())):
        with pytest.raises(NotImplementedError, match=r"random\.Random\(seed\)"):
            ask()
    for ask in (lambda: stream.randbytes(-1), lambda: stream.getrandbits(-1)):
        with pytest.raises(ValueError, match="non-negative"):
            ask()
    assert repr(stream) == object.__repr__(stream)  # which tells where it lies, and no more
