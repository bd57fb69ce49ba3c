"""A stand-in for a cluster that many processes use: its store is served over a socket.

Every process has a stand-in for the bindings of its own (``as_installed/fdb.py``), which finds
the store by a cluster file. The clock is a real one, so old versions really leave the window.

The cluster can stand still (``frozen``), and be killed and started again (``killed``): then a
client asks again what it asked, but of a commit under way it knows nothing (1021).
"""

import os
import socket
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from core import errors
from core.memory import MemoryStore
from core.store import KeyRange, Mutation
from tests.backends.fdb.network import FDBError
from tests.backends.fdb.standin import StandIn

__all__ = ["AS_INSTALLED", "Served", "SharedStandIn"]

AS_INSTALLED = Path(__file__).parent / "as_installed"


TIMEOUT = 5.0
"""Seconds after which a client that cannot reach the cluster gives up, as if asked to."""
CALLS = {
    "read_version": tuple[()],
    "get": tuple[bytes, int],
    "get_range": tuple[bytes, bytes, int],
    "commit": tuple[int, list[KeyRange], list[Mutation]],
    "lock": tuple[()],
    "unlock": tuple[()],
}


def send(file, *what):
    data = msgspec.msgpack.encode(what)
    file.write(len(data).to_bytes(4, "big") + data)
    file.flush()


def receive(file):
    size = file.read(4)
    return file.read(int.from_bytes(size, "big")) if len(size) == 4 else b""


class Connection(socketserver.StreamRequestHandler):
    """One process, until it ends: also by a kill in the midst of a commit."""

    def handle(self):
        served, self.locked = self.server, False
        if served.is_away:
            return
        served.connections.add(self.connection)
        try:
            while data := receive(self.rfile):
                name, arguments = msgspec.msgpack.decode(data, type=tuple[str, msgspec.Raw])
                try:
                    answer = self.answer(
                        served, name, msgspec.msgpack.decode(arguments, type=CALLS[name])
                    )
                except errors.StoreError as error:
                    send(self.wfile, type(error).__name__, getattr(error, "keys", ()))
                else:
                    send(self.wfile, "", answer)
        except OSError:
            pass
        finally:
            served.connections.discard(self.connection)
            if self.locked:
                served.release()

    def answer(self, served, name, arguments):
        if name == "lock":
            served.acquire()
            self.locked = True
        elif name == "unlock":
            self.locked = False
            served.release()
        elif name == "commit":
            served.commits += 1
            with served.using:
                return served.store.commit(*arguments)
        else:
            with served.using:
                return getattr(served.store, name)(*arguments)
        return None


class Served(socketserver.ThreadingTCPServer):
    """The cluster; a context manager. ``file`` is its cluster file.

    :ivar commits: how many were asked for.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Connection)
        self.stopped_at = None
        self.store = MemoryStore(self.clock)
        self.lock, self.using = threading.Lock(), threading.RLock()
        self.commits = 0
        self.connections = set()
        self.is_away = False
        self.file = folder / "fdb.cluster"
        self.file.write_text("test:abc@{}:{}\n".format(*self.server_address))
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def clock(self):
        """Seconds; they stand still while somebody commits, who must know his version before."""
        return self.stopped_at or time.monotonic()

    def acquire(self):
        self.lock.acquire()
        self.stopped_at = time.monotonic()

    def release(self):
        self.stopped_at = None
        self.lock.release()

    @contextmanager
    def frozen(self):
        """Nobody is answered inside."""
        with self.using:
            yield

    @contextmanager
    def killed(self):
        """Every connection breaks, and none is taken inside; what was committed stays."""
        self.is_away = True
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        yield
        self.is_away = False

    def __exit__(self, *_):
        self.shutdown()
        super().__exit__(*_)

    def environment(self):
        path = [str(AS_INSTALLED.parents[3]), str(AS_INSTALLED)]
        return {"PYTHONPATH": os.pathsep.join(path), "FDB_CLUSTER_FILE": str(self.file)}

    def content(self):
        with self.using:
            return self.store.snapshot()


class SharedStore:
    """The store of a cluster, for one thread."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._address = host, int(port)
        self._connect()

    def _connect(self):
        self._file = socket.create_connection(self._address).makefile("rwb")

    def _ask(self, name, *arguments):
        until = time.monotonic() + TIMEOUT
        while not (answered := self._try(name, arguments)):
            time.sleep(0.02)
            self._connect()
            if name == "commit":
                raise FDBError(1021)
            if time.monotonic() > until:
                raise FDBError(1031)
        kind, answer = msgspec.msgpack.decode(answered)
        if not kind:
            return answer
        raise errors.Conflict(tuple(answer)) if kind == "Conflict" else getattr(errors, kind)(kind)

    def _try(self, name, arguments):
        """The answer; nothing if the connection broke."""
        try:
            send(self._file, name, arguments)
            return receive(self._file)
        except OSError:
            return b""

    def read_version(self):
        return self._ask("read_version")

    def get(self, key, version):
        return self._ask("get", key, version)

    def get_range(self, begin, end, version):
        return [(key, value) for key, value in self._ask("get_range", begin, end, version)]

    def commit(self, version, reads, mutations):
        return self._ask("commit", version, reads, mutations)

    @contextmanager
    def exclusive(self):
        self._ask("lock")
        try:
            yield
        finally:
            self._ask("unlock")


class SharedStandIn(StandIn):
    """In place of the module ``fdb`` in a process of its own."""

    def __init__(self):
        super().__init__(os.getpid())

    def open(self, cluster_file=None):
        cluster_file = cluster_file or os.environ.get("FDB_CLUSTER_FILE")
        if cluster_file is None:
            raise FDBError(1515)
        database = super().open(cluster_file)
        if database.broken is None and not isinstance(self.store, SharedStore):
            self.store = SharedStore(Path(cluster_file).read_text().strip().partition("@")[2])
        return database

    def exclusive(self):
        return self.store.exclusive()
