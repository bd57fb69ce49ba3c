"""The chain: three services, and still one commit per increment.

``First`` and ``Second`` keep nothing and decide nothing that a second execution
could decide otherwise, so there is nothing to make durable on the way.
"""

from apps.counter.services import Counter
from compiler import call, service

__all__ = ["Counter", "First", "Second"]


@service
class First:
    """Where clients ask."""

    def increment(self, key: str) -> int:
        """Pass the increment on."""
        return call(Second.increment, key)

    def read(self, key: str) -> int:
        """Pass the question on."""
        return call(Second.read, key)


@service
class Second:
    """Stands between ``First`` and the counter."""

    def increment(self, key: str) -> int:
        """Pass the increment on."""
        return call(Counter.increment, key)

    def read(self, key: str) -> int:
        """Pass the question on."""
        return call(Counter.read, key)
