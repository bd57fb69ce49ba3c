"""How far a run is, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from rich import progress
from rich.console import Console

__all__ = ["Bar", "Progress"]

Progress = Callable[[float, float], object]
"""Told the seconds that have passed, and those there will be (0: unknown)."""


class Bar:
    """Progress on standard error; it begins with the first news, after every node was forked.

    :param name: what is under way.
    :param hidden: show nothing; nothing is shown either where no terminal is.
    """

    def __init__(self, errors: Console, name: str, hidden: bool) -> None:
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.fields[note]}"),
            progress.TimeElapsedColumn(),
        )
        hidden = hidden or not errors.is_terminal
        self._progress = progress.Progress(*columns, console=errors, transient=True, disable=hidden)
        self._line = self._progress.add_task(name, total=None, note="")
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, now: float, end: float) -> None:
        """So many seconds have passed, of so many."""
        if not self._started:
            self._started = True
            self._progress.start()
        self._progress.update(
            self._line, completed=now, total=end, note=f"{now:,.0f} of {end:,.0f} s"
        )
