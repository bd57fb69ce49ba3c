"""When time asks for a method: what is said, and what makes no sense."""

import datetime as dt

import pytest

from compiler import cron, every
from compiler.api.schedules import timing_of

UTC = dt.UTC


def ticks(decorator, begin, number):
    """The first ticks after a moment, in UTC."""

    @decorator
    def method(self):
        pass

    after = timing_of(method).after
    now, found = int(begin.timestamp()) * 10**9, []
    for _ in range(number):
        now = after(now)
        found.append(dt.datetime.fromtimestamp(now / 1e9, UTC).strftime("%m-%d %H:%M:%S"))
    return found


def test_an_interval_is_counted_from_1970():
    begin = dt.datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
    assert ticks(every("1h"), begin, 2) == ["01-01 01:00:00", "01-01 02:00:00"]
    assert ticks(every(90), begin, 2) == ["01-01 00:10:30", "01-01 00:12:00"]


def test_the_clocks_of_a_zone_are_meant_in_winter_and_in_summer():
    nightly = cron("0 3 * * *", timezone="Europe/Berlin")
    begin = dt.datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert ticks(nightly, begin, 3) == ["03-28 02:00:00", "03-29 01:00:00", "03-30 01:00:00"]


def test_a_time_that_is_leapt_over_comes_after_it_and_one_shown_twice_comes_once():
    half_past = cron("30 2 * * *", timezone="Europe/Berlin")
    spring = dt.datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert ticks(half_past, spring, 2) == ["03-29 01:00:00", "03-30 00:30:00"]
    autumn = dt.datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert [each[:5] for each in ticks(half_past, autumn, 2)] == ["10-25", "10-26"]


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: every("-1h"), "is no duration"),
        (lambda: every(-1), "is in the past"),
        (lambda: every(0), "is too often: a second or more"),
        (lambda: every("1h", catch_up="some"), "give 'one', 'all' or 'none'"),
        (lambda: cron("61 * * * *"), "is no cron line"),
        (lambda: cron("often"), "is no cron line"),
        (lambda: cron("* * * * * *"), "is no cron line"),
        (lambda: cron("0 0 30 2 *"), "is no cron line"),
        (lambda: cron("0 3 * * *", timezone="Berlin"), "there is no time zone 'Berlin'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(declare, told):
    with pytest.raises(ValueError, match=told):
        declare()
