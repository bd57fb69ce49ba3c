"""The Store port, awaited: what a node needs of a store.

:class:`core.store.Store` has the rules. Beyond the port, a store can keep a *log of
commits* for those who want to check a run afterwards: the log's entry is part of the
commit, so it is there exactly if the commit happened, whoever died in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer

__all__ = ["AsyncStore"]


class AsyncStore(Protocol):
    """A store that any number of tasks use at once; nothing here blocks the event loop."""

    async def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        """Keys and ranges at one version; see :class:`core.ports.Read`."""

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,
    ) -> int:
        """See :meth:`core.store.Store.commit`.

        :param entry: kept in the log of commits with the commit itself; None: nothing is kept.
        """

    async def log(self) -> list[tuple[int, bytes]]:
        """The log of commits: versions and entries, in the order of the commits.

        Versions never fall; on FoundationDB the commits of one batch share theirs, and a read
        at that version sees all of them.
        """

    async def close(self) -> None:
        """Give back what the store holds; no call may be under way."""
