"""Schedules on this machine: when time asks next, and a person's word about that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console

from backends.local.aside import visited
from backends.local.finding import find
from backends.local.folder import Folder
from backends.runtime.host import Host
from backends.runtime.settings import Settings
from core.errors import Conflict, MuError, TooOld
from core.schedules import Kept, change, kept

__all__ = ["DEEDS", "change_schedule", "show_schedules"]

_TRIES = 8


def _triggered(found: Kept) -> Kept:
    return msgspec.structs.replace(found, triggered=time.time_ns())


DEEDS: dict[str, tuple[Callable[[Kept], Kept], str]] = {
    "pause": (lambda found: msgspec.structs.replace(found, paused=True), "paused"),
    "resume": (lambda found: msgspec.structs.replace(found, paused=False), "resumed"),
    "trigger": (_triggered, "triggered"),
}
"""What can be done to a schedule, and what is said then."""


def show_schedules(data: Path | None) -> int:
    """Print every schedule and its next tick; the exit status.

    :raises MuError: there is no store, or it cannot be asked.
    """
    found = asyncio.run(_kept(find(data)))
    console = Console(highlight=False)
    for name, schedule in found.items():
        due = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(schedule.due / 1e9))
        told = "paused" if schedule.paused else f"next {due}"
        console.print(f"{name}  {schedule.shown}  {told}", markup=False, soft_wrap=True)
    if not found:
        console.print("there is no schedule")
    return 0


async def _kept(folder: Folder) -> dict[str, Kept]:
    async with visited(folder) as store:
        found: dict[str, Kept] = await Host.of_store(store, Settings()).maintain(kept())
        return found


def change_schedule(data: Path | None, deed: str, name: str) -> int:
    """Pause a schedule, resume it, or ask for a tick now; the exit status.

    :raises MuError: there is none, or nobody can say.
    """
    changed, told = DEEDS[deed]
    if asyncio.run(_change(find(data), name, changed)) is None:
        raise MuError(f"{name} has no schedule: `schedules` lists those that have one")
    Console(highlight=False).print(f"{told} {name}", markup=False)
    return 0


async def _change(folder: Folder, name: str, changed: Callable[[Kept], Kept]) -> Kept | None:
    async with visited(folder) as store:
        host = Host.of_store(store, Settings())
        for _ in range(_TRIES):
            try:
                found: Kept | None = await host.maintain(change(name, changed))
            except (Conflict, TooOld):  # a tick came meanwhile
                continue
            return found
    raise MuError(f"{name} changes too often: try again")
