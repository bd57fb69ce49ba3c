"""How far a long command is, as a terminal shows it."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["counting"]


def counting(what: str, errors: Console, quiet: bool) -> Progress:
    """A bar that counts ``what``; nothing is shown where it would be read by no person."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn(f"{{task.completed:.0f}} {what}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    )
