"""A process that increments counters: ``python -m tests.backends.local.hammer FILE NAME COUNT``.

Each commit reads and increments ``shared`` and adds one to the process's own counter.
It writes a line for every commit that was acknowledged.
"""

import os
import sys

from backends.local.sqlite import SqliteStore
from core.errors import Conflict, TooOld
from core.store import Atomic, Set, point

ONE = (1).to_bytes(8, "little")


def increment(store, name):
    while True:
        version = store.read_version()
        value = int.from_bytes(store.get(b"shared", version) or b"", "little")
        writes = [
            Set(b"shared", (value + 1).to_bytes(8, "little")),
            Atomic("add", b"own/" + name, ONE),
        ]
        try:
            return store.commit(version, [point(b"shared")], writes)
        except (Conflict, TooOld):
            continue


def main():
    path, name, count = sys.argv[1:]
    store = SqliteStore(path)
    for _ in range(int(count)):
        version = increment(store, name.encode())
        os.write(1, b"%d\n" % version)
    store.close()


if __name__ == "__main__":
    main()
