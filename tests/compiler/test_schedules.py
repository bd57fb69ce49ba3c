"""When time asks for a method: what is said, and what makes no sense."""

import datetime as dt

import pytest

from compiler import cron, every
from compiler.api.schedules import timing_of
from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import write_app

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


SOURCE = """
class Base:
    @every("1h")
    def inherited(self) -> None:
        ...


@service
class Reports(Base):
    def __init__(self) -> None:
        self.made: Persistent[int] = 0

    @internal
    @every("1h")
    def hourly(self, most: int = 10) -> None:
        self.made += 1

    {method}
"""


def written(tmp_path, method):
    return write_app(tmp_path, SOURCE.replace("{method}", method.replace("\n", "\n    ")))


def test_methods_with_schedules_inherited_and_internal_and_with_defaults(tmp_path):
    program = load(written(tmp_path, "@cron('0 3 * * *')\nasync def nightly(self): ...")).program
    found = {each.name: each.shown for each in program.schedules}
    assert found == {
        "Reports.hourly": "every 1h",
        "Reports.inherited": "every 1h",
        "Reports.nightly": "cron 0 3 * * * UTC",
    }


@pytest.mark.parametrize(
    ("method", "what", "remedy"),
    [
        (
            "@every('1h')\ndef look(self, shop): ...",
            "time gives no arguments: shop",
            "def look(self), or defaults",
        ),
        (
            "@every('1h')\ndef look(self, a, b=1, *, c, d=2): ...",
            "time gives no arguments: a, c",
            "def look(self), or defaults",
        ),
        ("@every('1h')\ndef _look(self): ...", "a private method", "may be @internal"),
        (
            "@property\n@every('1h')\ndef look(self): ...",
            "it is a property, for which nobody asks",
            "may be @internal",
        ),
        (
            "@every('1h')\n@property\ndef look(self): ...",
            "it is a property, for which nobody asks",
            "may be @internal",
        ),
        (
            "@staticmethod\n@every('1h')\ndef look(): ...",
            "it is a static method, for which nobody asks",
            "may be @internal",
        ),
    ],
)
def test_methods_that_time_cannot_ask_for(tmp_path, method, what, remedy):
    with pytest.raises(CompileErrors) as raised:
        load(written(tmp_path, method))
    found = [(error.what, error.remedy) for error in raised.value.errors]
    assert any(what in told and remedy in mended for told, mended in found), found


def test_what_a_decorator_says_wrongly_has_a_place(tmp_path):
    with pytest.raises(CompileErrors) as raised:
        load(written(tmp_path, "@every('often')\ndef look(self): ..."))
    (error,) = raised.value.errors
    assert "is no duration" in error.what
    assert error.text.strip() == "@every('often')"
