"""HTTP servers and clients on loopback: ``python -m benchmarks.http``.

Every server and every client has a process of its own. Servers are driven by one fixed client;
clients drive the fastest server. Processor time is that of the process and of all its threads. What
counts is the ratio between two rows of one run; a row is the best of several repetitions, which go
round all the rows, so that a busy minute does not strike one candidate alone.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.http_clients import CLIENTS, Load
from benchmarks.http_servers import LOOPS, SERVERS, missing

__all__ = ["main"]

_TICKS = os.sysconf("SC_CLK_TCK")
_READY = 10.0
_COLUMNS = ("p50 µs", "p99 µs", "server CPU", "client CPU", "CPU ratio", "MiB")


@dataclass(frozen=True, slots=True)
class _Row:
    """One repetition: what the client saw, and what the server used.

    :ivar cpu: of the server, microseconds per answer.
    :ivar memory: of the server, MiB.
    """

    load: Load
    cpu: float
    memory: float


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(("127.0.0.1", port))
            probe.sendall(
                b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n" + b"x" * 40
            )
            return probe.recv(1024).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


@contextmanager
def _serving(name: str, loop: str) -> Iterator[tuple[int, int]]:
    """A server in its own process: its id and its port."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.http_servers", name, loop]
        process = subprocess.Popen([*command, str(listener.fileno())], pass_fds=[listener.fileno()])
    try:
        stop = time.monotonic() + _READY
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > stop:
                raise RuntimeError(f"{name} on {loop} does not answer")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()


def _measure(
    server: tuple[str, str], client: tuple[str, str], concurrency: int, seconds: float
) -> _Row:
    with _serving(*server) as (pid, port):
        command = [sys.executable, "-m", "benchmarks.http_clients", *client]
        before = _cpu_ticks(pid)
        ran = subprocess.run(
            [*command, str(port), str(concurrency), str(seconds)],
            stdout=subprocess.PIPE,
            check=True,
        )
        load = msgspec.json.decode(ran.stdout, type=Load)
        used = (_cpu_ticks(pid) - before) / _TICKS
        # The warm-up is a tenth of the run, and the server worked for it too.
        return _Row(load, used / (load.count * 1.1) * 1e6, _memory(pid))


_Case = tuple[tuple[str, str], tuple[str, str], int]


def _best(cases: list[_Case], repetitions: int, seconds: float) -> dict[_Case, _Row]:
    best: dict[_Case, _Row] = {}
    for _ in range(repetitions):
        for case in cases:
            row = _measure(*case, seconds)
            if case not in best or row.load.rate > best[case].load.rate:
                best[case] = row
    return best


def _print(console: Console, title: str, subject: int, rows: dict[_Case, _Row]) -> None:
    """One table; ``subject`` is 0 where servers are compared and 1 where clients are.

    Processor times are microseconds per answer; the ratios are to the first row at as many at once.
    """
    table = Table(title, "loop", "at once", "per second", "ratio", *_COLUMNS)
    table.columns[0].no_wrap = True
    first: dict[int, tuple[float, float]] = {}
    for case, row in rows.items():
        cpu = row.load.cpu if subject else row.cpu
        rate, cost = first.setdefault(case[2], (row.load.rate, cpu))
        numbers = (row.load.rate, row.load.median, row.load.tail, row.cpu, row.load.cpu)
        shown = [f"{number:,.0f}" for number in numbers]
        shown.insert(1, f"{row.load.rate / rate:.2f}")
        memory = row.load.memory / 1024 if subject else row.memory
        name, loop = case[1] if subject else case[0]
        table.add_row(name, loop, str(case[2]), *shown, f"{cpu / cost:.2f}", f"{memory:.0f}")
    console.print(table)


def _there(console: Console, names: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """The candidates whose libraries are installed, on each loop; the others are named."""
    found = []
    for name, needs in names.items():
        for loop in LOOPS:
            if library := missing(loop, needs):
                console.print(f"skipped: {name} on {loop} ({library} is not installed)")
            else:
                found.append((name, loop))
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for each repetition")
    parser.add_argument("--repetitions", type=int, default=3, help="the best one counts")
    parser.add_argument("--only", default="", help="only candidates with this in their name")
    arguments = parser.parse_args()
    console = Console(width=120)
    servers = _there(console, {name: needs for name, (needs, _) in SERVERS.items()})
    clients = _there(console, {name: needs for name, (needs, _) in CLIENTS.items()})
    driver = ("fixed", "asyncio")
    chosen = [server for server in servers if arguments.only in server[0]]
    cases: list[_Case] = [(server, driver, at_once) for at_once in (1, 16) for server in chosen]
    served = _best(cases, arguments.repetitions, arguments.seconds)
    _print(console, "server", 0, served)
    fastest = max(served, key=lambda case: served[case].load.rate)[0]
    console.print(f"the clients below ask {fastest[0]} on {fastest[1]}")
    asking = [client for client in clients if arguments.only in client[0]]
    cases = [(fastest, client, at_once) for at_once in (1, 16) for client in asking]
    _print(console, "client", 1, _best(cases, arguments.repetitions, arguments.seconds))


if __name__ == "__main__":
    main()
