"""An application that is up for as long as somebody measures it.

The supervisor is forked, as every node is from it, and holds the end of a pipe: when whoever
measures is gone, for whatever reason, so are the nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.context import ForkProcess

from backends.local.folder import Folder
from backends.local.meter import Meter, Metering
from backends.local.nodes import Plan, names
from backends.local.supervisor import Supervisor, listen
from backends.runtime.http import Broken, Client, Unreachable
from core.errors import MuError

__all__ = ["Started", "started", "until_ready_at"]

_READY = 30.0
_GLANCE = 0.005


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

    supervisor = Supervisor(replace(plan, make_for=make), folder, listen(), lambda _: None)
    lifeline = os.pipe()
    began = time.monotonic()
    process = multiprocessing.get_context("fork").Process(
        target=_supervise, args=(supervisor, lifeline), name="supervisor"
    )
    process.start()
    supervisor.release()
    os.close(lifeline[0])
    try:
        until_ready_at(supervisor.url, process)
        yield Started(plan, folder, meter, supervisor.url, time.monotonic() - began)
    finally:
        os.close(lifeline[1])
        process.join()


def _supervise(supervisor: Supervisor, lifeline: tuple[int, int]) -> None:
    os.close(lifeline[1])
    supervisor.start()
    supervisor.supervise(lifeline[0])


def until_ready_at(url: str, process: ForkProcess | None = None) -> None:
    """Wait until a node at ``url`` and the store answer.

    :raises MuError: they do not, or ``process`` is gone.
    """
    asyncio.run(_until_ready(url, process))


async def _until_ready(url: str, process: ForkProcess | None) -> None:
    client = Client()
    deadline = time.monotonic() + _READY
    try:
        while True:
            with contextlib.suppress(Unreachable, Broken):
                status, _, _ = await client.request("GET", f"{url}/readyz", timeout=1.0)
                if status == 200:
                    return
            if time.monotonic() > deadline or (process and not process.is_alive()):
                raise MuError(f"the application did not get ready within {_READY:g} s")
            await asyncio.sleep(_GLANCE)
    finally:
        await client.close()
