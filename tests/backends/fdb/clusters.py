"""What the tests run against: the stand-in always, a real cluster where there is one.

A real cluster needs FDB_CLUSTER_FILE, the bindings and the native client library. FDB_FAULTS=1
switches the client's own fault injection on, for the whole process: then only the tests run
that expect it (``tox -e fdb`` does both). MU2SLS_FDB_API_VERSION is for clusters before 7.3.
"""

import os
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import pytest

from backends.fdb import FaultInjection, FdbStore, Settings, SetupError
from backends.fdb.bindings import connect, load
from core.errors import StoreError
from core.store import Set
from tests.backends.fdb.standin import StandIn
from tests.blocking import BlockingStore

API_VERSION = int(os.environ.get("MU2SLS_FDB_API_VERSION") or 730)
WITH_FAULTS = os.environ.get("FDB_FAULTS") == "1"


def settings(application="test", **changes):
    faults = FaultInjection() if WITH_FAULTS else None
    chosen = {"faults": faults, "api_version": API_VERSION, **changes}
    return Settings(application=application, **chosen)


def missing():
    """Why there is no real cluster to test on; None if there is."""
    if not os.environ.get("FDB_CLUSTER_FILE"):
        return "FDB_CLUSTER_FILE is not set"
    try:
        connect(settings())
    except SetupError as error:
        return str(error)
    return None


WHY_NOT = missing()
needs_cluster = pytest.mark.skipif(WHY_NOT is not None, reason=f"no real cluster: {WHY_NOT}")
plain = pytest.mark.skipif(WITH_FAULTS, reason="FDB_FAULTS=1: only tests that expect faults")


class Standing:
    """The stand-in, as a place to run tests in."""

    real = False

    def __init__(self, seed=0):
        self.fdb = StandIn(seed)

    def advance(self, seconds):
        self.fdb.advance(seconds)

    def in_another_process(self, work):
        """What ``work`` gives of the database as a process has it that was just started."""
        return work(self.fdb.another_process().open())

    def close(self):
        pass


class Real:
    """A real cluster; what is written for the application is removed, its log included."""

    real = True

    def __init__(self):
        self.fdb = load()

    def advance(self, seconds):
        """An idle cluster's versions move with the next commit, so there is one."""
        time.sleep(seconds)
        if seconds >= 0.1:
            clock = BlockingStore(FdbStore.open(settings("test-clock"), self.fdb))
            clock.commit(clock.read_version(), (), [Set(b"tick", b"")])
            clock.run(clock.store.erase())
            clock.close()

    def in_another_process(self, work):
        """See :meth:`Standing.in_another_process`.

        FoundationDB's client does not survive a fork, so it is another database object with
        connections of its own, which knows as little.
        """
        file = os.environ["FDB_CLUSTER_FILE"]
        with tempfile.NamedTemporaryFile("w", suffix=".cluster") as copy:
            copy.write(Path(file).read_text())
            copy.flush()
            return work(self.fdb.open(copy.name))

    def close(self):
        pass


class Subject(BlockingStore):
    """A new, empty store, as the conformance suite wants it."""

    def __init__(self, place, **changes):
        self.place = place
        application = f"test-{uuid4()}" if place.real else "test"
        changes = {"application": application, **changes}
        super().__init__(FdbStore.open(settings(**changes), place.fdb))

    def advance(self, seconds):
        self.place.advance(seconds)

    def close(self):
        if self.place.real:
            for _ in range(20):
                try:
                    self.run(self.store.erase())
                    break
                except StoreError:
                    continue
        super().close()


PLACES = [
    pytest.param(Standing, id="standin", marks=plain),
    pytest.param(Real, id="cluster", marks=[needs_cluster, plain]),
]
