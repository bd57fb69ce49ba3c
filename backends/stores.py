"""Which store the nodes of an application share, and how to open it.

This is the one place that knows the stores by name: what runs an application asks here.

SQLite is the default and needs nothing. FoundationDB is there for those who want several
machines later, and for trying the same processes, scenarios and kills on a real cluster.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from backends.fdb.namespace import Namespace
from backends.fdb.settings import API_VERSION, OLDEST_API_VERSION, FaultInjection, Settings
from backends.fdb.store import FdbStore
from backends.runtime.store import AsyncStore
from backends.sqlite.database import Synchronous
from backends.sqlite.shrink import shrink
from backends.sqlite.store import SqliteStore
from core.errors import MuError

__all__ = ["OLDEST_API_VERSION", "Fdb", "Sqlite", "StoreChoice", "Wish", "apart"]

_PATIENCE = 2.0
"""Seconds to wait for whoever has locked the store's file, before there are any nodes."""


class Sqlite(msgspec.Struct, frozen=True, tag="sqlite"):
    """A file on this machine; see :class:`backends.sqlite.store.SqliteStore`."""

    path: str
    synchronous: Synchronous = "normal"

    def __str__(self) -> str:
        return f"the file {self.path}"

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
        return SqliteStore(self.path, self.synchronous, timeout)

    def calm(self) -> Sqlite:
        """The same without faults of its own: it has none."""
        return self

    async def prepare(self) -> AsyncStore:
        """Open it before there are any nodes, and see that it can be used, and written.

        :raises MuError: it cannot.
        """
        store = self.open(_PATIENCE)
        try:
            await store.check()
        except BaseException:
            await store.close()
            raise
        return store

    async def visit(self) -> AsyncStore:
        """Open it beside nodes that may be at work.

        :raises StoreFileError: the file cannot be used.
        """
        return self.open()

    async def erase(self) -> None:
        """What it holds goes with its folder."""

    def removal(self) -> str:
        """What a person does who wants all of it removed."""
        return f"remove {self.path}"

    def shrink(self, alone: bool) -> None:
        """Give freed room back to the file system; see :func:`backends.sqlite.shrink.shrink`."""
        shrink(self.path, alone)


class Fdb(msgspec.Struct, frozen=True, tag="fdb"):
    """A FoundationDB cluster; see :class:`backends.fdb.store.FdbStore`.

    :ivar namespace: whose part of the cluster it is, an application's name.
    :ivar cluster_file: path; empty: as every FoundationDB client finds it.
    :ivar api_version: 0: the default of :class:`backends.fdb.settings.Settings`.
    :ivar buggify: whether the client of a node injects faults of its own, for tests.
    """

    namespace: str
    cluster_file: str = ""
    api_version: int = 0
    buggify: bool = False

    def __str__(self) -> str:
        return f"the namespace {self.namespace!r} of the FoundationDB cluster"

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
        return self._open(timeout)

    def _open(self, timeout: float = 5.0) -> FdbStore:
        return FdbStore.open(
            Settings(
                application=self.namespace,
                cluster_file=self.cluster_file or None,
                api_version=self.api_version or API_VERSION,
                timeout=timeout,
                faults=FaultInjection() if self.buggify else None,
            )
        )

    def calm(self) -> Fdb:
        """The same without faults of its own: for those who set up, drive, judge and clean up."""
        return msgspec.structs.replace(self, buggify=False)

    async def prepare(self) -> AsyncStore:
        """Open it before there are any nodes, and see that the cluster answers.

        :raises SetupError: it does not, or there is no way to it.
        """
        store = self.calm()._open()
        await store.check()
        return store

    async def visit(self) -> AsyncStore:
        """Open it beside nodes that may be at work; see :meth:`prepare`."""
        return await self.prepare()

    def removal(self) -> str:
        """What a person does who wants all of it removed."""
        file = f"-C {self.cluster_file} " if self.cluster_file else ""
        return f"fdbcli {file}--exec 'writemode on; {Namespace(self.namespace).removal()}'"

    async def erase(self) -> None:
        """Remove the namespace from the cluster: the data, and the log of commits.

        :raises MuError: something may be left there.
        """
        store = self.calm()._open()
        await store.check()
        await store.erase()


StoreChoice = Sqlite | Fdb


class Wish(msgspec.Struct, frozen=True):
    """Which store somebody wants, before it is known for which application and folder.

    For FoundationDB the environment has two more, MU2SLS_FDB_API_VERSION, a number, and
    MU2SLS_FDB_BUGGIFY, 1 for a client that injects faults into the nodes; see :class:`Fdb`.

    :ivar name: ``sqlite``, ``fdb``, or ``fdb:`` and the path of a cluster file.
    """

    name: str = "sqlite"
    synchronous: Synchronous = "normal"

    def choose(self, application: str, path: str) -> StoreChoice:
        """The store of an application, or its file.

        :raises MuError: there is no such kind of store.
        """
        kind, _, cluster_file = self.name.partition(":")
        if kind == "fdb":
            api_version, buggify = _whole("MU2SLS_FDB_API_VERSION"), _whole("MU2SLS_FDB_BUGGIFY")
            return Fdb(application, cluster_file, api_version, bool(buggify))
        if self.name == "sqlite":
            return Sqlite(path, self.synchronous)
        raise MuError(f"there is no store '{self.name}': give sqlite, fdb or fdb:CLUSTER_FILE")


def _whole(name: str) -> int:
    """A whole number from the environment; 0 if there is none."""
    text = os.environ.get(name, "").strip() or "0"
    if not text.isdecimal():
        raise MuError(f"{name} is '{text}': give a whole number, or leave it out")
    return int(text)


def apart(work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
    """Do some work with a store in a process of its own, so that this one can still be forked.

    :returns: what the work gave.
    :raises MuError: the work did.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, there), name="set-up")
    process.start()
    there.close()
    try:
        told, given = here.recv_bytes().decode(), here.recv_bytes()
    except EOFError:
        told, given = "the set-up of the store broke off", b""
    process.join()
    here.close()
    if told:
        raise MuError(told)
    return given


def _work(work: Callable[[], Coroutine[Any, Any, bytes]], there: Any) -> None:
    told, given = "", b""
    try:
        given = asyncio.run(work())
    except MuError as error:
        told = str(error)
    there.send_bytes(told.encode())
    there.send_bytes(given)
