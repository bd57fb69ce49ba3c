import random

import pytest

from core.turns import Turns


class Line:
    """Turns, with a list of who was granted what, in order."""

    def __init__(self):
        self.turns = Turns()
        self.granted = []

    def take(self, name, *keys):
        if self.turns.take(name, keys, lambda: self.granted.append(name)):
            self.granted.append(name)


def test_first_come_first_served():
    line = Line()
    for name in "abc":
        line.take(name, b"k")
    assert line.granted == ["a"]
    line.turns.release("a")
    line.turns.release("b")
    assert line.granted == ["a", "b", "c"]


def test_other_keys_do_not_wait():
    line = Line()
    line.take("a", b"k")
    line.take("b", b"l")
    assert line.granted == ["a", "b"]


def test_whoever_leaves_the_line_holds_nobody_up():
    line = Line()
    for name in "abc":
        line.take(name, b"k")
    line.turns.release("b")
    line.turns.release("a")
    assert line.granted == ["a", "c"]


def test_taking_again_goes_to_the_end_of_the_line():
    line = Line()
    line.take("a", b"k")
    line.take("b", b"k")
    line.take("a", b"k", b"l")
    assert line.granted == ["a", "b"]
    line.turns.release("b")
    assert line.granted == ["a", "b", "a"]
    assert line.turns.holds("a", (b"k",))


@pytest.mark.parametrize("seed", range(20))
def test_nobody_waits_for_ever(seed):
    """Whatever the keys, if all who have their turn give it back, everybody gets one."""
    rng = random.Random(seed)
    line = Line()
    keys = [b"k%d" % number for number in range(5)]
    names = [f"n{number}" for number in range(40)]
    for name in names:
        line.take(name, *sorted(rng.sample(keys, rng.randint(1, 4))))
    done = 0
    while done < len(line.granted):
        line.turns.release(line.granted[done])
        done += 1
    assert sorted(line.granted) == sorted(names)
    assert len(line.turns) == 0
