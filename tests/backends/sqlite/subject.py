"""Stores on SQLite as the tests want them: blocking, and with a time that can be moved."""

import tempfile

from backends.sqlite.database import connect
from backends.sqlite.store import SqliteStore
from tests.blocking import BlockingStore


class Clock:
    def __init__(self, time=100.0):
        self.time = time

    def __call__(self):
        return self.time


class Opened(BlockingStore):
    """A store on a file, opened as SqliteStore is."""

    def __init__(self, path, *arguments, **options):
        super().__init__(SqliteStore(path, *arguments, **options))

    def latest(self):
        """The latest version committed, and the clock's."""
        return self.store._reader.latest()

    def connect(self):
        """A plain connection to the file, beside the store."""
        return connect(self.store.path, "off", 5.0)


class Subject(Opened):
    """A store with a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        super().__init__(f"{self.folder.name}/store.db", "off", clock=self.clock)

    def advance(self, seconds):
        self.clock.time += seconds

    def close(self):
        super().close()
        self.folder.cleanup()


def rows(store):
    """How many rows each table holds."""
    count = "SELECT (SELECT count(*) FROM current), (SELECT count(*) FROM past), "
    connection = store.connect()
    try:
        return connection.execute(count + "(SELECT count(*) FROM cleared)").fetchone()
    finally:
        connection.close()
