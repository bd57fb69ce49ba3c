"""Latencies by percentile agree with the histogram they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.record.histogram import Histogram
from figures.distribution import by_percentile, stretched
from figures.results import Bucket
from tests.figures.made import BUCKETS


def read_off(places, latencies, percent):
    """What the staircase shows at a percentile."""
    x = stretched(percent)
    return next(
        latency
        for begin, end, latency in zip(places[::2], places[1::2], latencies[::2], strict=True)
        if x <= end * (1 + 1e-12) or end == places[-1]
    )


def test_a_staircase():
    places, latencies = by_percentile([Bucket(*each) for each in BUCKETS], 0.1004)
    assert places == pytest.approx([1, 2, 2, 10, 10, 100, 100, 200])
    assert latencies[::2] == pytest.approx([0.001, 0.004099, 0.020495, 0.1004])
    assert latencies[::2] == latencies[1::2]


def test_places_of_percentiles():
    assert [stretched(p) for p in (0, 50, 90, 99)] == pytest.approx([1, 2, 10, 100])


def test_nothing_was_measured():
    assert by_percentile([], 0.0) == ([], [])


@given(st.lists(st.floats(1e-5, 50.0), min_size=1, max_size=300), st.floats(0.0, 99.9))
def test_it_shows_the_percentiles_of_the_histogram(values, percent):
    histogram = Histogram(values)
    buckets = [Bucket(b.low, b.high, b.count) for b in histogram.buckets()]
    places, latencies = by_percentile(buckets, histogram.highest)
    assert places == sorted(places)
    assert latencies == sorted(latencies)
    assert places[-1] == pytest.approx(2 * len(values))
    rank = len(values) * percent / 100
    if abs(rank - round(rank)) > 1e-6:  # at a step, both of its ends are right
        seen = read_off(places, latencies, percent)
        assert seen == pytest.approx(histogram.percentile(percent), abs=1e-6)
