"""The oracle of schedules, on histories that are made by hand: what is right, and what is not."""

from types import SimpleNamespace

import msgspec
import pytest

from core.alarms import started
from core.ids import uuid7
from core.layout import RESTING, root_of, schedule_key
from core.messages import Origin
from core.program import Schedule
from core.schedules import Kept
from core.store import Set
from experiment.checks.schedule import schedule

SECOND = 10**9
BEGIN = 1_700_000_000


def every_second(catch_up):
    return Schedule("Clock", "tick", lambda now: (now // SECOND + 1) * SECOND, "1s", catch_up)


def root(due):
    return uuid7(due * 1000, due)


def step(time, due, ticks=(), **kept):
    """A commit ``time`` seconds after the beginning, after which the tick ``due`` is next."""
    nanoseconds = BEGIN * SECOND + int(due * SECOND)
    data = msgspec.msgpack.encode(Kept("1s", nanoseconds, **kept))
    mutations = [Set(schedule_key("Clock.tick"), data)]
    for each in ticks:
        mutations += started(root(BEGIN + each), Origin("Clock", "tick", b""))
    return SimpleNamespace(time=time, mutations=mutations, request=None)


def verdict(*commits, catch_up="one", beside=0):
    """What is said of a run of one schedule."""
    keys = [each.key for commit in commits for each in commit.mutations]
    ticks = {root_of(key) for key in keys if RESTING.begin <= key < RESTING.end}
    ticks |= {root(number) for number in range(beside)}
    subject = SimpleNamespace(
        program=SimpleNamespace(schedules=[every_second(catch_up)]), commits=commits, ticks=ticks
    )
    return schedule(subject)


RIGHT = [
    ("one", [step(0.2, 1), step(1.1, 2, [1]), step(2.3, 3, [2])]),
    ("all", [step(0.2, 1), step(3.4, 4, [1, 2, 3]), step(4.1, 5, [4])]),
    ("one", [step(0.2, 1), step(3.4, 4, [1]), step(4.1, 5, [4])]),
    ("none", [step(0.2, 1), step(70.4, 71), step(71.1, 72, [71])]),
    ("one", [step(0.2, 1, triggered=5), step(0.5, 1, [0]), step(1.1, 2, [1])]),
    ("one", [step(0.2, 1), step(0.5, 1, paused=True), step(3.6, 1), step(3.9, 4, [1])]),
]


@pytest.mark.parametrize(("catch_up", "commits"), RIGHT)
def test_what_is_right_holds(catch_up, commits):
    assert verdict(*commits, catch_up=catch_up).status == "holds"


WRONG = [
    ("one", [step(0.2, 1), step(1.1, 2, [1]), step(1.3, 2, [1])], "starts what"),
    ("one", [step(0.2, 1), step(1.1, 2, [1]), step(1.3, 2, [7])], "leaves it for others"),
    ("one", [step(0.2, 1), step(1.1, 2)], "starts 0 ticks, but 1 tick had come"),
    ("one", [step(0.2, 1), step(3.1, 4, [1, 2, 3])], "starts 3 ticks, but 1 tick had come"),
    ("all", [step(0.2, 1), step(3.1, 4, [1])], "starts 1 tick, but 3 ticks had come"),
    ("none", [step(0.2, 1), step(5.1, 6)], "starts 0 ticks, but 1 tick had come"),
    ("one", [step(0.2, 1), step(1.1, 1.5, [1])], "that is none"),
    ("one", [step(0.2, 1), step(1.1, 2, [1]), step(2.1, 1, [2])], "that is none"),
    ("one", [step(0.2, 1), step(1.1, 9, [1]), step(9.1, 10, [9])], "s to go"),
    ("one", [step(0.2, 1), step(1.1, 2, [1]), step(1.2, 5, [2])], "s to go"),
]


@pytest.mark.parametrize(("catch_up", "commits", "told"), WRONG)
def test_what_is_wrong_is_seen(catch_up, commits, told):
    found = verdict(*commits, catch_up=catch_up)
    assert found.status == "fails"
    assert any(told in each for each in found.evidence), found.evidence


def test_a_tick_that_moves_no_schedule_on_is_seen():
    found = verdict(step(0.2, 1), step(1.1, 2, [1]), beside=1)
    assert found.evidence == ["1 tick started without moving a schedule on"]


def test_where_no_tick_has_come_nothing_was_examined():
    assert verdict(step(0.2, 1)).status == "inconclusive"
