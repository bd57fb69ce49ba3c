"""An application that is up in the background, for as long as somebody measures or strikes it.

The supervisor is forked, as every node is from it, and holds the end of a pipe: when whoever
started it is gone, for whatever reason, so are the nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkProcess

from backends.local.folder import Folder
from backends.local.nodes import Plan
from backends.local.supervisor import Supervisor, listen
from backends.runtime.http import Broken, Client, Unreachable
from core.errors import MuError

__all__ = ["Background", "background", "until_ready"]

_READY = 30.0
"""Seconds for the nodes to get ready."""
_GLANCE = 0.005


@dataclass(frozen=True, slots=True)
class Background:
    """An application that was started.

    :ivar url: the gateway's.
    """

    url: str
    supervisor: ForkProcess

    async def ready(self) -> None:
        """Wait until the gateway and the store answer.

        :raises MuError: they do not.
        """
        await until_ready(self.url, self.supervisor)

    def end(self) -> None:
        """End every node, and wait until they have ended."""
        self.supervisor.terminate()
        self.supervisor.join()


@contextlib.contextmanager
def background(plan: Plan, folder: Folder) -> Iterator[Background]:
    """Start the nodes of a plan, and end them afterwards. What happens to them is not told."""
    supervisor = Supervisor(plan, folder, listen(), lambda _: None)
    lifeline = os.pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_supervise, args=(supervisor, lifeline), name="supervisor"
    )
    process.start()
    supervisor.release()
    os.close(lifeline[0])
    try:
        yield Background(supervisor.url, process)
    finally:
        os.close(lifeline[1])
        process.join()


def _supervise(supervisor: Supervisor, lifeline: tuple[int, int]) -> None:
    os.close(lifeline[1])
    supervisor.start()
    supervisor.supervise(lifeline[0])


async def until_ready(url: str, process: ForkProcess | None = None) -> None:
    """Wait until a node at ``url`` and the store answer.

    :raises MuError: they do not, or ``process`` is gone.
    """
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
