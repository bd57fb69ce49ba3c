"""The network thread of the stand-in for FoundationDB's bindings, and its futures.

One thread does every operation, in the order of the calls, and runs the callbacks. A test
can hold it with ``NETWORK.paused()``: what is asked for meanwhile is in flight for certain.
Whoever blocks in a thread with a running event loop is refused, and remembered in
``NETWORK.blocked``. ``NETWORK.asked`` counts what was asked for.
"""

import asyncio
import threading
from contextlib import contextmanager
from queue import SimpleQueue

MESSAGES = {
    1000: "Operation failed",
    1004: "Operation timed out",
    1007: "Transaction is too old to perform reads or be committed",
    1009: "Request for future version",
    1020: "Transaction not committed due to conflict with another transaction",
    1021: "Transaction may or may not have committed",
    1025: "Operation aborted because the transaction was cancelled",
    1031: "Operation aborted because the transaction timed out",
    1032: "Too many watches currently set",
    1036: "Read or wrote an unreadable key",
    1037: "Storage process does not have recent mutations",
    1038: "Database is locked",
    1039: "The protocol version of the cluster has changed",
    1042: "CommitProxy commit memory limit exceeded",
    1051: "Batch GRV request rate limit exceeded",
    1062: "Change feed was cancelled",
    1078: "GetReadVersion proxy memory limit exceeded",
    1101: "Asynchronous operation cancelled",
    1213: "Transaction tag is being throttled",
    1223: "Transaction exceeded a limit of its tag",  # a code that backends.fdb.errors has not
    1513: "File could not be read",
    1515: "No cluster file found in current directory or default location",
    2000: "Invalid API call",
    2002: "Commit with incomplete read",
    2004: "Key outside legal range",
    2005: "Range begin key larger than end key",
    2007: "Option not valid in this context",
    2017: "Operation issued while a commit was outstanding",
    2025: "Attempted to block in a callback called from the network thread.",
    2101: "Transaction exceeds byte limit",
    2102: "Key length exceeds limit",
    2103: "Value length exceeds limit",
    2104: "Connection string invalid",
    2131: "Tenant does not exist",
    2210: "Exact mode without limits",
}
MAYBE_COMMITTED = {1021, 1039}
NOT_COMMITTED = {1007, 1009, 1020, 1037, 1038, 1042, 1051, 1078, 1213, 1223}


class FDBError(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code

    @property
    def description(self):
        """Bytes, as ctypes makes them of the library's string."""
        return MESSAGES[self.code].encode()

    def __str__(self):
        return f"{self.description} ({self.code})"


class Network:
    def __init__(self):
        self._jobs = SimpleQueue()
        self._running = threading.Event()
        self._running.set()
        self.blocked = []
        self.asked = 0
        self._thread = threading.Thread(target=self._run, name="fdb-network-thread", daemon=True)
        self._thread.start()

    def do(self, job):
        self.asked += 1
        self._jobs.put(job)

    def is_current(self):
        return threading.current_thread() is self._thread

    @contextmanager
    def paused(self):
        """Nothing is answered inside the block."""
        self._running.clear()
        try:
            yield
        finally:
            self._running.set()

    def _run(self):
        while True:
            job = self._jobs.get()
            self._running.wait()
            job()
            del job


NETWORK = Network()


class Future:
    def __init__(self):
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._result = self._error = None
        self._callbacks = []

    def resolve(self, result=None, error=None):
        with self._lock:
            if self._done.is_set():
                return
            self._result, self._error = result, error
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def is_ready(self):
        return self._done.is_set()

    def block_until_ready(self):
        if not self.is_ready() and NETWORK.is_current():
            raise FDBError(2025)
        if not self.is_ready() and asyncio._get_running_loop() is not None:
            NETWORK.blocked.append(type(self).__name__)
            raise AssertionError("this blocks the event loop")
        self._done.wait()

    def on_ready(self, callback):
        """On the network thread; at once, on the caller's, if the future is ready already."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def wait(self):
        self.block_until_ready()
        if self._error is not None:
            raise self._error
        return self._result


class Value(Future):
    """What a read of one key returns: as good as the bytes, once they are there."""

    @property
    def value(self):
        return super().wait()

    def wait(self):
        super().wait()
        return self

    def present(self):
        return self.value is not None

    def __bytes__(self):
        return self.value

    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Value) else other)

    __hash__ = None


class Key(Value):
    pass
