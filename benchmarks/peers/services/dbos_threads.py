"""DBOS's counter asked by threads: ``python dbos_threads.py FOLDER default|wal``.

In its environment. It does what the load generator does over HTTP: a plan (JSON) on standard
input, what it saw on standard output.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dbos_counter import Counters  # type: ignore[import-not-found]  # a script beside this one
from drawing import key, request_id  # type: ignore[import-not-found]  # as above

__all__ = ["Generator"]


class Generator:
    """Everything that one run does."""

    def __init__(self, plan: dict[str, Any], counters: Counters) -> None:
        self._plan = plan
        self._counters = counters
        self._rng = random.Random(plan["seed"])
        self._increments: list[tuple[str, str, int | None, float, int]] = []
        self._failures: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        """Every stage, then the repeats, then the counts."""
        for number, clients in enumerate(self._plan["clients"]):
            self._stage(number, clients)
        repeats = [*self._again(), *self._twins()]
        names = [f"key-{number}" for number in range(self._plan["keys"])]
        return {
            "stages": [
                {"clients": each, "seconds": self._plan["seconds"]}
                for each in self._plan["clients"]
            ],
            "increments": self._increments,
            "repeats": repeats,
            "counts": {name: self._counters.read(name) for name in names},
            "failures": self._failures,
            "durability": self._counters.durability(),
        }

    def _stage(self, number: int, clients: int) -> None:
        begin = time.perf_counter() + self._plan["warm_up"]
        end = begin + self._plan["seconds"]

        def client(rng: random.Random) -> None:
            while (sent := time.perf_counter()) < end:
                name, request = key(rng, self._plan["keys"]), request_id(rng)
                answer = self._increment(name, request)
                answered = time.perf_counter()
                stage = number if begin <= answered < end else -1
                self._increments.append((name, request, answer, answered - sent, stage))

        streams = [random.Random(self._rng.getrandbits(64)) for _ in range(clients)]
        threads = [threading.Thread(target=client, args=(rng,)) for rng in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _again(self) -> list[tuple[str, int | None, int | None]]:
        answered = [each for each in self._increments if each[2] is not None]
        chosen = self._rng.sample(answered, min(self._plan["repeats"], len(answered)))
        return [
            (request, answer, self._increment(name, request))
            for name, request, answer, *_ in chosen
        ]

    def _twins(self) -> list[tuple[str, int | None, int | None]]:
        found = []
        with ThreadPoolExecutor(2) as pool:
            for _ in range(self._plan["repeats"]):
                name, request = key(self._rng, self._plan["keys"]), request_id(self._rng)
                first, again = pool.map(self._increment, [name] * 2, [request] * 2)
                answer = again if first is None else first
                self._increments.append((name, request, answer, 0.0, -1))
                found.append((request, first, again))
        return found

    def _increment(self, name: str, request: str) -> int | None:
        try:
            return int(self._counters.increment(name, request))
        except Exception as error:  # whatever it is, the increment may have happened
            self._failures[type(error).__name__] += 1
            return None


def _main() -> None:
    counters = Counters(Path(sys.argv[1]), sys.argv[2] == "wal")
    seen = Generator(json.load(sys.stdin), counters).run()
    counters.close()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    _main()
