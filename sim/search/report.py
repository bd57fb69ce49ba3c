"""What shrinking found, for a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from experiment.outcome import Task, describe, first_reason
from experiment.report import WIDTH, command_line
from experiment.verdict import count
from sim.search.shrink import Shrunk

__all__ = ["print_shrunk"]


def print_shrunk(console: Console, task: Task, shrunk: Shrunk, path: str) -> None:
    """Print the strikes that a failure needs, and the command that shows it with only these."""
    needed, had = len(shrunk.strikes), count(shrunk.before, "strike")
    head = f"Shrunk: {needed:,} of {had} needed, found in {count(shrunk.runs, 'run')}"
    had_requests, left = shrunk.requests
    head += f", with {left:,} of {count(had_requests, 'request')}"
    if shrunk.interrupted:
        head += ", and interrupted: fewer may do"
    lines: list[RenderableType] = [Text(head if needed else f"{head}: it fails without faults")]
    lines += [Text(f"  {describe(fault)}") for fault in shrunk.needed]
    lines.append(Text(f"  {first_reason(shrunk.outcome)}"))
    exact = Task(path, planted=task.planted, protocol=task.protocol)
    lines.append(command_line("Run it", exact.command(shrunk.outcome.seed)))
    console.print(Group(*lines), width=min(WIDTH, console.width), crop=False)
