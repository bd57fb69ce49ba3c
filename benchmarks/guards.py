"""What it costs to watch over a method while it runs: ``python -m benchmarks.guards``.

Two things do for every request, whatever it asks for: what libraries read of clock and chance is
recorded (:mod:`compiler.machine`), and a mark says for which request its process computes
(:mod:`backends.runtime.deaths`). Whole requests are executed by the host of the real backends, with
a store in memory and calls within the process, so that next to nothing is measured besides. All
variants take turns within each round; a ratio is of one round, and the median of all is shown.
Processor time is measured, which others on the machine disturb less.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from backends.runtime.deaths import Deaths
from backends.runtime.host import Host
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answer
from compiler.application import Application, load
from core.ids import RequestId, root_id
from core.memory import MemoryStore
from core.messages import Failed, Origin, Request
from core.program import Program
from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer, read

__all__ = ["VARIANTS", "main", "measure"]

REQUESTS = {"counter": "Counter.increment", "hotel": "Frontend.book"}
VARIANTS = ("nothing", "the machine is read for it", "and its process is marked", "among suspects")


class _Store(AsyncStore):
    """In memory."""

    def __init__(self, application: Application) -> None:
        self._store = MemoryStore()
        self._store.load(sorted(application.initial_state().items()))

    async def read_version(self) -> int:
        return self._store.read_version()

    async def read(self, version: int, keys: Keys, ranges: Ranges = ()) -> ReadAnswer:
        return read(self._store, version, keys, ranges)

    async def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        entry: bytes | None = None,  # noqa: ARG002 - nobody reads it
    ) -> int:
        return self._store.commit(version, reads, mutations)

    async def log(self) -> list[tuple[int, bytes]]:
        return []

    async def close(self) -> None:
        pass


def _unwatched(program: Program) -> Program:
    """The program, its methods as the compiler emitted them."""
    services = {
        name: replace(
            each,
            methods={
                own: replace(method, function=vars(method.function)["__wrapped__"])
                for own, method in each.methods.items()
            },
        )
        for name, each in program.services.items()
    }
    return replace(program, services=services)


class _Process:
    """One process with all services of an application."""

    def __init__(self, application: Application, call: str, variant: str, folder: Path) -> None:
        program = application.program
        if variant == VARIANTS[0]:
            program = _unwatched(program)
        self._application = application
        self._service, self._method = call.split(".")
        self._rng = random.Random(1)
        self._host = Host(program, _Store(application), self._call, Settings())
        if variant in VARIANTS[2:]:
            self._host.deaths = Deaths(folder, "process", program, 60.0)
        if variant == VARIANTS[3]:
            assert self._host.deaths is not None
            self._host.deaths.suspects.add(RequestId(b"of another time!"))

    async def _call(self, request: Request, once: bool = False) -> Answer:  # noqa: ARG002
        return await self._host.execute(request)

    async def seconds(self, requests: int) -> float:
        """The processor time that it takes to execute so many, one after the other."""
        asked = [self._request() for _ in range(requests)]
        begun = time.process_time()
        for each in asked:
            answer = await self._host.execute(each)
            assert not isinstance(answer.reply.outcome, Failed), answer
        return time.process_time() - begun

    def _request(self) -> Request:
        workload = self._application.workload
        assert workload is not None
        args = workload.arguments[f"{self._service}.{self._method}"](self._rng)
        data = self._application.program.codec.encode((args, {}))
        root = root_id(time.time_ns() // 1_000_000, self._rng)
        origin = Origin(self._service, self._method, data)
        return Request(RequestId(root), self._service, self._method, data, origin)


async def measure(app: str, call: str, rounds: int, requests: int) -> dict[str, list[float]]:
    """Seconds for each request, by variant and round."""
    application = load(f"apps/{app}")
    with tempfile.TemporaryDirectory() as folder:
        processes = {
            variant: _Process(application, call, variant, Path(folder) / str(number))
            for number, variant in enumerate(VARIANTS)
        }
        taken: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant, process in processes.items():
                taken[variant].append(await process.seconds(requests) / requests)
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    console.print(
        "| request | watched by | µs | throughput, ratio to nothing | nine rounds in ten |"
    )
    console.print("|---|---|---|---|---|")
    for app, call in REQUESTS.items():
        taken = asyncio.run(measure(app, call, options.rounds, options.requests))
        for variant, seconds in taken.items():
            ratios = sorted(
                bare / own for bare, own in zip(taken[VARIANTS[0]], seconds, strict=True)
            )
            tenth = len(ratios) // 20
            low, high = ratios[tenth], ratios[-1 - tenth]
            console.print(
                f"| {call} | {variant} | {statistics.median(seconds) * 1e6:.0f} | "
                f"{statistics.median(ratios):.2f} | {low:.2f} to {high:.2f} |"
            )


if __name__ == "__main__":
    main()
