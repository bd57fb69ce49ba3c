"""A process that increments counters: ``-m tests.backends.sqlite.hammer FILE NAME COUNT TASKS``.

Each commit reads and increments ``shared``, adds one to the process's own counter, and leaves
an entry in the log of commits that says so. It writes a line for every commit that was
acknowledged. TASKS of them work at once.
"""

import asyncio
import os
import sys

from backends.sqlite.store import SqliteStore
from core.errors import Conflict, TooOld
from core.store import Atomic, Set, point

ONE = (1).to_bytes(8, "little")


async def increment(store, name, size=0):
    """Returns the version; ``size`` bytes more make the entry as large as one may be."""
    while True:
        version = await store.read_version()
        values, _ = await store.read(version, (b"shared",))
        value = int.from_bytes(values[0] or b"", "little") + 1
        writes = [
            Set(b"shared", value.to_bytes(8, "little")),
            Atomic("add", b"own/" + name, ONE),
        ]
        entry = b"%d %b %b" % (value, name, bytes(size))
        try:
            return await store.commit(version, [point(b"shared")], writes, entry)
        except (Conflict, TooOld):
            continue


async def work(path, name, count, tasks):
    store = SqliteStore(path)
    left = iter(range(count))

    async def client():
        for _ in left:
            version = await increment(store, name, size=20_000 if tasks > 1 else 0)
            os.write(1, b"%d\n" % version)

    await asyncio.gather(*(client() for _ in range(tasks)))
    await store.close()


def main():
    path, name, count, tasks = sys.argv[1:]
    asyncio.run(work(path, name.encode(), int(count), int(tasks)))


if __name__ == "__main__":
    main()
