import datetime as dt

import pytest

from core.durations import instant_ns, nanoseconds

SECOND = 10**9
DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2, 2 * SECOND),
        (0.5, SECOND // 2),
        ("250ms", SECOND // 4),
        ("90s", 90 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("1h 30m", 5_400 * SECOND),
        ("1.5h", 5_400 * SECOND),
        ("3d", 3 * DAY),
        ("2w", 14 * DAY),
        (dt.timedelta(days=3, microseconds=1), 3 * DAY + 1_000),
    ],
)
def test_durations(value, expected):
    assert nanoseconds(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", "3", "d", "3x", "-3d", "3d!", "1h-3m", -1, -0.5, float("nan"), float("inf"),
     dt.timedelta(seconds=-1), "40000d", 1e18],
)  # fmt: skip
def test_no_durations(value):
    with pytest.raises(ValueError, match=r"duration|too long|past"):
        nanoseconds(value)


@pytest.mark.parametrize("value", [None, True, b"3d", [3], dt.datetime(2031, 1, 1)])
def test_of_another_type(value):
    with pytest.raises(TypeError, match="a duration is needed"):
        nanoseconds(value)


def test_instants():
    assert instant_ns(dt.datetime(1970, 1, 2, tzinfo=dt.UTC)) == DAY
    east = dt.timezone(dt.timedelta(hours=2))
    assert instant_ns(dt.datetime(1970, 1, 1, 2, tzinfo=east)) == 0
    with pytest.raises(TypeError, match="no time zone"):
        instant_ns(dt.datetime(1970, 1, 2))
    with pytest.raises(TypeError, match="a datetime is needed"):
        instant_ns("1970-01-02")
