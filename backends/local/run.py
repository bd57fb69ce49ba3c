"""``run``: a scenario on real processes of this machine, with its faults, and judged.

The runner starts the application, drives the load, and keeps the clocks of kills and
partitions. The store is a new one in a folder of its own, which is kept only if somebody asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from backends.drill.course import Course, Progress, settings_of
from backends.drill.watching import Watching
from backends.local.background import Background, background
from backends.local.erasing import prepared
from backends.local.folder import Folder
from backends.local.nodes import UPKEEP, Plan, names
from backends.local.up import Wanted, prepare
from backends.runtime.deaths import absolve
from backends.runtime.node import Node
from backends.stores import Wish
from compiler.application import Application
from core.protocol import Protocol
from experiment.record.run import Run
from experiment.scenario.model import PLATFORM, Scenario

__all__ = ["Local", "run"]

_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Local:
    """How to run: on this machine.

    :ivar keep: a folder for the data, which is then left there.
    """

    store: Wish = field(default_factory=Wish)
    protocol: Protocol = field(default_factory=Protocol.ours)
    keep: Path | None = None


def run(
    scenario: Scenario, application: Application, local: Local, progress: Progress | None = None
) -> Run:
    """Run a scenario.

    :raises MuError: it could not be started, or broke off.
    """
    local.store.choose("", "")  # there may be no such store; nothing has been made yet
    path = local.keep or Path(tempfile.mkdtemp(prefix="mu2sls-run-"))
    folder = Folder(path)
    platform = scenario.platform
    wanted = Wanted(
        scenario.app,
        path,
        0,
        local.store,
        settings_of(scenario),
        {name: each.replicas for name, each in platform.services.items()},
        platform.defaults.replicas,
        local.protocol,
        f"{application.name}-{path.name}",
    )
    if local.keep is not None:
        plan = prepare(wanted, application, folder)
        return _Experiment(scenario, plan, folder, progress).run()
    try:
        with prepared(wanted, application, folder) as plan:
            return _Experiment(scenario, plan, folder, progress).run()
    finally:
        shutil.rmtree(path, ignore_errors=True)


class _Experiment:
    """The runner's side; the nodes are in the background."""

    node: Node
    _up: Background

    def __init__(
        self, scenario: Scenario, plan: Plan, folder: Folder, progress: Progress | None
    ) -> None:
        self._folder = folder
        self._slots = {name: slot for slot, name in enumerate(names(plan))}
        program = plan.application.program
        self._course = Course(scenario, program, len(self._slots), progress)
        self._services = list(program.services)
        self._plan = replace(plan, make_for=self._make)

    def run(self) -> Run:
        try:
            with background(self._plan, self._folder) as self._up:
                return asyncio.run(self._run())
        finally:
            self._course.close()

    def _make(self, role: str, number: int, restarts: int) -> Watching:
        """In a node: what watches it."""
        slot = self._slots[f"{role}-{number}"]
        self._course.shared.begin(slot)
        service = role if role in self._services else PLATFORM
        injection = self._course.injection([role, str(number), str(restarts)])
        return Watching(injection, slot, service)

    async def _run(self) -> Run:
        plan = self._plan
        store = plan.store.calm().open()
        addresses = dict.fromkeys(self._services, self._up.url)
        self.node = Node(plan.application, store, plan.key, addresses, plan.settings, plan.protocol)
        try:
            await self._up.ready()
            return await self._course.run(self)
        finally:
            await store.close()

    # --- as the course sees it

    async def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """SIGKILL to processes of a service, or of any; see :class:`Target`."""
        running = self._folder.running()
        roles = {PLATFORM: [UPKEEP], "": [*self._services, UPKEEP]}
        aimed = roles.get(service, [service])
        nodes = running.nodes if running else []
        found = [node for node in nodes if node.name.rpartition("-")[0] in aimed]
        killed = []
        for node in found if mode == "all" else rng.sample(found, min(1, len(found))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGSTOP)
                with contextlib.suppress(OSError):  # a node without a mark
                    absolve(self._folder.nodes, node.name)
                os.kill(node.pid, signal.SIGKILL)
                killed.append(node.name)
        return killed

    def woken(self, pid: int) -> None:
        """SIGCONT to a process that was stopped; it may have been killed in the meantime."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGCONT)
            asyncio.get_running_loop().call_later(_AGAIN, _continue, pid)

    async def drained(self) -> None:
        """End the nodes."""
        await asyncio.to_thread(self._up.end)


def _continue(pid: int) -> None:
    """Once more: a very short sleep may have been over before it began."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGCONT)
