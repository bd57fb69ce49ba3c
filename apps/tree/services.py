"""The tree: ``Root`` increments two counters in two services, both or neither, in one commit."""

from compiler import Persistent, gather, service, spawn, transaction

__all__ = ["Left", "Right", "Root"]


@service
class Left:
    """One of two counters."""

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


@service
class Right:
    """The other counter."""

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


@service
class Root:
    """Keeps the two in step."""

    async def increment(self, key: str) -> tuple[int, int]:
        """Increment both sides at once and return both counts, which are always equal."""
        async with transaction():
            return await gather(spawn(Left.increment, key), spawn(Right.increment, key))

    async def read(self, key: str) -> tuple[int, int]:
        """Both counts at one moment: a request that only reads sees one consistent snapshot."""
        return await gather(spawn(Left.read, key), spawn(Right.read, key))
