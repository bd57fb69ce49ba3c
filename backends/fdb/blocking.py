"""The Store port on FoundationDB as :mod:`core.store` writes it: four calls that block.

For tools and for the conformance suite. It drives the very code that an asyncio host
awaits, on an event loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from backends.fdb.store import FdbStore
from core.store import KeyRange, Mutation, Pairs

__all__ = ["BlockingFdbStore"]

T = TypeVar("T")


class BlockingFdbStore:
    """:class:`core.store.Store` on an :class:`~backends.fdb.store.FdbStore`.

    For one thread that has no event loop running; ``close`` it at the end.
    """

    def __init__(self, store: FdbStore) -> None:
        self.store = store
        self._runner = asyncio.Runner()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for a call of the store."""
        return self._runner.run(call)

    def check(self) -> None:
        """See :meth:`backends.fdb.store.FdbStore.check`."""
        self.run(self.store.check())

    def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""
        return self.run(self.store.read_version())

    def get(self, key: bytes, version: int) -> bytes | None:
        """See :meth:`core.store.Store.get`."""
        return self.run(self.store.get(key, version))

    def get_range(self, begin: bytes, end: bytes, version: int, limit: int = 0) -> Pairs:
        """See :meth:`core.store.Store.get_range`."""
        return self.run(self.store.get_range(begin, end, version, limit))

    def commit(self, version: int, reads: Sequence[KeyRange], mutations: Sequence[Mutation]) -> int:
        """See :meth:`core.store.Store.commit`."""
        return self.run(self.store.commit(version, reads, mutations))

    def close(self) -> None:
        """Give back the event loop; the cluster stays open for the process."""
        self._runner.close()
