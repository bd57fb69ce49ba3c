"""The Store port on FoundationDB, for an asyncio host.

The host performs an attempt's effects (:mod:`core.ports`) with three calls:
``read_version``, ``read`` and ``commit``. They keep nothing between them and never block,
so any number may be under way at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.fdb.bindings import Cluster, connect
from backends.fdb.errors import SetupError
from backends.fdb.namespace import Namespace
from backends.fdb.settings import Settings
from core.errors import Conflict, StoreUnavailable
from core.limits import check_bounds, check_key, check_transaction
from core.ports import ReadAnswer
from core.store import KeyRange, Mutation, Pairs

__all__ = ["FdbStore"]


class FdbStore:
    """An application's part of a FoundationDB cluster; :class:`core.store.Store`, awaited.

    Keys outside the user key space raise ValueError, keys or values that are not bytes
    TypeError. Beyond the errors of the port, every call may raise
    :class:`~core.errors.StoreUnavailable` and :class:`~backends.fdb.errors.FdbError`.
    A key may be as long as core.store.KEY_LIMIT less the namespace's prefix.
    """

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self.settings = settings
        self.namespace = Namespace(settings.application)
        self._cluster = cluster

    @classmethod
    def open(cls, settings: Settings, fdb: Any = None) -> FdbStore:
        """Open the cluster, without waiting for it.

        :param fdb: the bindings, or what stands in for them; None: the installed ones.
        :raises SetupError: what is missing, and the remedy.
        """
        return cls(connect(settings, fdb), settings)

    async def check(self) -> None:
        """See that the cluster answers, once, when a process starts.

        :raises SetupError: it does not, and what to look at.
        """
        try:
            await self.read_version()
        except StoreUnavailable as error:
            file = self.settings.cluster_file
            named = f"-C {file} " if file else ""
            raise SetupError(
                f"the FoundationDB cluster does not answer within {self.settings.timeout:g} s "
                f"({error}): see that it runs and can be reached from here with "
                f"`fdbcli {named}--exec status`"
            ) from error

    async def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""
        return await self._cluster.read_version()

    async def read(
        self,
        version: int,
        keys: Sequence[bytes],
        ranges: Sequence[tuple[bytes, bytes, int]] = (),
    ) -> ReadAnswer:
        """Keys and ranges at one version, all at once; see :class:`core.ports.Read`.

        :raises TooOld, FutureVersion: the version cannot be read.
        """
        namespace = self.namespace
        for key in keys:
            check_key(key)
        for begin, end, _ in ranges:
            check_bounds(begin, end)
        asked = [(namespace.key(begin), namespace.key(end), limit) for begin, end, limit in ranges]
        found = await self._cluster.read(version, [namespace.key(key) for key in keys], asked)
        values, pairs = found
        return values, [namespace.pairs(part) for part in pairs]

    async def get(self, key: bytes, version: int) -> bytes | None:
        """See :meth:`core.store.Store.get`."""
        values, _ = await self.read(version, (key,))
        return values[0]

    async def get_range(self, begin: bytes, end: bytes, version: int, limit: int = 0) -> Pairs:
        """See :meth:`core.store.Store.get_range`."""
        _, pairs = await self.read(version, (), ((begin, end, limit),))
        return pairs[0]

    async def commit(
        self, version: int, reads: Sequence[KeyRange], mutations: Sequence[Mutation]
    ) -> int:
        """See :meth:`core.store.Store.commit`.

        :raises Conflict, TooOld, FutureVersion, TooLarge, StoreUnavailable: nothing happened.
        :raises Unknown: it may have happened, or may yet happen.
        """
        check_transaction(reads, mutations)
        namespace = self.namespace
        try:
            return await self._cluster.commit(
                version,
                namespace.ranges(reads),
                [namespace.mutation(mutation) for mutation in mutations],
                namespace.nobodys,
            )
        except Conflict as conflict:
            conflict.keys = tuple(map(namespace.own, conflict.keys))
            raise
