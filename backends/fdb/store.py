"""The Store port on FoundationDB, for an asyncio host.

The host performs an attempt's effects (:mod:`core.ports`) with three calls:
``read_version``, ``read`` and ``commit``. They keep nothing between them and never block,
so any number may be under way at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from backends.fdb.bindings import Cluster, connect
from backends.fdb.cluster_file import find, whats_wrong
from backends.fdb.errors import LOCKED, TIMED_OUT, SetupError
from backends.fdb.namespace import Namespace
from backends.fdb.settings import Settings
from backends.runtime.store import AsyncStore
from core.errors import Conflict, StoreError, StoreUnavailable
from core.limits import check_read, check_transaction
from core.store import ClearRange, KeyRange, Keys, Mutation, Pairs, Ranges, ReadAnswer

__all__ = ["FdbStore"]

_PAGE = 100
"""Chunks of the log read at once; each is of core.store.VALUE_LIMIT at most."""
_TRIES, _PAUSE = 10, 0.05
"""How often what must be done in the end is tried, and the seconds in between."""
_SOON = 3
"""How often a cluster that answers, but with an error, is asked whether it can be used."""

T = TypeVar("T")


class FdbStore(AsyncStore):
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

    def __str__(self) -> str:
        return f"FoundationDB's part for {self.settings.application!r}"

    async def check(self) -> None:
        """See that the cluster answers, once, when a process starts.

        :raises SetupError: it does not, and what to look at.
        """
        for left in reversed(range(_SOON)):
            try:
                await self.read_version()
                return
            except StoreUnavailable as error:
                code = getattr(error.__cause__, "code", 0)
                if left and code != TIMED_OUT:
                    await asyncio.sleep(_PAUSE)
                    continue
                raise SetupError(await self._trouble(error, code), code) from error

    async def _trouble(self, error: StoreUnavailable, code: int) -> str:
        """What a person is told of a cluster that cannot be used, and what to do."""
        setting = self.settings.cluster_file
        fdbcli = f"fdbcli -C {setting}" if setting else "fdbcli"
        if code == LOCKED:
            return (
                f"the FoundationDB database is locked ({error}): a restore, a switch-over or a "
                f"person locked it; wait for the first two, or `{fdbcli} --exec 'unlock UID'` with "
                "the UID that `lock` printed"
            )
        if code != TIMED_OUT:
            return f"the FoundationDB cluster cannot be used ({error}): `{fdbcli} --exec status`"
        return (
            f"the FoundationDB cluster does not answer within {self.settings.timeout:g} s "
            f"({error}): {await whats_wrong(find(setting))}; `{fdbcli} --exec status` tells more"
        )

    async def read_version(self) -> int:
        """See :meth:`core.store.Store.read_version`."""
        return await self._cluster.read_version()

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        """Keys and ranges at one version, all at once; see :class:`core.ports.Read`.

        :raises TooOld, FutureVersion: the version cannot be read.
        """
        namespace = self.namespace
        check_read(keys, ranges)
        asked = [(namespace.key(begin), namespace.key(end), limit) for begin, end, limit in ranges]
        found = await self._cluster.read(version, [namespace.key(key) for key in keys], asked)
        values, pairs = found
        return values, [namespace.pairs(part) for part in pairs]

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,
    ) -> int:
        """See :meth:`core.store.Store.commit` and :meth:`AsyncStore.commit`.

        :raises Conflict, TooOld, FutureVersion, TooLarge, StoreUnavailable: nothing happened.
        :raises Unknown: it may have happened, or may yet happen.
        """
        namespace = self.namespace
        check_transaction(reads, mutations, entry, len(namespace.prefix), self.settings.size_limit)
        try:
            return await self._cluster.commit(
                version,
                namespace.ranges(reads),
                [namespace.mutation(mutation) for mutation in mutations],
                namespace.nobodys,
                () if entry is None else namespace.log.writes(entry),
            )
        except Conflict as conflict:
            conflict.keys = tuple(map(namespace.own, conflict.keys))
            raise

    async def log(self) -> list[tuple[int, bytes]]:
        """See :meth:`AsyncStore.log`. Commits of one batch share a version; the order is right
        (:mod:`backends.fdb.log`), and a read at that version sees all of them.

        The log only grows at its end, so each page is read at a version of its own, and a log
        may be of any length.

        :raises StoreUnavailable: a page could not be read, however often it was tried.
        """
        begin, end = self.namespace.log.range
        pairs: Pairs = []
        while True:
            page = await self._page(begin, end)
            pairs += page
            if len(page) < _PAGE:
                return self.namespace.log.entries(pairs)
            begin = page[-1][0] + b"\x00"

    async def _page(self, begin: bytes, end: bytes) -> Pairs:
        async def read() -> Pairs:
            version = await self._cluster.read_version()
            _, ranges = await self._cluster.read(version, (), ((begin, end, _PAGE),))
            return ranges[0]

        return await _patiently(read, "the log of commits cannot be read")

    async def erase(self) -> None:
        """Remove everything of the application from the cluster, its log of commits included.

        It looks again until there is nothing: a commit may have been under way.

        :raises StoreUnavailable: something may be left, however often it was tried.
        """
        parts = (self.namespace.whole, self.namespace.log.range)

        async def erase() -> None:
            version = await self._cluster.read_version()
            _, found = await self._cluster.read(version, (), [(*part, 1) for part in parts])
            if any(found):
                clears = [ClearRange(*part) for part in parts]
                await self._cluster.commit(version, (), clears, self.namespace.nobodys)
                raise StoreUnavailable("somebody still writes there")  # unless it is empty now

        await _patiently(erase, f"{self} cannot be removed")

    async def close(self) -> None:
        """Nothing to give back: the connection to the cluster is the process's."""


async def _patiently(ask: Callable[[], Awaitable[T]], otherwise: str) -> T:
    """What ``ask`` answers when the cluster does, after some patience."""
    for left in reversed(range(_TRIES)):
        try:
            return await ask()
        except StoreError as error:
            failure = error
            await asyncio.sleep(_PAUSE if left else 0)
    raise StoreUnavailable(f"{otherwise}: {failure}") from failure
