"""The one module that touches FoundationDB's Python bindings (``foundationdb`` on PyPI).

Written against their API reference ("Python API", "Special keys") and their sources of
7.1 to 7.3. How it uses them:

* **Every call is a transaction of its own** that is given its read version, so nothing
  is kept between calls. The client retries nothing: the executor does (retry limit 0).
* **Nothing blocks.** The bindings' ``wait`` does, and their asyncio model rests on
  generators that Python no longer has. So :func:`_ready` asks for a callback, which runs on
  the network thread and only wakes the event loop; after it, ``wait`` returns at once. All
  futures of a call are asked for before the first is waited for.
* **It asks for a version before it uses one that it was given.** The client reads at no version
  older than the oldest that the cluster has given it, and before the first at none at all
  (``DatabaseContext::validateVersion``: 1007); nor does it know who takes its commits.
* **The transaction outlives its futures**: each coroutine holds it in a local variable
  while it waits. One that is collected fails its futures with 1025.
* **Read conflicts come before writes.** The client adds a range "as if you had read" it, and
  what a transaction has written before, it reads from itself: that part would be dropped
  (``ReadYourWritesTransaction::updateConflictMap``), and with it the journal's own conflict.
* **A commit that would write nothing is made to write.** The client takes a transaction
  without mutations and write conflicts for read-only and never checks its read conflicts
  (``Transaction::commitMutations``); the port wants them checked. So such a commit gets a
  write conflict on a key that nobody reads.

The bindings give the future of a range read to nobody: ``FDBRange._future`` is the one
private name used here, the same in every release from 6.3 to 8.0.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from backends.fdb.cluster_file import find
from backends.fdb.errors import CONFLICT, SetupError, translate
from backends.fdb.settings import FaultInjection, Settings
from core.errors import Conflict, StoreUnavailable, TooOld
from core.store import (
    Atomic,
    Clear,
    ClearRange,
    KeyRange,
    Keys,
    Mutation,
    Pairs,
    Ranges,
    ReadAnswer,
    Set,
)

__all__ = ["Cluster", "connect", "load"]

_ATOMIC = {
    "add": "add",
    "max": "max",
    "min": "min",
    "byte_max": "byte_max",
    "byte_min": "byte_min",
    "and": "bit_and",
    "or": "bit_or",
    "xor": "bit_xor",
}
"""Methods of a transaction; ``and`` and ``or`` are Python's own words."""
_CONFLICTING = b"\xff\xff/transaction/conflicting_keys/"
"""Where a transaction that ended in a conflict lists its ranges ("Special keys")."""
_injected: WeakKeyDictionary[Any, FaultInjection] = WeakKeyDictionary()
"""By bindings: the client's fault injection is a fact of the process."""
_started: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""By bindings: the process in which the client's network thread was started."""
_INSTALL_PACKAGE = "pip install 'mu2sls[fdb]' (the package is called foundationdb)"
_INSTALL_LIBRARY = (
    "install the client package of the cluster's own release (foundationdb-clients, from "
    "https://github.com/apple/foundationdb/releases), or put libfdb_c where the loader finds it "
    "(LD_LIBRARY_PATH)"
)


def load() -> Any:
    """The bindings.

    :raises SetupError: they are not installed.
    """
    try:
        import fdb
    except ImportError as error:
        raise SetupError(
            f"FoundationDB's Python bindings do not load ({error}): {_INSTALL_PACKAGE}"
        ) from error
    if not hasattr(fdb, "api_version"):
        raise SetupError(
            "the installed module fdb is not FoundationDB's (Firebird's driver has the same name): "
            f"pip uninstall fdb, then {_INSTALL_PACKAGE}"
        )
    return fdb


def connect(settings: Settings, fdb: Any = None) -> Cluster:
    """Select the API version, start the client's network thread and open the cluster.

    Waits for nothing: an unreachable cluster shows with the first call. Fork before, never
    after: the network thread does not survive it, and in the child nothing would ever answer.

    :param fdb: the bindings, or what stands in for them; None: the installed ones.
    :raises SetupError: what is missing, and the remedy.
    """
    if fdb is None:
        fdb = load()
    if _started.get(fdb, os.getpid()) != os.getpid():
        raise SetupError(
            f"this process was forked from process {_started[fdb]} after that had started "
            "FoundationDB's client, which does not survive it: fork first, then open the store"
        )
    _select(fdb, settings.api_version)
    try:
        if settings.faults is not None:
            _inject(fdb, settings.faults)
        database = fdb.open(settings.cluster_file)
    except fdb.FDBError as error:
        raise _translated(fdb, error, settings.cluster_file) from error
    _started[fdb] = os.getpid()
    return Cluster(fdb, database, settings)


def _select(fdb: Any, version: int) -> None:
    """Select the API version: once in a process, before anything else."""
    try:
        fdb.api_version(version)
    except RuntimeError as error:
        message = str(error)
        if "already loaded" in message:
            loaded = message.rsplit(" ", 1)[-1]
            remedy = (
                f"a process has one API version, and something in this one chose {loaded} before: "
                f"set api_version to {loaded}, or have the other use {version}"
            )
        elif "Latest known" in message:
            remedy = "set api_version lower, or install newer bindings"
        elif "The binding requires" in message:
            remedy = (
                "the bindings may not be newer than the client library: pip install the "
                "foundationdb of the library's own release, such as 'foundationdb==7.3.*'"
            )
        else:
            remedy = f"set api_version to one that the client library knows, or {_INSTALL_LIBRARY}"
        raise SetupError(f"API version {version} cannot be used ({message}): {remedy}") from error
    except Exception as error:  # the bindings raise a plain Exception, the loader OSError
        raise SetupError(
            f"FoundationDB's client library does not load ({error}): {_INSTALL_LIBRARY}"
        ) from error


def _inject(fdb: Any, faults: FaultInjection) -> None:
    """Switch the client's fault injection on, once in a process, before the network starts."""
    if _injected.get(fdb) == faults:
        return
    if fdb in _injected:
        raise SetupError("a process has one kind of fault injection: use the same everywhere")
    try:
        fdb.options.set_client_buggify_enable()
        fdb.options.set_client_buggify_section_activated_probability(faults.activated)
        fdb.options.set_client_buggify_section_fired_probability(faults.fired)
    except fdb.FDBError as error:
        raise SetupError(
            f"FoundationDB's fault injection cannot be switched on (error {error.code}): do it "
            "before the first connection of the process",
            error.code,
        ) from error
    _injected[fdb] = faults


class Cluster:
    """An open cluster: the port's calls on keys as they are in the cluster.

    All raise the errors of :func:`backends.fdb.errors.translate`, and nothing else.
    """

    def __init__(self, fdb: Any, database: Any, settings: Settings) -> None:
        self._fdb = fdb
        self._database = database
        self._timeout = max(1, round(settings.timeout * 1000))
        self._size_limit = settings.size_limit
        self._cluster_file = settings.cluster_file
        self._process = os.getpid()
        self._oldest: int | None = None
        """The oldest version that the cluster has given this client; None: none yet."""

    async def read_version(self) -> int:
        """A version that holds every commit acknowledged before the call."""
        transaction = self._begin()
        with self._errors():
            future = transaction.get_read_version()
            await _ready(future)
            version: int = future.wait()
        self._oldest = version if self._oldest is None else min(self._oldest, version)
        return version

    async def _introduce(self) -> int:
        """See that the client has been given a version, and knows the cluster: the oldest one."""
        if self._oldest is None:
            await self.read_version()
        assert self._oldest is not None
        return self._oldest

    async def read(self, version: int, keys: Keys, ranges: Ranges) -> ReadAnswer:
        """Values and pairs at ``version``, all asked for at once.

        Snapshot reads, which add no conflict: this transaction never commits.

        :raises StoreUnavailable: also where the version is older than this client's first one:
            others may read at it, so it is not known to have left the window (:class:`TooOld`).
        """
        oldest = await self._introduce()
        try:
            return await self._read(version, keys, ranges)
        except TooOld as error:
            if version >= oldest:
                raise
            raise StoreUnavailable(
                f"this process cannot read at version {version}, taken before the process's own "
                f"first one, {oldest}: it has just been started"
            ) from error

    async def _read(self, version: int, keys: Keys, ranges: Ranges) -> ReadAnswer:
        transaction = self._begin(version)
        snapshot = transaction.snapshot
        values: list[bytes | None] = []
        with self._errors():
            futures = [snapshot.get(key) for key in keys]
            scans = [_Scan(self._fdb, snapshot, *asked) for asked in ranges]
            for future in futures:
                await _ready(future)
                values.append(future.value)
            unfinished = scans
            while unfinished:
                unfinished = [scan for scan in unfinished if await scan.advance()]
        return values, [scan.pairs for scan in scans]

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        nobodys: bytes,
        stamped: Sequence[tuple[bytes, bytes]] = (),
    ) -> int:
        """Commit in conflict with ``reads``; see :meth:`core.store.Store.commit`.

        :param nobodys: a key that nobody reads or writes.
        :param stamped: keys to be stamped with the version (:mod:`backends.fdb.log`), and values.
        """
        await self._introduce()
        transaction = self._begin(version)
        with self._errors(committing=True):
            transaction.options.set_size_limit(self._size_limit)
            transaction.options.set_report_conflicting_keys()
            for begin, end in reads:
                if begin < end:
                    transaction.add_read_conflict_range(begin, end)
            writes = [_mutate(transaction, mutation) for mutation in mutations]
            for key, value in stamped:
                transaction.set_versionstamped_key(key, value)
            if not any(writes):
                transaction.add_write_conflict_key(nobodys)
            future = transaction.commit()
            await _ready(future)
            try:
                future.wait()
            except self._fdb.FDBError as error:
                if error.code != CONFLICT:
                    raise
                raise Conflict(await self._conflicting(transaction)) from error
            committed: int = transaction.get_committed_version()
        return committed

    def _begin(self, version: int | None = None) -> Any:
        """A transaction, with options of its own: others may use the same database object."""
        if os.getpid() != self._process:
            raise RuntimeError(
                f"the cluster was opened in process {self._process} and is used in {os.getpid()}: "
                "a process opens it for itself, after it was forked"
            )
        with self._errors():
            transaction = self._database.create_transaction()
            transaction.options.set_timeout(self._timeout)
            transaction.options.set_retry_limit(0)
            if version is not None:
                transaction.set_read_version(version)
        return transaction

    async def _conflicting(self, transaction: Any) -> tuple[bytes, ...]:
        """The single keys among the ranges in conflict, as the client lists them.

        The list holds the ranges this transaction gave, neighbours merged, begin and end in
        turn. A range does not say which of its keys changed, so it names none. A hint: without
        it nothing but speed is lost, so no error of it counts.
        """
        try:
            scan = _Scan(self._fdb, transaction, _CONFLICTING, _CONFLICTING + b"\xff\xff", 0)
            while await scan.advance():
                pass
        except self._fdb.FDBError:
            return ()
        bounds = [key[len(_CONFLICTING) :] for key, _ in scan.pairs]
        ranges = zip(bounds[::2], bounds[1::2], strict=False)
        return tuple(begin for begin, end in ranges if end == begin + b"\x00")

    @contextmanager
    def _errors(self, committing: bool = False) -> Iterator[None]:
        try:
            yield
        except self._fdb.FDBError as error:
            raise _translated(self._fdb, error, self._cluster_file, committing) from error


def _translated(
    fdb: Any, error: Any, cluster_file: str | None, committing: bool = False
) -> Exception:
    """What an FDBError means here."""
    message = error.description
    if isinstance(message, bytes):  # as ctypes gives it
        message = message.decode(errors="replace")
    predicates = fdb.predicates
    return translate(
        error.code,
        message,
        committing,
        partial(predicates.is_maybe_committed, error),
        partial(predicates.is_retryable_not_committed, error),
        partial(find, cluster_file),
    )


def _mutate(transaction: Any, mutation: Mutation) -> bool:
    """Add a mutation; whether it writes any key at all."""
    if isinstance(mutation, Set):
        transaction.set(mutation.key, mutation.value)
    elif isinstance(mutation, Atomic):
        getattr(transaction, _ATOMIC[mutation.operation])(mutation.key, mutation.operand)
    elif isinstance(mutation, Clear):
        transaction.clear(mutation.key)
    else:
        return _clear_range(transaction, mutation)
    return True


def _clear_range(transaction: Any, mutation: ClearRange) -> bool:
    """FoundationDB drops a range that is empty and refuses one that is inverted (2005)."""
    if mutation.begin >= mutation.end:
        return False
    transaction.clear_range(mutation.begin, mutation.end)
    return True


class _Scan:
    """A range read, page by page; FoundationDB ends a page by its size.

    :ivar pairs: what has been read.
    """

    def __init__(self, fdb: Any, snapshot: Any, begin: bytes, end: bytes, limit: int) -> None:
        self._fdb = fdb
        self._snapshot = snapshot
        self._end = end
        self._left = limit
        self.pairs: Pairs = []
        self._ask(begin)

    def _ask(self, begin: bytes) -> None:
        """Ask for a page as the bindings' own ``to_list`` does."""
        modes = self._fdb.StreamingMode
        mode = modes.exact if self._left else modes.want_all
        found = self._snapshot.get_range(begin, self._end, self._left, streaming_mode=mode)
        self._page = found._future

    async def advance(self) -> bool:
        """Wait for a page and ask for the next; whether there is one."""
        await _ready(self._page)
        page, count, more = self._page.wait()
        self.pairs += [(pair.key, pair.value) for pair in page]
        if not count or not more or count == self._left:
            return False
        if self._left:
            self._left -= count
        self._ask(self.pairs[-1][0] + b"\x00")
        return True


async def _ready(future: Any) -> None:
    """Wait, without blocking the event loop, until a future of the bindings is ready."""
    if not future.is_ready():
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        future.on_ready(partial(_wake, loop, waiter))
        await waiter


def _wake(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None], _: Any) -> None:
    """Called on the network thread, where nothing may block."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, waiter)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():  # whoever waited may have been cancelled
        waiter.set_result(None)
