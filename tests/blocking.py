"""The Store port as :mod:`core.store` writes it, four calls that block, on an awaited store.

The conformance suite and many tests want it so. It drives the very code that a node awaits, on
an event loop of its own.
"""

import asyncio


class BlockingStore:
    """For one thread that has no event loop running; ``close`` it at the end."""

    def __init__(self, store):
        self.store = store
        self._runner = asyncio.Runner()
        self._closed = False

    def run(self, call):
        return self._runner.run(call)

    def read_version(self):
        return self.run(self.store.read_version())

    def get(self, key, version):
        values, _ = self.run(self.store.read(version, (key,)))
        return values[0]

    def get_range(self, begin, end, version, limit=0):
        _, ranges = self.run(self.store.read(version, (), ((begin, end, limit),)))
        return ranges[0]

    def commit(self, version, reads, mutations, entry=None):
        return self.run(self.store.commit(version, reads, mutations, entry))

    def log(self):
        return self.run(self.store.log())

    def close(self):
        if not self._closed:
            self._closed = True
            self.run(self.store.close())
            self._runner.close()
