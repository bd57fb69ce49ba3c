"""One service that keeps nothing, where ``apps/counter`` counts.

Nothing is read, stored or journaled: a request costs what the platform costs.
"""

from compiler import service

__all__ = ["Counter"]


@service
class Counter:
    """Says what the count of a key would be if it were its first."""

    def increment(self, key: str) -> int:
        """One, which is what the first increment of ``key`` comes to."""
        return len(key[:1])

    def read(self, key: str) -> int:
        """None yet."""
        return len(key[:0])
