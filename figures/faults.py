"""Which check falls under which fault, with which protocol: ``python -m figures faults``.

Each *cell* is an application, a scenario of one kind of fault, and a protocol, run with so many
seeds by a process of its own, ``python -m sim``. What it found is kept in a file, so a command
that was stopped goes on where it was; a cell that was made with other seeds, or of another
scenario, is made again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from figures.errors import BadResult, CannotRun
from own_files import write

__all__ = ["BEGIN", "END", "KINDS", "Cell", "Found", "insert", "make", "table"]

KINDS = (
    "none", "crash", "kill", "pause", "drop", "delay", "duplicate", "partition", "store_error",
    "poison",
)  # fmt: skip
"""Scenarios in ``scenarios/faults``."""

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
"""Between these lines of a page stands the table."""

_HELD, _FELL, _UNCLEAR = 0, 1, 3
"""What ``python -m sim`` ends with."""


class Cell(NamedTuple):
    """One entry of the table."""

    app: str
    kind: str
    protocol: str

    @property
    def scenario(self) -> Path:
        """What runs."""
        return Path("scenarios/faults") / f"{self.kind}.yaml"

    def command(self) -> list[str]:
        """What runs it, without seeds."""
        return ["-m", "sim", str(self.scenario), "--app", self.app, "--protocol", self.protocol]


class Fall(msgspec.Struct, frozen=True):
    """A check that fell: in how many seeds, and the first of them."""

    check: str
    seeds: int
    first: int


class Found(msgspec.Struct, frozen=True):
    """What the runs of a cell came to.

    :ivar scenario: its text.
    :ivar unclear: seeds in which no check fell, but not all could be made.
    """

    format: str
    scenario: str
    seeds: int
    falls: list[Fall]
    unclear: int


class _Verdict(msgspec.Struct):
    name: str
    status: str


class _Run(msgspec.Struct):
    verdicts: list[_Verdict]


class _Failing(msgspec.Struct):
    seed: int
    status: str


class _Sweep(msgspec.Struct):
    seeds: list[int]
    failing: list[_Failing]


_FORMAT = "mu2sls-faults"


def make(
    cells: Sequence[Cell],
    seeds: int,
    jobs: int,
    out: Path,
    told: Callable[[int, Cell], object] = lambda _, __: None,
) -> dict[Cell, Found]:
    """Run what has not been run yet, ``jobs`` cells at a time.

    :param told: how many cells are done, and which was the last.
    :raises CannotRun: a run broke off.
    """
    out.mkdir(parents=True, exist_ok=True)
    found: dict[Cell, Found] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for cell, each in zip(
                cells, pool.map(lambda cell: _one(cell, seeds, out), cells), strict=True
            ):
                found[cell] = each
                told(len(found), cell)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _one(cell: Cell, seeds: int, out: Path) -> Found:
    name = "-".join((cell.app.replace("/", "."), cell.kind, cell.protocol))
    kept = out / f"{name}.json"
    scenario = _text(cell.scenario)
    known = _kept(kept)
    if known is not None and (known.seeds, known.scenario) == (seeds, scenario):
        return known
    folder = out / f"{name}.runs"
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, *cell.command(), "--seeds", str(seeds), "--jobs", "1", "--quiet"]
    ran = subprocess.run(
        [*words, "--out", str(folder)], capture_output=True, text=True, check=False
    )
    if ran.returncode not in (_HELD, _FELL, _UNCLEAR):
        said = (ran.stderr or ran.stdout).strip()[-2000:]
        raise CannotRun(f"python {' '.join(words[1:])}: broke off: {said}")
    found = _read(folder, scenario, seeds)
    shutil.rmtree(folder)
    write(kept, msgspec.json.format(msgspec.json.encode(found)))
    return found


def _text(scenario: Path) -> str:
    """:raises CannotRun: it is not there."""
    try:
        return scenario.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotRun(
            f"{scenario}: cannot be read: {error.strerror}; run this in the project's folder"
        ) from None


def _kept(path: Path) -> Found | None:
    """What is known of a cell; None if nothing, or half of it."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Found)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.format == _FORMAT else None


def _read(folder: Path, scenario: str, seeds: int) -> Found:
    """What the runs in a folder came to."""
    try:
        sweep = msgspec.json.decode((folder / "result.json").read_bytes(), type=_Sweep)
        fallen: dict[str, list[int]] = {}
        for each in sweep.failing:
            if each.status == "fails":
                path = folder / f"seed-{each.seed}" / "result.json"
                run = msgspec.json.decode(path.read_bytes(), type=_Run)
                for verdict in run.verdicts:
                    if verdict.status == "fails":
                        fallen.setdefault(verdict.name, []).append(each.seed)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadResult(f"{folder}: its results cannot be read ({error}); run it again") from None
    unclear = sum(each.status != "fails" for each in sweep.failing)
    falls = [Fall(name, len(seen), min(seen)) for name, seen in sorted(fallen.items())]
    return Found(_FORMAT, scenario, seeds, falls, unclear)


# --- the table


def table(found: dict[Cell, Found], seeds: int) -> str:
    """The table as Markdown, one for each application, and the commands that repeat what fell."""
    apps = list(dict.fromkeys(cell.app for cell in found))
    lines = [f"{seeds} seeds for each entry: the check that fell, in how many of them.", ""]
    for app in apps:
        lines += [*_of_app(app, found), ""]
    commands = list(_commands(found))
    if commands:
        lines += ["<details>", "<summary>The first seed of each fall, again</summary>", ""]
        lines += [*(f"    {command}" for command in commands), "", "</details>", ""]
    return "\n".join(lines)


def _of_app(app: str, found: dict[Cell, Found]) -> Iterator[str]:
    kinds = list(dict.fromkeys(cell.kind for cell in found if cell.app == app))
    yield f"| `{app}` | " + " | ".join(kinds) + " |"
    yield "|---" * (len(kinds) + 1) + "|"
    for protocol in dict.fromkeys(cell.protocol for cell in found if cell.app == app):
        entries = [_entry(found[Cell(app, kind, protocol)]) for kind in kinds]
        yield f"| `{protocol}` | " + " | ".join(entries) + " |"


def _entry(found: Found) -> str:
    parts = [f"{fall.check} {fall.seeds}" for fall in found.falls]
    if found.unclear:
        parts.append(f"inconclusive {found.unclear}")
    return ", ".join(parts) or "held"


def _commands(found: dict[Cell, Found]) -> Iterator[str]:
    for cell, each in found.items():
        for first in sorted({fall.first for fall in each.falls})[:1]:
            yield f"python {' '.join(cell.command())} --seed {first}"


def insert(page: Path, text: str) -> None:
    """Put the table between the marks of a page.

    :raises CannotRun: there are none.
    """
    try:
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    except OSError as error:
        raise CannotRun(f"{page}: cannot be read: {error.strerror}; give a page") from None
    _, mark, after = rest.partition(END)
    if not mark:
        raise CannotRun(f"{page}: there is no place for the table; write a line {BEGIN} and {END}")
    whole = f"{before}{BEGIN}\n\n{text}\n{END}{after}"
    part = page.with_name(f"{page.name}.{os.getpid()}.part")
    part.write_text(whole, encoding="utf-8")
    part.replace(page)
