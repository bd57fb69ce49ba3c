"""A store whose time can be moved, for tests of one process."""

import tempfile

from backends.local.sqlite import SqliteStore


class Clock:
    def __init__(self, time=100.0):
        self.time = time

    def __call__(self):
        return self.time


class Subject(SqliteStore):
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
    connection = store._connect()
    try:
        return connection.execute(count + "(SELECT count(*) FROM cleared)").fetchone()
    finally:
        connection.close()
