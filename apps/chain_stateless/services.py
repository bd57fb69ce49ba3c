"""Two services in front of a third, as in ``apps/chain``, and none of the three keeps anything."""

from apps.counter_stateless.services import Counter
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
