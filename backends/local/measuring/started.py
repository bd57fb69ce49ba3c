"""An application that is up for as long as somebody measures it, and what it uses meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from backends.local.background import background
from backends.local.folder import Folder
from backends.local.measuring.meter import Meter, Metering
from backends.local.nodes import Plan, names

__all__ = ["Started", "started"]


@dataclass(frozen=True, slots=True)
class Started:
    """An application that is up.

    :ivar url: the gateway's.
    :ivar seconds: from the first fork until everything was ready.
    """

    plan: Plan
    folder: Folder
    meter: Meter
    url: str
    seconds: float

    def processes(self) -> dict[str, list[int]]:
        """The process ids of the nodes by their kind: a service, the gateway, upkeep."""
        running = self.folder.running()
        found: dict[str, list[int]] = {}
        for node in running.nodes if running else []:
            found.setdefault(node.name.rpartition("-")[0], []).append(node.pid)
        return found


@contextlib.contextmanager
def started(plan: Plan, folder: Folder) -> Iterator[Started]:
    """Start an application, metered, and end it afterwards.

    :raises MuError: it does not get ready.
    """
    slots = {name: slot for slot, name in enumerate(names(plan))}
    meter = Meter(len(slots))

    def make(role: str, number: int, _restarts: int) -> Metering:
        return Metering(meter, slots[f"{role}-{number}"])

    began = time.monotonic()
    with background(replace(plan, make_for=make), folder) as up:
        asyncio.run(up.ready())
        yield Started(plan, folder, meter, up.url, time.monotonic() - began)
