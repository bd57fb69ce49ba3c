"""The counter: one commit per increment, none per read."""

from compiler import Persistent, service

__all__ = ["Counter"]


@service
class Counter:
    """Counts, one for each key."""

    def __init__(self) -> None:
        self.counts: Persistent[dict[str, int]] = {}

    def increment(self, key: str) -> int:
        """Add one to the count of ``key`` and return it."""
        count = self.counts.get(key, 0) + 1
        self.counts[key] = count
        return count

    def read(self, key: str) -> int:
        """The count of ``key``."""
        return self.counts.get(key, 0)
