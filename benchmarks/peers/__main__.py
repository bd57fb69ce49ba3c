"""The command: ``python -m benchmarks.peers --help``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console

from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.install import prepare
from benchmarks.peers.measuring import measure
from benchmarks.peers.observation import Plan
from benchmarks.peers.report import Report, machine, markdown, table
from own_files import see_free, write

_WIDTH = 120
"""Columns of the table where the terminal has no say."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Exactly-once increments over HTTP: see benchmarks/peers/README.md",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before each figure")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="systems whose name has NAME in it"
    )
    parser.add_argument("--cache", type=Path, default=Path(".peers"), help="environments, and data")
    parser.add_argument("--out", type=Path, help="write everything to this JSON file")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    arguments = parser.parse_args()
    for name in ("seconds", "keys"):
        if getattr(arguments, name) <= 0:
            parser.error(f"--{name} must be more than 0")
    if arguments.warm_up < 0 or min(arguments.clients) < 1:
        parser.error("--warm-up must be at least 0, --clients at least 1")
    if arguments.out:
        try:
            see_free(arguments.out)
        except FileExistsError as error:
            parser.error(f"--out {arguments.out}: {error.strerror}")
    return arguments


def main() -> int:
    """Measure, print, and return the exit status: 1 if something failed or was not exactly once."""
    arguments = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    progress = Console(stderr=True)
    chosen = [
        each
        for each in CONTENDERS
        if not arguments.only or any(name.lower() in each.system.lower() for name in arguments.only)
    ]
    if not chosen:
        names = ", ".join(dict.fromkeys(each.system for each in CONTENDERS))
        progress.print(f"[red]--only: no such system; there are {names}[/red]")
        return 2
    cache = arguments.cache.resolve()
    prepare(cache)
    plan = Plan(arguments.clients, arguments.seconds, arguments.warm_up, arguments.keys)
    here = machine(cache)
    with progress.status("") as status:
        rows = [measure(each, plan, cache, status.update) for each in chosen]
    report = Report(here, plan.seconds, plan.keys, rows)
    if arguments.out:
        write(arguments.out, msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if arguments.markdown:
        sys.stdout.write(markdown(report) + "\n")
    else:
        drawn, notes = table(report)
        console.print(drawn)
        for note in notes:
            console.print(note, markup=False)
    return 1 if any(row.status == "failed" or row.differences for row in rows) else 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
