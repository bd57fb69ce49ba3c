"""The Store port, awaited: what a node needs of a store.

:class:`core.store.Store` has the rules. Beyond the port, a store can keep a *log of
commits* for those who want to check a run afterwards: the log's entry is part of the
commit, so it is there exactly if the commit happened, whoever died in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from core.errors import MuError
from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer

__all__ = ["AsyncStore", "trouble"]

_WITHIN = 1.0
"""Seconds within which a store answers that is well."""


class AsyncStore(Protocol):
    """A store that any number of tasks use at once; nothing here blocks the event loop."""

    async def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""

    async def check(self) -> None:
        """See that the store can be read and written.

        :raises StoreError: it cannot; the message says why and what to do.
        """
        await self.read_version()

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


async def trouble(store: AsyncStore) -> str:
    """Why the store cannot be used; empty if it can."""
    try:
        async with asyncio.timeout(_WITHIN):
            await store.check()
    except TimeoutError:
        return f"the store did not answer within {_WITHIN:g} s"
    except MuError as error:
        return str(error)
    return ""
