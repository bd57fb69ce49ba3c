"""Latencies by percentile, from a histogram's buckets, for plots whose tail is stretched.

The horizontal axis of an HDR plot is ``1 / (1 - p)``, on a logarithmic scale: 50 %
stands at 2, 99 % at 100, 99.9 % at 1000, so the slowest thousandth gets as much room
as the rest. The slowest of ``n`` values begins at ``n`` and has no end; it is drawn up
to ``2 n``.
"""

from __future__ import annotations

from collections.abc import Sequence

from figures.results import Bucket

__all__ = ["by_percentile", "stretched"]


def stretched(percent: float) -> float:
    """Where a percentile below 100 stands on the axis."""
    return 100.0 / (100.0 - percent)


def by_percentile(buckets: Sequence[Bucket], highest: float) -> tuple[list[float], list[float]]:
    """Places on the axis and latencies in seconds, as the corners of a rising staircase.

    :param highest: the largest value in seconds, which no step exceeds.
    """
    total = sum(bucket.count for bucket in buckets)
    places: list[float] = []
    latencies: list[float] = []
    seen = 0
    for bucket in sorted(buckets, key=lambda each: each.low):
        latency = min((bucket.high - 1) * 1e-6, highest)
        places.append(total / (total - seen))
        seen += bucket.count
        places.append(total / max(total - seen, 0.5))
        latencies += [latency, latency]
    return places, latencies
