"""``run``: a scenario against a deployed application, with pods deleted, and judged.

The load is driven from here at the gateway, by envelopes under the application's own key.
Of the faults, *kill* deletes pods by the clock, and *drop*, *delay* and *duplicate* strike the
clients' own messages; the rest cannot be done from outside and is listed as not injected. What
nodes recorded (``deploy --record``) is fetched through the gateway; the checks are the
simulator's. Clocks of other machines are not compared with the clients'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from backends.experiment.course import Course, Progress, settings_of
from backends.experiment.remote import RemoteStore
from backends.knative.errors import KnativeError
from backends.runtime.http import Client
from backends.runtime.node import Node
from backends.runtime.wire import Wire
from compiler.application import Application
from core.errors import StoreUnavailable
from sim.run import Run
from sim.scenario import Fault, Scenario

__all__ = ["INJECTED", "NotRecording", "injectable", "run"]

INJECTED = ("kill", "drop", "delay", "duplicate")
"""The kinds of fault that can be injected from outside."""

Kill = Callable[[str, str, Random], list[str]]
"""Deletes pods of a service (empty: of any), ``one`` or ``all``; the names of those deleted.
It may block."""


class NotRecording(KnativeError):
    """The deployment keeps no log of commits, or is not the one whose key is known."""


def injectable(scenario: Scenario) -> tuple[Scenario, list[Fault]]:
    """The scenario with what can be injected here, and the rest of its faults."""
    able = [fault for fault in scenario.faults if fault.kind in INJECTED]
    rest = [fault for fault in scenario.faults if fault.kind not in INJECTED]
    return msgspec.structs.replace(scenario, faults=able), rest


class _Deployed:
    """A deployment, as the course of an experiment sees it."""

    def __init__(self, node: Node, kill: Kill) -> None:
        self.node = node
        self._kill = kill

    async def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """Delete pods; see :class:`backends.experiment.course.Target`."""
        return await asyncio.to_thread(self._kill, service, mode, rng)

    def woken(self, pid: int) -> None:
        """Nothing is stopped here."""

    async def drained(self) -> None:
        """A deployment goes on: it is at rest, or it is not."""


def run(
    scenario: Scenario,
    application: Application,
    url: str,
    key: bytes,
    kill: Kill,
    progress: Progress | None = None,
) -> Run:
    """Run a scenario whose faults can be injected.

    :param url: the gateway's base URL; ``key``: the deployment's.
    :raises NotRecording: the gateway does not let the store be looked at.
    :raises MuError: the deployment does not answer.
    """
    course = Course(scenario, application.program, 0, progress, one_clock=False)

    async def drive() -> Run:
        client = Client()
        store = RemoteStore(client, url, Wire(key))
        addresses = dict.fromkeys(application.program.services, url)
        node = Node(application, store, key, addresses, settings_of(scenario))
        try:
            await _check(store, url)
            return await course.run(_Deployed(node, kill))
        finally:
            await client.close()

    try:
        return asyncio.run(drive())
    finally:
        course.close()


async def _check(store: RemoteStore, url: str) -> None:
    try:
        await store.log()
    except StoreUnavailable as error:
        raise NotRecording(
            f"the gateway at {url} does not show its store ({error}): deploy the application with "
            "--record, and see that this is its namespace"
        ) from None
