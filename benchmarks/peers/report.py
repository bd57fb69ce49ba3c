"""All contenders side by side: a table for the terminal, one for the documents, and a file."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path

import msgspec
from rich.table import Table

from benchmarks.peers.measuring import Figures, Row

__all__ = ["Machine", "Report", "machine", "markdown", "ratio", "table"]

_SYNCS = 20


class Machine(msgspec.Struct, frozen=True):
    """Where and when it was measured.

    :ivar load: the load average of the last minute, before the first contender.
    :ivar sync: what one ``fdatasync`` of 4 KiB takes on the disk of the data, the median, in ms.
    """

    cpus: int
    python: str
    system: str
    load: float
    sync: float
    time: str


class Report(msgspec.Struct, frozen=True):
    """Everything that one run found."""

    machine: Machine
    seconds: float
    keys: int
    rows: list[Row]
    format: str = "mu2sls-peers"


def machine(folder: Path) -> Machine:
    """What is measured on; ``folder`` is on the disk that the data will be on."""
    return Machine(
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        load=round(os.getloadavg()[0], 2),
        sync=round(_sync(folder), 2),
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _sync(folder: Path) -> float:
    path = folder / "sync.probe"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(b"x" * 4096)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(times) * 1e3


def ratio(row: Row, rows: list[Row], clients: int) -> float | None:
    """Our answers per second, with a durability as good and as many clients, over the row's.

    None: it is ours, or nothing was measured to compare.
    """
    if row.system == "mu2sls":
        return None
    ours = [each for each in rows if each.system == "mu2sls" and each.survives == row.survives]
    pairs = [(_stage(each, clients), _stage(row, clients)) for each in ours]
    for mine, other in pairs:
        if mine and other and other.per_second > 0:
            return mine.per_second / other.per_second
    return None


def _stage(row: Row, clients: int) -> Figures | None:
    return next((each for each in row.figures if each.clients == clients), None)


_HEADINGS = (
    "system",
    "survives a",
    "clients",
    "per second",
    "p50 ms",
    "p99 ms",
    "mu2sls is",
    "exactly once",
)
_NUMBERS = range(2, 7)


def _lines(row: Row, rows: list[Row]) -> list[list[str]]:
    """A row's lines, one for each number of clients; what does not change is said once."""
    name = [_name(row), row.survives]
    if row.status != "measured":
        return [[*name, "", row.status, "", "", "", ""]]
    lines = []
    for each in row.figures:
        times = ratio(row, rows, each.clients)
        lines.append(
            [
                *name,
                str(each.clients),
                f"{each.per_second:,.0f}",
                "" if each.p50 is None else f"{each.p50:,.1f}",
                "" if each.p99 is None else f"{each.p99:,.1f}",
                "" if times is None else f"{times:.1f} times",
                "yes" if not row.differences else "NO",
            ]
        )
        name = ["", ""]
    return lines


def _name(row: Row) -> str:
    return f"{row.system}, {row.setting}"


def _notes(report: Report) -> list[str]:
    here = report.machine
    notes = [
        f"{here.cpus} CPUs, {here.system}, Python {here.python}, load {here.load} at the start,"
        f" one fdatasync {here.sync} ms; {report.keys} keys, {report.seconds:g} s for each"
        f" figure, {here.time}"
    ]
    for row in report.rows:
        name = _name(row)
        if row.status != "measured":
            notes.append(f"{name}: {row.status}: {row.reason}")
            continue
        versions = ", ".join(f"{each} {version}" for each, version in row.versions.items())
        notes.append(f"{name}: {row.durability} ({versions})")
        failures = ", ".join(f"{what} {times} times" for what, times in row.failures.items())
        notes.append(
            f"{name}: {row.acknowledged:,} increments acknowledged, {row.counted:,} counted,"
            f" {row.unknown:,} without an answer{f' ({failures})' if failures else ''},"
            f" {row.repeated:,} sent twice"
        )
        notes += [f"{name}: NOT exactly once: {each}" for each in row.differences[:5]]
    return notes


def table(report: Report) -> tuple[Table, list[str]]:
    """For the terminal: the table, and what is to be said below it."""
    made = Table()
    for number, heading in enumerate(_HEADINGS):
        made.add_column(heading, justify="right" if number in _NUMBERS else "left")
    for row in report.rows:
        for line in _lines(row, report.rows):
            made.add_row(*line)
        made.add_section()
    return made, _notes(report)


def markdown(report: Report) -> str:
    """For docs/performance.md."""
    body = [line for row in report.rows for line in _lines(row, report.rows)]
    lines = [f"| {' | '.join(cells)} |" for cells in [list(_HEADINGS), *body]]
    lines.insert(1, "|---" * len(_HEADINGS) + "|")
    return "\n".join([*lines, "", *(f"- {note}" for note in _notes(report))])
