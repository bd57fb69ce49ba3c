"""What time asks for: each tick once, whoever looks, and missed ones as it is said."""

import random
from dataclasses import replace

import msgspec
import pytest

from core.alarms import wake
from core.errors import Conflict, Unknown
from core.ids import began_ms, root_id
from core.layout import RESTING, WATERMARK
from core.memory import MemoryStore
from core.ports import Commit
from core.program import Schedule
from core.schedules import AT_ONCE, LATE_NS, change, kept, tick
from core.store import Set
from tests.core.test_alarms import NOW, PROGRAM, SECOND, section
from tests.direct import DirectHost

MINUTE = 60 * SECOND


def scheduled(catch_up="one", step=MINUTE):
    def after(now):
        return (now // step + 1) * step

    return replace(PROGRAM, schedules=(Schedule("Sleeper", "nap", after, "m", catch_up),))


class Looks(DirectHost):
    def look(self, now):
        self.clock_ns = now
        return self.drive(tick(self.program, now))


@pytest.fixture
def host():
    return Looks(scheduled(), MemoryStore(), NOW)


FIRST = (NOW // MINUTE + 1) * MINUTE


def started(host):
    return sorted({began_ms(key[1:17]) for key in section(host, RESTING)})


def test_each_tick_is_started_once_however_many_look(host):
    other = Looks(scheduled(), host.store, NOW)
    assert host.look(NOW) == other.look(NOW) == 0
    for number in range(3):
        due = FIRST + number * MINUTE
        assert host.look(due - 1) == 0
        assert host.look(due) == 1
        assert other.look(due) == other.look(due + SECOND) == 0
    assert started(host) == [(FIRST + n * MINUTE) // 10**6 for n in range(3)]


def test_two_that_look_at_the_same_time_start_it_once(host):
    host.look(NOW)

    class Late(Looks):
        def perform(self, effect):
            if isinstance(effect, Commit):
                host.look(FIRST)
            return super().perform(effect)

    with pytest.raises(Conflict):
        Late(scheduled(), host.store, NOW).look(FIRST)
    assert len(started(host)) == 1


def test_an_unknown_commit_is_found_by_the_next_look(host):
    host.look(NOW)

    class Unsure(Looks):
        def perform(self, effect):
            answer = super().perform(effect)
            if isinstance(effect, Commit):
                raise Unknown
            return answer

    with pytest.raises(Unknown):
        Unsure(scheduled(), host.store, NOW).look(FIRST)
    assert host.look(FIRST) == 0
    assert len(started(host)) == 1


@pytest.mark.parametrize(
    ("catch_up", "late", "number"),
    [
        ("one", 10 * MINUTE, 1),
        ("all", 10 * MINUTE, 11),
        ("none", 10 * MINUTE, 0),
        ("none", LATE_NS, 1),
        ("all", 1_000 * MINUTE, AT_ONCE),
    ],
)
def test_missed_ticks_are_made_up_for_as_it_is_said(catch_up, late, number):
    host = Looks(scheduled(catch_up), MemoryStore(), NOW)
    host.look(NOW)
    assert host.look(FIRST + late) == number
    while host.look(FIRST + late):
        number += AT_ONCE
    following = FIRST + late + MINUTE
    assert host.look(following // MINUTE * MINUTE) == 1


def test_a_tick_is_no_older_than_what_is_forgotten(host):
    host.look(NOW)
    watermark = root_id((FIRST + MINUTE) // 10**6, random.Random(1))
    host.store.commit(host.store.read_version(), [], [Set(WATERMARK, watermark)])
    host.look(FIRST)
    assert min(key[1:17] for key in section(host, RESTING)) > watermark


def test_the_request_of_a_tick_is_driven_like_any_that_was_started(host):
    host.look(NOW)
    host.look(FIRST)
    woken = host.drive(wake(FIRST))
    assert [(each.service, each.method) for each in woken.values()] == [("Sleeper", "nap")]


def test_a_paused_schedule_starts_nothing_and_a_changed_one_begins_anew(host):
    host.look(NOW)
    host.drive(change("Sleeper.nap", paused(True)))
    assert host.look(FIRST) == 0
    assert host.drive(kept())["Sleeper.nap"].paused
    host.drive(change("Sleeper.nap", paused(False)))
    assert host.look(FIRST) == 1
    assert host.drive(change("Sleeper.other", paused(True))) is None


def paused(yes):
    return lambda found: msgspec.structs.replace(found, paused=yes)


def test_a_tick_that_somebody_wants_is_started_besides(host):
    host.look(NOW)
    host.drive(change("Sleeper.nap", lambda each: msgspec.structs.replace(each, triggered=NOW)))
    assert host.look(NOW + 1) == 1
    assert host.look(NOW + 2) == 0
    assert host.look(FIRST) == 1
