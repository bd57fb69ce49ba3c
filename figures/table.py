"""The comparison as a table for a terminal.

Each run has a column under its letter, and beside it the ratio to the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from figures.comparison import Cell, Mood, Section
from figures.quantities import show_number
from figures.runs import Run

__all__ = ["print_comparison"]

_STYLE: dict[Mood, str] = {
    "plain": "",
    "quiet": "dim",
    "good": "green",
    "bad": "bold red",
    "unclear": "yellow",
}


_ANY_WIDTH = 1_000
"""Columns that no table needs."""


def print_comparison(console: Console, runs: Sequence[Run], sections: Sequence[Section]) -> None:
    """Print who is who, and the table; a file or a pipe gets it as wide as it is."""
    shown = Group(_legend(runs), _table(runs, sections))
    if not console.is_terminal:
        console.width = _ANY_WIDTH
        console.width = console.measure(_table(runs, sections)).maximum
    console.print(shown)


def _legend(runs: Sequence[Run]) -> Text:
    text = Text()
    for run in runs:
        text.append(f"{run.letter}  ", style="bold")
        text.append(run.label)
        text.append(f"  {run.path}\n", style="dim")
    return text


def _table(runs: Sequence[Run], sections: Sequence[Section]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for index, run in enumerate(runs):
        table.add_column(run.letter, justify="right", overflow="fold")
        if index:
            table.add_column(f"{run.letter}/{runs[0].letter}", justify="right", no_wrap=True)
    for section in sections:
        table.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            table.add_row(Text(f"  {row.name}"), *_cells(row.cells))
        table.add_section()
    return table


def _cells(cells: Sequence[Cell]) -> list[Text]:
    found = []
    for index, cell in enumerate(cells):
        found.append(Text(cell.text, style=_STYLE[cell.mood]))
        if index:
            found.append(Text("" if cell.ratio is None else show_number(cell.ratio), style="cyan"))
    return found
