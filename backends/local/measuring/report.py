"""``bench`` on the command line: what was measured, as tables and as a file."""

from __future__ import annotations

import argparse
import contextlib
import statistics
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

import own_files
from backends.local.measuring.bench import (
    Bench,
    Figures,
    Machine,
    Report,
    Side,
    Told,
    bench,
)
from backends.local.measuring.saturation import Saturated, SaturationReport, Step, measure
from backends.stores import Wish
from compiler.application import load
from core.errors import MuError
from core.protocol import OURS
from experiment.scenario.quantities import show_latency

__all__ = ["run_bench", "see_writable", "telling", "write_down"]

_MIB = 1 << 20
_BUSY = 0.2
"""Cores that others may keep busy before the figures are not to be trusted."""
_SHOWN = 0.005


def run_bench(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Measure an application as the options say, and print what came out; the exit status.

    :raises MuError: it cannot be measured.
    """
    application = load(options.app)
    wanted = _wanted(options)
    if options.out is not None:
        see_writable(options.out)
    report: Report | SaturationReport
    with telling(errors) as told:
        if options.saturation:
            report = measure(application, wanted, told)
        else:
            report = bench(application, wanted, told)
    if isinstance(report, SaturationReport):
        _print_saturation(console, report)
    else:
        _print(console, report)
    if options.out is not None:
        write_down(options.out, msgspec.json.format(msgspec.json.encode(report), indent=1))
        console.print(f"Written: {options.out}")
    return 0


def _wanted(options: argparse.Namespace) -> Bench:
    workers = dict(options.workers)
    return Bench(
        options.app,
        list(dict.fromkeys(options.protocol)) or [OURS],
        options.clients,
        options.seconds,
        store=Wish(options.store, options.synchronous),
        default_workers=workers.pop("", 1),
        workers=workers,
    )


@contextlib.contextmanager
def telling(errors: Console) -> Iterator[Told]:
    """Shows on standard error what is measured at the moment, if somebody watches.

    It takes no thread, since processes are forked meanwhile.
    """
    if not errors.is_terminal:
        yield lambda _: None
        return
    with Live(console=errors, auto_refresh=False, transient=True) as shown:
        yield lambda text: shown.update(Text(text), refresh=True)


def see_writable(path: Path) -> None:
    """See that a file can be written, before anything is measured.

    :raises MuError: it cannot.
    """
    with _told_of(path):
        own_files.see_writable(path)


def write_down(path: Path, content: str | bytes) -> None:
    """Write a file.

    :raises MuError: it cannot be written.
    """
    with _told_of(path):
        own_files.write(path, content)


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise MuError(f"{path}: {error.strerror}; give another name") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise MuError(f"{path}: cannot be written: {why}; give another file") from None


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
    base = report.sides[-1]
    refused = any(each.refused >= _SHOWN for side in report.sides for each in side.figures)
    columns = ["protocol", "clients", "per second", "p50", "p99", "commits"]
    columns += ["refused"] if refused else []
    columns += ["ratio"] if len(report.sides) > 1 else []
    table = _table("answers, and commits of each", columns)
    for side in report.sides:
        for each, other in zip(side.figures, base.figures, strict=True):
            row = [side.protocol, str(each.clients), f"{each.per_second:,.0f}"]
            row += [show_latency(each.p50), show_latency(each.p99), f"{each.commits:.2f}"]
            row += [f"{each.refused:.2f}"] if refused else []
            row += [f"{statistics.median(_ratios(each, other)):.2f}"] if side is not base else []
            table.add_row(*row)
    return table


def _ratios(each: Figures, other: Figures) -> list[float]:
    """The ratios in throughput, one of each round."""
    return [a / b for a, b in zip(each.rounds, other.rounds, strict=True)]


def _processor_time(sides: list[Side]) -> Table:
    measured = [(side.protocol, each) for side in sides for each in side.figures]
    columns = [f"{protocol}, {each.clients}" for protocol, each in measured]
    table = _table("processor time of each answer", ["process", *columns])
    for kind in measured[0][1].cpu:
        table.add_row(kind, *(show_latency(each.cpu[kind]) for _, each in measured))
    table.add_section()
    totals = (sum(each.cpu.values()) for _, each in measured)
    table.add_row("all", *(show_latency(total) for total in totals))
    return table


def _memory(side: Side) -> Table:
    columns = ["process", "how many", "in memory", "shared with none"]
    table = _table("memory of each process", columns)
    for each in side.memory:
        sizes = [f"{size / _MIB:.1f} MiB" for size in (each.resident, each.private)]
        table.add_row(each.kind, str(each.processes), *sizes)
    return table


def _table(title: str, columns: list[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _notes(report: Report) -> list[str]:
    notes = [_where(report.machine)]
    first, last = report.sides[0], report.sides[-1]
    for each, other in zip(first.figures, last.figures, strict=True):
        if first is not last:
            ratios = _ratios(each, other)
            between = f"{min(ratios):.2f} to {max(ratios):.2f}"
            notes.append(f"{each.clients} clients: ratios of {len(ratios)} rounds {between}")
    for side in report.sides:
        for each in side.figures:
            name = f"{side.protocol}, {each.clients} clients"
            notes += [f"{name}: {count} failed: {what}" for what, count in each.failures.items()]
    others = max(each.others for side in report.sides for each in side.figures)
    if others > _BUSY:
        notes.append(f"others kept {others:.1f} cores busy: measure again when they do not")
    return notes


def _where(here: Machine) -> str:
    return (
        f"{here.cores} cores, shared with the load generator; {here.system}, "
        f"Python {here.python}, {here.time}, load {here.load} before"
    )


# --- saturation


def _print_saturation(console: Console, report: SaturationReport) -> None:
    for side in report.sides:
        console.print(_steps(f"{report.application}, {side.protocol}", side.steps))
    console.print(_peaks(report.sides))
    console.print(_where(report.machine), highlight=False)


def _steps(title: str, steps: list[Step]) -> Table:
    columns = ["clients", "per second", "p50", "p99", "processor time of each"]
    table = _table(title, columns)
    for step in steps:
        times = map(show_latency, (step.p50, step.p99, step.cpu))
        table.add_row(str(step.clients), f"{step.per_second:,.0f}", *times)
    return table


def _peaks(sides: list[Saturated]) -> Table:
    columns = ["protocol", "saturation, per second", "p50 at half of it"]
    base = sides[-1]
    table = _table("saturation", columns + (["ratio", "of p50"] if len(sides) > 1 else []))
    for side in sides:
        half = "none" if side.half is None else show_latency(side.half)
        row = [side.protocol, f"{side.per_second:,.0f}", half]
        if side is not base:
            row.append(f"{side.per_second / base.per_second:.2f}")
            row.append(f"{side.half / base.half:.2f}" if side.half and base.half else "-")
        table.add_row(*row)
    return table
