"""Latencies in log-linear buckets: small, mergeable, three significant digits.

The layout is that of an HDR histogram. Values are whole microseconds. Below 2048
every value has its own bucket; above, each power of two is cut into 1024 equal
buckets, so a bucket is never wider than a thousandth of what it holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

__all__ = ["Bucket", "Histogram"]

_HALF_BITS = 10
_HALF = 1 << _HALF_BITS
_MICROSECOND = 1e-6


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """``count`` values from ``low`` (included) to ``high`` (excluded), in microseconds."""

    low: int
    high: int
    count: int


class Histogram:
    """How often which latency was seen.

    :ivar count: how many values; ``total`` is their sum in seconds, exactly as recorded.
    :ivar lowest: the smallest value in seconds, as recorded; ``highest`` the largest.
    """

    __slots__ = ("_counts", "count", "highest", "lowest", "total")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.lowest = math.inf
        self.highest = 0.0
        for value in values:
            self.record(value)

    def record(self, seconds: float) -> None:
        """Count one value; a negative one counts as zero."""
        seconds = max(seconds, 0.0)
        index = _index(round(seconds / _MICROSECOND))
        self._counts[index] = self._counts.get(index, 0) + 1
        self.count += 1
        self.total += seconds
        self.lowest = min(self.lowest, seconds)
        self.highest = max(self.highest, seconds)

    def merge(self, other: Histogram) -> None:
        """Count everything that ``other`` counted."""
        for index, count in other._counts.items():
            self._counts[index] = self._counts.get(index, 0) + count
        self.count += other.count
        self.total += other.total
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)

    def percentile(self, percent: float) -> float:
        """The value in seconds that ``percent`` of all values do not exceed (nearest rank).

        At most a thousandth above the exact one, and half a microsecond off; 0 when empty.
        """
        rank = max(1, math.ceil(round(self.count * percent / 100, 9)))
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= rank:
                low, width = _bounds(index)
                return min((low + width - 1) * _MICROSECOND, self.highest)
        return self.highest

    @property
    def mean(self) -> float:
        """The mean in seconds; 0 when empty."""
        return self.total / self.count if self.count else 0.0

    def buckets(self) -> list[Bucket]:
        """The buckets that hold something, in order."""
        found = []
        for index in sorted(self._counts):
            low, width = _bounds(index)
            found.append(Bucket(low, low + width, self._counts[index]))
        return found

    @classmethod
    def of(
        cls, buckets: Iterable[Bucket], total: float, lowest: float, highest: float
    ) -> Histogram:
        """The histogram that gave these buckets, sum, smallest and largest value in seconds."""
        made = cls()
        for bucket in buckets:
            index = _index(bucket.low)
            made._counts[index] = made._counts.get(index, 0) + bucket.count
            made.count += bucket.count
        made.total, made.highest = total, highest
        made.lowest = lowest if made.count else math.inf
        return made


def _index(value: int) -> int:
    shift = max(0, value.bit_length() - _HALF_BITS - 1)
    return (shift << _HALF_BITS) + (value >> shift)


def _bounds(index: int) -> tuple[int, int]:
    """The lowest value of a bucket, and its width."""
    if index < 2 * _HALF:
        return index, 1
    shift = (index >> _HALF_BITS) - 1
    return (index - (shift << _HALF_BITS)) << shift, 1 << shift
