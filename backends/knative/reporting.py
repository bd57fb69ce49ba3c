"""What the commands print: changes, progress, tables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

__all__ = ["Readying", "print_status", "print_yaml", "summary"]

_STYLES = {"ready": "green", "waiting": "yellow", "failed": "red"}
_WIDE = 1000
"""For readers that are programs: a line for each service, whatever its length."""
_COLUMNS = ("SERVICE", "READY", "URL", "REVISION", "GENERATION", "PODS", "RESTARTS", "IMAGE")


def print_yaml(manifests: Iterable[Mapping[str, Any]]) -> None:
    """Manifests as one stream of YAML documents on standard output."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.explicit_start = True
    for manifest in manifests:
        yaml.dump(dict(manifest), sys.stdout)


def summary(actions: Sequence[str]) -> str:
    """How many were created, configured, unchanged and pruned, in words."""
    counts = Counter(actions)
    kinds = ("created", "configured", "unchanged", "pruned")
    return ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind]) or "nothing"


def print_status(console: Console, rows: Sequence[Any]) -> None:
    """A table of :class:`backends.knative.cluster.status.ServiceStatus`, and why not ready."""
    if not console.is_terminal:
        console.width = _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            Text(row.service),
            Text(row.ready, style=_STYLES[row.ready]),
            Text(row.url or "-"),
            Text(row.revision or "-"),
            str(row.generation),
            f"{row.pods_ready}/{row.pods}",
            str(row.restarts),
            Text(row.image),
        )
    console.print(table)
    for row in rows:
        if row.ready != "ready":
            console.print(f"{row.service}: {row.ready}: {row.why}", markup=False)


class Readying:
    """Progress while objects become ready: live on a terminal, otherwise a line per change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def told(self, what: str, state: str, why: str) -> None:
        """Note how far an object is."""
        text = f"{what}: {state}" + (f": {why}" if why else "")
        if self._bar.disable:
            self._console.print(text, markup=False)
            return
        line = self._lines.get(what)
        if line is None:
            line = self._lines[what] = self._bar.add_task("", total=1)
        shown = Text(text, style=_STYLES[state]).markup
        self._bar.update(line, description=shown, completed=float(state == "ready"))
