"""``run``: a scenario against a deployed application, with pods deleted, and judged.

The load is driven from here at the gateway, by envelopes under the application's own key.
Of the faults, *kill* deletes pods by the clock, and *drop*, *delay* and *duplicate* strike the
clients' own messages; the rest cannot be done from outside and is listed as not injected. What
nodes recorded (``deploy --record``) is fetched through the gateway; the checks are the
same as everywhere. Clocks of other machines are not compared with the clients'.

A pod that may not be deleted ends the run: without its faults it would show nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from backends.drill.course import Course, Progress, settings_of
from backends.drill.remote import RemoteStore
from backends.knative.errors import KnativeError
from backends.runtime.http import Broken, Client, Unreachable
from backends.runtime.node import Node
from backends.runtime.snapshot import kept_as
from backends.runtime.wire import Wire
from compiler.application import Application
from core.errors import MuError, StoreError, StoreUnavailable
from experiment.record.run import Run
from experiment.scenario.model import Fault, Scenario

__all__ = ["INJECTED", "GatewaySilent", "NotRecording", "OtherwiseDeployed", "injectable", "run"]

INJECTED = ("kill", "drop", "delay", "duplicate")
"""The kinds of fault that can be injected from outside."""

Kill = Callable[[str, str, Random], list[str]]
"""Deletes pods of a service (empty: of any), ``one`` or ``all``; the names of those deleted.
It may block; a :class:`core.errors.MuError` of its ends the run."""

_FIRST_ANSWER = 30.0
"""Seconds: long enough for Knative to start a gateway that idled."""


class NotRecording(KnativeError):
    """The deployment keeps no log of commits, or is not the one whose key is known."""


class OtherwiseDeployed(KnativeError):
    """Another protocol decides than was asked for."""


class GatewaySilent(KnativeError):
    """The gateway does not answer, or no longer.

    :cvar status: of the process that ends so.
    """

    status = 1


def injectable(scenario: Scenario) -> tuple[Scenario, list[Fault]]:
    """The scenario with what can be injected here, and the rest of its faults."""
    able = [fault for fault in scenario.faults if fault.kind in INJECTED]
    rest = [fault for fault in scenario.faults if fault.kind not in INJECTED]
    return msgspec.structs.replace(scenario, faults=able), rest


class _Deployed:
    """A deployment, as the course of an experiment sees it.

    :ivar refused: fails once a pod could not be deleted, with the reason.
    """

    def __init__(self, node: Node, kill: Kill) -> None:
        self.node = node
        self.refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kill = kill

    async def kill(self, service: str, mode: str, rng: Random) -> list[str]:
        """Delete pods; see :class:`backends.drill.course.Target`."""
        try:
            return await asyncio.to_thread(self._kill, service, mode, rng)
        except MuError as error:
            if not self.refused.done():
                self.refused.set_exception(error)
            return []

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
    host: str = "",
    protocol: str = "",
) -> Run:
    """Run a scenario whose faults can be injected.

    :param url: the gateway's base URL, or, with ``host``, that of an ingress which knows the
        gateway by that name.
    :param key: the deployment's.
    :param protocol: the name of what has to decide there; empty: whatever does.
    :raises OtherwiseDeployed: another one does.
    :raises NotRecording: the gateway does not let the store be looked at.
    :raises GatewaySilent: it does not answer, at first or in the end.
    :raises MuError: pods cannot be deleted.
    """
    course = Course(scenario, application.program, 0, progress, one_clock=False, host=host)

    async def drive() -> Run:
        client = Client(host=host)
        store = RemoteStore(client, url, Wire(key))
        addresses = dict.fromkeys(application.program.services, url)
        try:
            await _check(client, store, url)
            _, decides = await kept_as(store)
            if protocol not in ("", decides.name):
                raise OtherwiseDeployed(
                    f"what is deployed at {url} decides by {decides.name}, not {protocol}: deploy "
                    f"it with --protocol {protocol}, on a store of its own"
                )
            node = Node(application, store, key, addresses, settings_of(scenario), decides)
            return await _drive(course, _Deployed(node, kill))
        except StoreError as error:
            raise GatewaySilent(
                f"the run broke off, without a result: {error}: see whether the gateway's pods "
                "and the store are well, and run it again"
            ) from None
        finally:
            await client.close()

    try:
        return asyncio.run(drive())
    finally:
        course.close()


async def _drive(course: Course, target: _Deployed) -> Run:
    """The whole course, unless a pod cannot be deleted."""
    running = asyncio.ensure_future(course.run(target))
    await asyncio.wait((running, target.refused), return_when=asyncio.FIRST_COMPLETED)
    if target.refused.done():
        running.cancel()
        await asyncio.wait((running,))
        target.refused.result()
    return await running


async def _check(client: Client, store: RemoteStore, url: str) -> None:
    try:
        status, _, body = await client.request("GET", f"{url}/readyz", timeout=_FIRST_ANSWER)
    except (Unreachable, Broken) as error:
        raise GatewaySilent(
            f"the gateway at {url} cannot be reached: {error}: see that it runs (status), or "
            "give its address with --url and --host"
        ) from None
    if status >= 500:
        said = " ".join(body[:200].decode(errors="replace").split())
        raise GatewaySilent(f"the gateway at {url} is not ready ({status}: {said}): see its logs")
    try:
        await store.log()
    except StoreUnavailable as error:
        raise NotRecording(
            f"the gateway at {url} does not show its store ({error}): deploy the application with "
            "--record; if it is, see that --url, --host, --name and --namespace belong together"
        ) from None
