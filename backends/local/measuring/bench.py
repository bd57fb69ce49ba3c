"""``bench``: what an application costs on this machine, and what it can do.

It is started on a new store in a temporary folder, with one protocol, or once with each of
several to compare them, and is asked through its public interface by a load generator that is
a process of its own. Two that are compared are up at the same time and are asked in turns, in
short rounds, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from backends.local.background import until_ready
from backends.local.erasing import erasing, prepared
from backends.local.folder import Folder
from backends.local.measuring.driving import Driver, draw_requests, driver
from backends.local.measuring.generator import Seen, Stage
from backends.local.measuring.started import Started, started
from backends.local.measuring.usage import cores, memory, see_measurable
from backends.local.up import Wanted
from backends.stores import Wish
from compiler.application import Application
from core.errors import MuError
from core.protocol import OURS, PROTOCOLS

__all__ = [
    "Bench",
    "Figures",
    "Machine",
    "Memory",
    "Report",
    "Side",
    "bench",
    "machine",
    "temporary",
]

_ROUNDS = 5
_UP = 30.0
_GLANCE = 0.002

Told = Callable[[str], object]
"""Told in a line what is measured next."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is to be measured.

    :ivar protocols: one or several of :data:`core.protocol.PROTOCOLS`.
    :ivar clients: how many there are to be, one after the other.
    :ivar seconds: for each number of clients and each protocol.
    """

    app: str
    protocols: Sequence[str] = (OURS,)
    clients: Sequence[int] = (1, 16)
    seconds: float = 10.0
    warm_up: float = 1.0
    store: Wish = field(default_factory=Wish)
    workers: Mapping[str, int] = field(default_factory=dict)
    default_workers: int = 1


class Machine(msgspec.Struct, frozen=True):
    """Where and when it was measured; ``load`` is the load average of the last minute before."""

    cores: int
    system: str
    python: str
    time: str
    load: float


class Memory(msgspec.Struct, frozen=True):
    """Bytes in memory of one process of a kind, and how many of them no other process shares."""

    kind: str
    processes: int
    resident: int
    private: int


class Figures(msgspec.Struct, frozen=True):
    """What so many clients saw; times in seconds.

    :ivar rounds: answers per second of each round.
    :ivar commits: per request; ``refused`` likewise.
    :ivar cpu: processor time per answer by kind of process.
    :ivar others: cores that everything else on the machine kept busy meanwhile.
    """

    clients: int
    per_second: float
    p50: float
    p99: float
    rounds: list[float]
    commits: float
    refused: float
    cpu: dict[str, float]
    others: float
    failures: dict[str, int]


class Side(msgspec.Struct, frozen=True):
    """One protocol's figures."""

    protocol: str
    figures: list[Figures]
    memory: list[Memory]


class Report(msgspec.Struct, frozen=True):
    """All that was measured.

    :ivar start_up: seconds from the command ``up`` until it is ready, Python and compiling
        included; ``forked`` of these from the first fork.
    """

    application: str
    machine: Machine
    store: str
    durability: str
    workers: dict[str, int]
    start_up: float
    forked: float
    sides: list[Side]
    format: str = "mu2sls-bench"


def machine() -> Machine:
    """The one it is, and the time."""
    return Machine(
        cores(),
        f"{platform.system()} {platform.release()} {platform.machine()}",
        platform.python_version(),
        time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        round(os.getloadavg()[0], 2),
    )


def bench(application: Application, wanted: Bench, told: Told) -> Report:
    """Measure an application.

    :raises MuError: it cannot be started or asked, or this machine tells too little.
    """
    see_measurable()
    requests = draw_requests(application)
    here = machine()
    with contextlib.ExitStack() as stack:
        ups = [
            stack.enter_context(temporary(application, wanted, protocol))
            for protocol in wanted.protocols
        ]
        asks = stack.enter_context(driver([(up, requests) for up in ups]))
        figures = [_figures(asks, ups, clients, wanted, told) for clients in wanted.clients]
        sides = [
            Side(protocol, [each[number] for each in figures], _memory(ups[number]))
            for number, protocol in enumerate(wanted.protocols)
        ]
        choice, forked = ups[0].plan.store, ups[0].seconds
    told("starting it with `up`")
    start_up = _start_up(application, wanted)
    services = application.program.services
    return Report(
        application=application.name,
        machine=here,
        store=choice.kind,
        durability=choice.durability,
        workers={name: wanted.workers.get(name, wanted.default_workers) for name in services},
        start_up=start_up,
        forked=forked,
        sides=sides,
    )


@contextlib.contextmanager
def temporary(application: Application, wanted: Bench, protocol: str = OURS) -> Iterator[Started]:
    """The application, up on a new store that is removed afterwards, as its folder is.

    :raises MuError: it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="mu2sls-bench-", ignore_cleanup_errors=True) as name:
        folder = Folder(Path(name))
        ask = Wanted(
            wanted.app,
            folder.path,
            0,
            wanted.store,
            workers=wanted.workers,
            default_workers=wanted.default_workers,
            protocol=PROTOCOLS[protocol](),
            namespace=_namespace(application, folder),
        )
        with prepared(ask, application, folder) as plan, started(plan, folder) as up:
            yield up


def _namespace(application: Application, folder: Folder) -> str:
    """A part of a cluster that nobody else uses."""
    return f"{application.name}-{folder.path.name}"


def _figures(
    asks: Driver, ups: Sequence[Started], clients: int, wanted: Bench, told: Told
) -> list[Figures]:
    """The figures of each target with so many clients; they take turns, and begin in turns."""
    rounds = _ROUNDS if len(ups) > 1 else 1
    seen: list[list[Seen]] = [[] for _ in ups]
    counts = [up.meter.counts() for up in ups]
    order = list(range(len(ups)))
    for number in range(rounds):
        told(f"{clients} clients" + (f", round {number + 1} of {rounds}" if rounds > 1 else ""))
        for target in order:
            seconds, warm_up = wanted.seconds / rounds, wanted.warm_up / rounds
            seen[target].append(asks.run(Stage(target, clients, 0.0, warm_up, seconds)))
        order.reverse()
    return [
        _added_up(clients, each, before, up.meter.counts())
        for each, before, up in zip(seen, counts, ups, strict=True)
    ]


def _added_up(
    clients: int, seen: Sequence[Seen], before: Mapping[str, int], after: Mapping[str, int]
) -> Figures:
    asked, answered = sum(each.asked for each in seen), sum(each.answered for each in seen)
    seconds = sum(each.seconds for each in seen)
    latencies = sorted(latency for each in seen for latency in each.latencies)
    everything = msgspec.structs.replace(seen[0], latencies=latencies)
    failures: dict[str, int] = {}
    for each in seen:
        for what, count in each.failures.items():
            failures[what] = failures.get(what, 0) + count
    return Figures(
        clients=clients,
        per_second=answered / seconds,
        p50=everything.percentile(50),
        p99=everything.percentile(99),
        rounds=[each.per_second for each in seen],
        commits=(after["commit"] - before["commit"]) / asked,
        refused=(after["refused"] - before["refused"]) / asked,
        cpu={kind: sum(each.cpu[kind] for each in seen) / answered for kind in seen[0].cpu},
        others=sum(each.others for each in seen) / seconds,
        failures=failures,
    )


def _memory(up: Started) -> list[Memory]:
    found = []
    for kind, processes in up.processes().items():
        sizes = [memory(process) for process in processes]
        resident = statistics.mean(size for size, _ in sizes)
        private = statistics.mean(size for _, size in sizes)
        found.append(Memory(kind, len(processes), int(resident), int(private)))
    return found


# --- `up`, as a user starts it


def _start_up(application: Application, wanted: Bench) -> float:
    """Seconds from the command until it is ready."""
    with tempfile.TemporaryDirectory(prefix="mu2sls-bench-", ignore_cleanup_errors=True) as name:
        folder = Folder(Path(name), create=False)
        namespace = _namespace(application, folder)
        with erasing(wanted.store.choose(namespace, str(folder.store))):
            return _seconds_to_ready(_words(wanted, name, namespace), folder)


def _words(wanted: Bench, data: str, namespace: str) -> list[str]:
    words = ["up", wanted.app, "--port", "0", "--data", data, "--namespace", namespace]
    words += ["--store", wanted.store.name, "--synchronous", wanted.store.synchronous]
    words += ["--workers", str(wanted.default_workers)]
    for service, count in wanted.workers.items():
        words += ["--workers", f"{service}={count}"]
    return words


def _seconds_to_ready(words: list[str], folder: Folder) -> float:
    paths = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "backends.local", *words],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        while (running := folder.running()) is None:
            if process.poll() is not None or time.monotonic() > began + _UP:
                raise MuError(f"`{' '.join(words[:2])}` did not come up: see what it wrote above")
            time.sleep(_GLANCE)
        asyncio.run(until_ready(running.url))
        return time.monotonic() - began
    finally:
        process.terminate()
        process.wait()
