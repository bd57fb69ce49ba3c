"""A stand-in for FoundationDB's Python bindings, on core.memory.MemoryStore.

It follows the bindings' API reference as far as ``backends.fdb`` and the tests use it, and
agrees with everything seen on a real cluster (tests/backends/fdb/test_observed.py). Its
time is virtual: operations take the latencies that were measured, and ``advance`` passes
any amount. Chance, which decides what becomes of a commit that nobody waits for and which
faults the client injects, is seeded.

With ``batching`` it commits in batches, as a commit proxy does: the commits of a batch are
resolved one after the other, in conflict with earlier ones of their own, and all get one
version, which nobody is given to read at before the batch is complete. With ``mishaps`` a test
has whatever error it likes.

A stand-in is the client of one process: ``another_process`` gives that of another one on the same
cluster. A client reads at no version older than the oldest that it has been given itself, and so
at none at all before the first; nor does it know at first who takes its commits.
"""

import random
import re
import threading
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from core.memory import MemoryStore
from tests.backends.fdb.network import MAYBE_COMMITTED, NETWORK, NOT_COMMITTED, FDBError
from tests.backends.fdb.transaction import LATENCY, StreamingMode, Transaction

__all__ = ["StandIn"]

# Of 400 read-modify-writes with client_buggify at 100 and 10 percent, so many ended in each;
# as the chance that an operation ends so, given that those before it went well.
GRV_FAULTS = {1078: 11 / 400}
READ_FAULTS = {1007: 8 / 389, 1009: 3 / 389}
COMMIT_FAULTS = {"1021 applied": 29 / 378, "1021 lost": 12 / 378, 1020: 14 / 378, 1042: 6 / 378}


class Clock:
    """Seconds, moved by hand and by every operation."""

    def __init__(self):
        self.time = 100.0
        self._lock = threading.Lock()

    def __call__(self):
        return self.time

    def advance(self, seconds):
        with self._lock:
            self.time += seconds


class Predicates:
    def is_retryable(self, error):
        return error.code in MAYBE_COMMITTED | NOT_COMMITTED

    def is_maybe_committed(self, error):
        return error.code in MAYBE_COMMITTED

    def is_retryable_not_committed(self, error):
        return error.code in NOT_COMMITTED


class NetworkOptions:
    """client_buggify, before the network is started."""

    def __init__(self, fdb):
        self._fdb = fdb
        self.enabled, self.activated, self.fired = False, 25, 25

    def _set(self, name, value):
        if self._fdb.databases:
            raise FDBError(2007)
        setattr(self, name, value)

    def set_client_buggify_enable(self):
        self._set("enabled", True)

    def set_client_buggify_section_activated_probability(self, percent):
        self._set("activated", percent)

    def set_client_buggify_section_fired_probability(self, percent):
        self._set("fired", percent)

    def fault(self, chances):
        """Which of the faults strikes, or None."""
        if not self.enabled:
            return None
        draw = self._fdb.random.random()
        for fault, chance in chances.items():
            draw -= chance * self.activated / 100 * self.fired / 10
            if draw < 0:
                return fault
        return None


class StandIn:
    """In place of the module ``fdb``.

    :ivar reachable: whether the cluster answers at all.
    :ivar locked: whether the database is locked (``fdbcli --exec lock``).
    :ivar errors_at_open: whether a bad cluster file shows in ``open``, or in the first call.
    :ivar supports: the newest API version of the native library; None: it is not installed.
    :ivar refused: API versions that it does not know although they are older.
    :ivar batching: for how many seconds, real ones, a batch takes commits; 0: each is its own.
    :ivar batches: how many commits the batches so far had.
    :ivar mishaps: by kind of operation (grv, read, commit): codes, each with its probability.
        Of commits that may have happened a code is a text: ``1021 applied``, ``1021 lost``.
    """

    FDBError = FDBError
    StreamingMode = StreamingMode
    LATEST_API_VERSION = 730

    def __init__(self, seed=0):
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.random = random.Random(seed)
        self.options = NetworkOptions(self)
        self.predicates = Predicates()
        self.databases = {}
        self.reachable = True
        self.locked = False
        self.errors_at_open = False
        self.supports = 730
        self.refused = ()
        self._version = None
        self.parked = []
        self.batching = 0.0
        self.batches = []
        self.batch_version, self.batch_order = None, 0
        self._batch = []
        self.mishaps = {}

    def advance(self, seconds):
        self.clock.advance(seconds)

    def another_process(self):
        """The bindings of another process, which uses the same cluster."""
        return AnotherProcess(self)

    def reach_again(self):
        """The cluster answers again, and first what was asked for meanwhile."""
        self.reachable = True
        parked, self.parked = self.parked, []
        for ask in parked:
            ask()

    def exclusive(self):
        """While it lasts, nobody else commits: nobody can, with one network thread."""
        return nullcontext()

    def api_version(self, version):
        if self._version is not None:
            if version != self._version:
                raise RuntimeError(f"FDB API already loaded at version {self._version}")
            return
        if version > self.LATEST_API_VERSION:
            raise RuntimeError(f"Latest known FDB API version is {self.LATEST_API_VERSION}")
        if self.supports is None:
            raise Exception("Unable to locate the FoundationDB API shared library!")
        if self.supports < self.LATEST_API_VERSION:
            raise RuntimeError(
                "This version of the FoundationDB Python binding is not supported by the installed "
                "FoundationDB C library. The binding requires a library that supports API version "
                f"{self.LATEST_API_VERSION}, but the installed library supports a maximum version "
                f"of {self.supports}."
            )
        if version in self.refused:
            raise RuntimeError(
                f"API version {version} is not supported by the installed FoundationDB C library."
            )
        self._version = version

    def open(self, cluster_file=None):
        if self._version is None:
            raise RuntimeError("You must call api_version() before using any fdb methods")
        if cluster_file not in self.databases:
            broken = self._broken(cluster_file)
            if broken and self.errors_at_open:
                raise broken
            self.databases[cluster_file] = Database(self, broken)
        return self.databases[cluster_file]

    @staticmethod
    def _broken(cluster_file):
        if cluster_file is None:
            return None
        file = Path(cluster_file)
        if not file.exists():
            return FDBError(1515)
        return None if re.match(r"\w+:\w+@[\w.:,]+\s*$", file.read_text()) else FDBError(2104)

    def fault(self, kind):
        chances = {"grv": GRV_FAULTS, "read": READ_FAULTS, "commit": COMMIT_FAULTS}[kind]
        return self.options.fault(chances) or self._mishap(self.mishaps.get(kind, {}))

    def _mishap(self, chances):
        if not chances:
            return None
        draw = self.random.random()
        for fault, chance in chances.items():
            draw -= chance
            if draw < 0:
                return fault
        return None

    # --- batches, on the network thread

    def take(self, job):
        """Take a commit into the batch that is open."""
        self._batch.append(job)
        if len(self._batch) == 1:
            time.sleep(self.batching)
            NETWORK.do(self._flush)  # after those that were asked for meanwhile

    def _flush(self):
        jobs, self._batch = self._batch, []
        self.clock.advance(LATENCY["commit"])
        self.batch_version, self.batch_order = self.store.read_version() + len(jobs), 0
        for job in jobs:
            job()
        while self.store.read_version() < self.batch_version:
            self.store.commit(self.store.read_version(), (), ())
        self.batches.append(self.batch_order)
        self.batch_version = None


class AnotherProcess:
    """The bindings in another process: what they know is their own, all else is the cluster's."""

    def __init__(self, fdb):
        self._fdb, self._databases = fdb, {}

    def __getattr__(self, name):
        return getattr(self._fdb, name)

    def open(self, cluster_file=None):
        broken = self._fdb.open(cluster_file).broken
        return self._databases.setdefault(cluster_file, Database(self._fdb, broken))


class Database:
    """A cluster as one process knows it.

    :ivar oldest: the oldest version that it has been given by the cluster.
    :ivar has_met: whether it knows those who take its commits.
    """

    def __init__(self, fdb, broken):
        self.fdb, self.broken = fdb, broken
        self.oldest = float("inf")
        self.has_met = False

    def create_transaction(self):
        return Transaction(self)

    def __getitem__(self, key):
        transaction = self.create_transaction()  # held, or the read is cancelled
        return transaction[key].value

    def __setitem__(self, key, value):
        transaction = self.create_transaction()
        transaction[key] = value
        transaction.commit().wait()

    def run(self, state, work, future, kind):
        """Do ``work`` on the network thread and resolve ``future`` with what comes of it."""

        def job():
            fdb = self.fdb
            try:
                if self.broken:
                    raise self.broken
                if not fdb.reachable:
                    if not state.timeout:
                        fdb.parked.append(partial(NETWORK.do, job))
                        return
                    fdb.clock.time = max(fdb.clock.time, state.started + state.timeout)
                    raise FDBError(1031)
                if fdb.locked:
                    raise FDBError(1038)
                if fdb.batch_version is None:
                    fdb.advance(LATENCY[kind])
                result = work()
            except Exception as error:
                future.resolve(error=error)
            else:
                future.resolve(result)

        batched = kind == "commit" and self.fdb.batching
        NETWORK.do(partial(self.fdb.take, job) if batched else job)
        return future
