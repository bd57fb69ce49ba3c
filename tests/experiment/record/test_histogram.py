"""The histogram against exact percentiles."""

import math
import pickle
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.record.histogram import Histogram

LATENCIES = st.lists(st.floats(0, 3600, allow_nan=False), min_size=1, max_size=200)


def exact(values, percent):
    ordered = sorted(values)
    return ordered[max(1, math.ceil(round(len(ordered) * percent / 100, 9))) - 1]


@given(LATENCIES, st.floats(0.1, 100))
def test_percentiles_are_within_three_digits(values, percent):
    found = Histogram(values).percentile(percent)
    assert found == pytest.approx(exact(values, percent), rel=0.001, abs=0.6e-6)


@given(LATENCIES, LATENCIES)
def test_merging_is_recording_everything_in_one(one, two):
    merged, whole = Histogram(one), Histogram(one + two)
    merged.merge(Histogram(two))
    assert merged.buckets() == whole.buckets()
    assert merged.count == whole.count == len(one) + len(two)
    assert (merged.lowest, merged.highest) == (min(one + two), max(one + two))
    assert merged.mean == pytest.approx(whole.mean)


@given(LATENCIES)
def test_buckets_tile_what_was_recorded(values):
    buckets = Histogram(values).buckets()
    assert sum(bucket.count for bucket in buckets) == len(values)
    for before, after in pairwise(buckets):
        assert before.high <= after.low
    for bucket in buckets:
        assert bucket.high - bucket.low <= max(1, bucket.low / 1000)


@given(LATENCIES)
def test_buckets_make_the_histogram_again(values):
    histogram = Histogram(values)
    again = Histogram.of(histogram.buckets(), histogram.total, histogram.lowest, histogram.highest)
    for percent in (1, 50, 99, 100):
        assert again.percentile(percent) == histogram.percentile(percent)
    assert again.mean == histogram.mean


@settings(max_examples=20)
@given(LATENCIES)
def test_it_travels_between_processes(values):
    histogram = Histogram(values)
    again = pickle.loads(pickle.dumps(histogram))
    assert again.buckets() == histogram.buckets()


def test_an_empty_one():
    empty = Histogram()
    assert (empty.count, empty.mean, empty.percentile(99)) == (0, 0.0, 0.0)
    merged = Histogram([0.25])
    merged.merge(empty)
    assert (merged.lowest, merged.highest) == (0.25, 0.25)


def test_a_percentile_is_never_above_the_largest():
    assert Histogram([0.123456789]).percentile(50) <= 0.123456789
