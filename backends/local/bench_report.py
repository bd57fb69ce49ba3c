"""``bench`` on the command line: what was measured, as tables and as a file."""

from __future__ import annotations

import argparse
import contextlib
import statistics
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.status import Status
from rich.table import Table

from backends.local.bench import (
    Bench,
    Figures,
    Machine,
    Report,
    Side,
    Told,
    bench,
    machine,
    temporary,
)
from backends.local.bench import saturation as find_saturation
from backends.local.driving import draw_requests, driver
from backends.local.stores import Wish
from compiler.application import Application, load
from core.errors import MuError
from sim.quantities import show_latency

__all__ = ["run_bench", "telling"]

_MIB = 1 << 20
_BUSY = 0.2
"""Cores that others may keep busy before the figures are not to be trusted."""


def run_bench(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Measure an application as the options say, and print what came out; the exit status.

    :raises MuError: it cannot be measured.
    """
    application = load(options.app)
    wanted = _wanted(options)
    if options.saturation:
        return _saturation(application, wanted, console, errors)
    if options.out is not None:
        _see_writable(options.out)
    with telling(errors) as told:
        report = bench(application, wanted, told)
    _print(console, report)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
        console.print(f"Written: {options.out}")
    return 0


def _wanted(options: argparse.Namespace) -> Bench:
    workers = dict(options.workers)
    protocols = ["full", "unsafe"] if options.compare else ["full"]
    return Bench(
        options.app,
        ["unsafe"] if options.unsafe else protocols,
        options.clients,
        options.seconds,
        store=Wish(options.store, options.synchronous),
        default_workers=workers.pop("", 1),
        workers=workers,
    )


def _see_writable(path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        raise MuError(f"{path}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def telling(errors: Console) -> Iterator[Told]:
    """Shows on standard error what is measured at the moment, if somebody watches."""
    if not errors.is_terminal:
        yield lambda _: None
        return
    shown = Status("", console=errors)
    running = False

    def told(text: str) -> None:
        nonlocal running
        shown.update(text)
        if not running:  # its thread may not be there while processes are forked
            running = text.partition(" ")[0].isdecimal()
            if running:
                shown.start()

    try:
        yield told
    finally:
        shown.stop()


# --- tables


def _print(console: Console, report: Report) -> None:
    workers = ", ".join(f"{name} {count}" for name, count in report.workers.items())
    console.print(f"[bold]{report.application}[/] on {report.store}, {report.durability}")
    console.print(f"processes: {workers}", highlight=False)
    console.print(_throughput(report))
    console.print(_processor_time(report.sides))
    console.print(_memory(report.sides[0]))
    ready = f"ready {report.start_up:.2f} s after `up`, {report.forked:.2f} s after the first fork"
    console.print(ready, highlight=False)
    for note in _notes(report):
        console.print(note, highlight=False, markup=False)


def _throughput(report: Report) -> Table:
    columns = ("protocol", "clients", "per second", "p50", "p99", "commits", "refused", "ratio")
    table = _table("per request", columns, 1)
    base = report.sides[-1]
    for side in report.sides:
        for each, other in zip(side.figures, base.figures, strict=True):
            table.add_row(
                side.protocol,
                str(each.clients),
                f"{each.per_second:,.0f}",
                show_latency(each.p50),
                show_latency(each.p99),
                f"{each.commits:.2f}",
                f"{each.refused:.2f}",
                _ratio(each, other) if side is not base else "",
            )
    return table


def _ratio(each: Figures, other: Figures) -> str:
    """The median of the rounds' ratios, and how far they lie apart."""
    ratios = [a / b for a, b in zip(each.rounds, other.rounds, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _processor_time(sides: list[Side]) -> Table:
    kinds = list(sides[0].figures[0].cpu)
    table = _table("processor time per request", ("protocol", "clients", *kinds, "in all"), 1)
    for side in sides:
        for each in side.figures:
            times = [show_latency(each.cpu[kind]) for kind in kinds]
            total = show_latency(sum(each.cpu.values()))
            table.add_row(side.protocol, str(each.clients), *times, total)
    return table


def _memory(side: Side) -> Table:
    columns = ("process", "how many", "in memory", "shared with none")
    table = _table("memory of each process", columns, 1)
    for each in side.memory:
        sizes = [f"{size / _MIB:.1f} MiB" for size in (each.resident, each.private)]
        table.add_row(each.kind, str(each.processes), *sizes)
    return table


def _table(title: str, columns: tuple[str, ...], words: int) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < words else "right")
    return table


def _notes(report: Report) -> list[str]:
    notes = [_where(report.machine)]
    for side in report.sides:
        for each in side.figures:
            name = f"{side.protocol}, {each.clients} clients"
            notes += [f"{name}: {count} failed: {what}" for what, count in each.failures.items()]
    others = max(each.others for side in report.sides for each in side.figures)
    if others > _BUSY:
        notes.append(
            f"others kept {others:.1f} cores busy meanwhile: the figures are too bad by about that"
        )
    return notes


def _where(here: Machine) -> str:
    return (
        f"{here.cores} cores, shared with the load generator; {here.system}, "
        f"Python {here.python}, {here.time}, load {here.load} before"
    )


# --- saturation


def _saturation(application: Application, wanted: Bench, console: Console, errors: Console) -> int:
    here = machine()
    requests = draw_requests(application)
    table = _table(application.name, ("clients", "per second", "p50", "p99", "processor time"), 0)
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(telling(errors))
        up = stack.enter_context(temporary(application, wanted))
        asks = stack.enter_context(driver([(up, requests)]))
        steps = find_saturation(asks, 0, wanted.seconds, told)
    for clients, seen in steps:
        times = [show_latency(seen.percentile(percent)) for percent in (50, 99)]
        cpu = show_latency(sum(seen.cpu.values()) / seen.answered)
        table.add_row(str(clients), f"{seen.per_second:,.0f}", *times, cpu)
    console.print(table)
    best = max(seen.per_second for _, seen in steps)
    console.print(f"saturation: {best:,.0f} per second", highlight=False)
    console.print(_where(here), highlight=False)
    return 0
