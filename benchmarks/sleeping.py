"""A counter, and requests that sleep beside it, for :mod:`benchmarks.sleepers`."""

from compiler import Persistent, internal, service, start

__all__ = ["Counter"]


@service
class Counter:
    """What was counted for each key."""

    def __init__(self) -> None:
        self.counts: Persistent[dict[str, int]] = {}

    def increment(self, key: str) -> int:
        """Count one more for a key: how many that makes."""
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    def lull(self, count: int) -> int:
        """Let so many requests begin in a year."""
        for number in range(count):
            start(Counter.late, f"late-{number}", after="365d")
        return count

    @internal
    def late(self, key: str) -> int:
        """Count one more, in a year."""
        return self.increment(key)
