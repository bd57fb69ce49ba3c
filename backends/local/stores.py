"""Which store the nodes of one machine share, and how to open it.

SQLite is the default and needs nothing. FoundationDB is there for those who want several
machines later, and for trying the same processes, scenarios and kills on a real cluster.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from backends.local.database import Synchronous
from backends.local.store import LocalStore
from backends.runtime.store import AsyncStore
from core.errors import MuError

__all__ = ["Fdb", "Sqlite", "StoreChoice", "Wish", "apart"]


class Sqlite(msgspec.Struct, frozen=True):
    """A file on this machine; see :class:`backends.local.store.LocalStore`."""

    path: str
    synchronous: Synchronous = "normal"

    @property
    def kind(self) -> str:
        """As result files name it."""
        return "sqlite"

    @property
    def durability(self) -> str:
        """What an acknowledged commit survives, in the store's own words."""
        return f"synchronous={self.synchronous}"

    def open(self, timeout: float = 5.0) -> AsyncStore:
        """Open it, in the process that uses it.

        :param timeout: seconds to wait for other processes.
        :raises StoreFileError: the file cannot be used.
        """
        return LocalStore(self.path, self.synchronous, timeout)


class Fdb(msgspec.Struct, frozen=True):
    """A FoundationDB cluster; see :class:`backends.fdb.store.FdbStore`.

    :ivar namespace: whose part of the cluster it is, an application's name.
    :ivar cluster_file: path; empty: as every FoundationDB client finds it.
    :ivar buggify: whether the client injects faults of its own, for tests.
    """

    namespace: str
    cluster_file: str = ""
    buggify: bool = False

    @property
    def kind(self) -> str:
        """As result files name it."""
        return "fdb"

    @property
    def durability(self) -> str:
        """What an acknowledged commit survives, in the store's own words."""
        return "the cluster's redundancy mode"

    def open(self, timeout: float = 5.0) -> AsyncStore:
        """Open it, in the process that uses it: its network thread does not survive a fork.

        :param timeout: seconds that one call may take.
        :raises SetupError: bindings, client library or cluster file are missing.
        """
        from backends.fdb.settings import FaultInjection, Settings
        from backends.fdb.store import FdbStore

        return FdbStore.open(
            Settings(
                application=self.namespace,
                cluster_file=self.cluster_file or None,
                timeout=timeout,
                faults=FaultInjection() if self.buggify else None,
            )
        )


StoreChoice = Sqlite | Fdb


class Wish(msgspec.Struct, frozen=True):
    """Which store somebody wants, before it is known for which application and folder.

    :ivar name: ``sqlite``, ``fdb``, or ``fdb:`` and the path of a cluster file.
    :ivar buggify: see :class:`Fdb`.
    """

    name: str = "sqlite"
    synchronous: Synchronous = "normal"
    buggify: bool = False

    def choose(self, application: str, path: str) -> StoreChoice:
        """The store of an application, or its file.

        :raises MuError: there is no such kind of store.
        """
        kind, _, cluster_file = self.name.partition(":")
        if kind == "fdb":
            return Fdb(application, cluster_file, self.buggify)
        if self.name == "sqlite":
            return Sqlite(path, self.synchronous)
        raise MuError(f"there is no store '{self.name}': give sqlite, fdb or fdb:CLUSTER_FILE")


def apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do some work with a store in a process of its own, so that this one can still be forked.

    :raises MuError: the work did.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, there), name="set-up")
    process.start()
    there.close()
    try:
        told = here.recv_bytes()
    except EOFError:
        told = b"the set-up of the store broke off"
    process.join()
    here.close()
    if told:
        raise MuError(told.decode())


def _work(work: Callable[[], Coroutine[Any, Any, None]], there: Any) -> None:
    told = ""
    try:
        asyncio.run(work())
    except MuError as error:
        told = str(error)
    there.send_bytes(told.encode())
