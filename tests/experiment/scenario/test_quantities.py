"""Quantities with units: what they mean, and what a wrong one is told."""

import pytest

from experiment.scenario.quantities import (
    LARGEST,
    QuantityError,
    at_most,
    count,
    duration,
    number,
    positive,
    rate,
    ratio,
    schedule,
    show_duration,
    show_latency,
    show_rate,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("5ms", 0.005),
        ("250us", 0.00025),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1.5 s", 1.5),
        (".5s", 0.5),
        ("10S", 10.0),
        (0, 0.0),
    ],
)
def test_durations(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (30, "the duration '30' has no unit; write 30s, or 30ms"),
        ("30", "the duration '30' has no unit; write 30s, or 30ms"),
        ("30 parsecs", "'parsecs' in '30 parsecs' is not a unit of time"),
        ("fast", "'fast' is not a duration"),
        ("-5s", "'-5s' is not a duration"),
        ("5s!", "'5s!' is not a duration"),
        ("", "'' is not a duration"),
        (None, "nothing is not a duration"),
        (True, "true is not a duration"),
        (["5s"], "a list is not a duration"),
    ],
)
def test_wrong_durations(value, says):
    with pytest.raises(QuantityError) as caught:
        duration(value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("200/s", 200.0), ("12/min", 0.2), ("12/m", 0.2), ("3600/h", 1.0), ("1.5 / s", 1.5)],
)
def test_rates(text, per_second):
    assert rate(text) == pytest.approx(per_second)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (50, "the rate '50' has no unit; write 50/s"),
        ("50", "the rate '50' has no unit; write 50/s"),
        ("50/fortnight", "'fortnight' in '50/fortnight' is not a unit of time"),
        ("-1/s", "'-1/s' is not a rate"),
        ({}, "a mapping is not a rate"),
    ],
)
def test_wrong_rates(value, says):
    with pytest.raises(QuantityError) as caught:
        rate(value)
    assert says in str(caught.value)


def test_ratios():
    assert [ratio(value) for value in (0, 1, 0.5, "2%", "100 %", "0.5%")] == [
        0, 1, 0.5, 0.02, 1, 0.005,
    ]  # fmt: skip


@pytest.mark.parametrize("value", [1.5, -0.1, "150%"])
def test_a_probability_out_of_range(value):
    with pytest.raises(QuantityError, match="is out of range; write a number from 0 to 1"):
        ratio(value)


@pytest.mark.parametrize("value", ["often", "0.5", None, True])
def test_a_probability_that_is_none(value):
    with pytest.raises(QuantityError, match="is not a probability"):
        ratio(value)


def test_schedules():
    assert schedule("@every 10s") == 10.0
    assert schedule(" @every  1m30s ") == 90.0
    for wrong in ("every 10s", "@hourly", "*/5 * * * *", 10):
        with pytest.raises(QuantityError, match='write the interval, in quotes: "@every 10s"'):
            schedule(wrong)
    with pytest.raises(QuantityError, match="has no unit"):
        schedule("@every 10")
    with pytest.raises(QuantityError, match="has no interval"):
        schedule("@every 0s")


def test_counts_and_numbers():
    assert count(8) == 8
    assert number(3) == 3.0
    for wrong in (-1, 1.5, "8", True, None):
        with pytest.raises(QuantityError, match="is not a whole number"):
            count(wrong)
    for wrong in (-1, "8", True, float("nan"), float("inf")):
        with pytest.raises(QuantityError, match="is not a number from 0 up"):
            number(wrong)


def test_positive_refuses_zero():
    assert positive(count)(1) == 1
    with pytest.raises(QuantityError, match="'0' is not above zero"):
        positive(count)(0)
    with pytest.raises(QuantityError, match="'0s' is not above zero"):
        positive(duration)("0s")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (0.5, "500ms"), (30, "30s"), (120, "2m"), (90, "90s"), (3600, "1h"), (2e-6, "2us")],
)
def test_durations_are_shown_as_they_are_written(seconds, shown):
    assert show_duration(seconds) == shown
    assert duration(shown) == pytest.approx(seconds)


def test_measured_values_are_shown_with_three_digits():
    assert [show_latency(value) for value in (0, 0.00025, 0.00831, 0.0415, 0.9996, 12.34)] == [
        "0 ms", "250 us", "8.31 ms", "41.5 ms", "1.00 s", "12.3 s",
    ]  # fmt: skip
    assert show_rate(49.84) == "49.8/s"
    assert show_rate(12345) == "12,345/s"
    assert show_rate(0) == "0/s"


def test_what_is_too_large():
    assert (duration("8760h"), count(LARGEST), at_most(count, 5)(5)) == (8760 * 3600, LARGEST, 5)
    for read, value, says in (
        (duration, "8760h1s", "'8760h1s' is longer than a year; write at most 8760h"),
        (count, LARGEST + 1, "this number is too large; write at most 9223372036854775807"),
        (count, 10**5000, "this number is too large"),
        (at_most(count, 5000), 5001, "'5001' is too many; write at most 5,000"),
    ):
        with pytest.raises(QuantityError) as caught:
            read(value)
        assert says in str(caught.value)
