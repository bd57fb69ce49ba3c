"""A root that asks two services at once, as in ``apps/tree``, and none of the three keeps anything.

There is no transaction, as nothing could take part in one.
"""

from compiler import gather, service, spawn

__all__ = ["Left", "Right", "Root"]


@service
class Left:
    """One side."""

    def increment(self, key: str) -> int:
        """One, which is what the first increment of ``key`` comes to."""
        return len(key[:1])

    def read(self, key: str) -> int:
        """None yet."""
        return len(key[:0])


@service
class Right:
    """The other side."""

    def increment(self, key: str) -> int:
        """One, which is what the first increment of ``key`` comes to."""
        return len(key[:1])

    def read(self, key: str) -> int:
        """None yet."""
        return len(key[:0])


@service
class Root:
    """Where clients ask."""

    async def increment(self, key: str) -> tuple[int, int]:
        """What both sides say."""
        return await gather(spawn(Left.increment, key), spawn(Right.increment, key))

    async def read(self, key: str) -> tuple[int, int]:
        """What both sides say."""
        return await gather(spawn(Left.read, key), spawn(Right.read, key))
