"""What processes use of the machine, as Linux tells it (proc(5)): processor time and memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from core.errors import MuError

__all__ = ["busy_seconds", "cores", "cpu_seconds", "memory", "see_measurable"]

_PROC = Path("/proc")
_TICK = 1.0 / os.sysconf("SC_CLK_TCK")
_KIB = 1024


def see_measurable() -> None:
    """See that this machine tells what processes use.

    :raises MuError: it does not.
    """
    if not (_PROC / "self" / "stat").exists():
        raise MuError("processor time cannot be measured here: there is no /proc; use Linux")


def cpu_seconds(processes: Iterable[int]) -> float:
    """Processor time that processes have taken so far, in user and kernel mode.

    One that is gone counts as none.
    """
    ticks = 0
    for process in processes:
        try:
            text = (_PROC / str(process) / "stat").read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()  # the name before it may hold anything
        ticks += int(fields[11]) + int(fields[12])
    return ticks * _TICK


def busy_seconds() -> float:
    """Processor time that everybody on the machine has taken so far.

    What runs at a low priority gives way, and is not counted as far as it computes in user mode.
    """
    fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    user, _nice, system, _idle, _waiting, interrupts, soft = map(int, fields[:7])
    return (user + system + interrupts + soft) * _TICK


def memory(process: int) -> tuple[int, int]:
    """Bytes that a process has in memory, and how many of them it shares with no other."""
    resident = private = 0
    for line in (_PROC / str(process) / "smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Rss":
            resident = int(value.split()[0]) * _KIB
        elif name in ("Private_Clean", "Private_Dirty"):
            private += int(value.split()[0]) * _KIB
    return resident, private


def cores() -> int:
    """Processors that this process may use."""
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1
