"""Our counter: ``python -m backends.local up benchmarks/peers/counters.py``."""

from compiler import Persistent, service

__all__ = ["Counters"]


@service
class Counters:
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
