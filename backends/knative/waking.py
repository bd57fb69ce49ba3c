"""A gateway that wakes what a request will need, all of it at once.

An application that was scaled to zero starts level by level: each service is started by the first
call that reaches it, and only then calls the next. The graph knows beforehand which services a
method may reach, so the gateway asks each of them how it is as soon as a request comes in; Knative
starts whoever is asked and sleeps. What they answer, and whether, is of no interest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from backends.runtime.caller import Caller
from backends.runtime.host import Host
from backends.runtime.http import Broken, Client, Handler, Unreachable
from backends.runtime.node import Make, Node
from backends.runtime.settings import Settings
from backends.runtime.wire import Answer, Wire
from core.messages import Request
from core.program import Program

__all__ = ["Waking", "reached"]

_log = logging.getLogger(__name__)

_AWAKE = 45.0
"""Seconds in which a service that was asked is awake: Knative lets it be for a minute, or more."""
_STARTS = 60.0
"""Seconds that one may take to start."""


def reached(program: Program, service: str, method: str) -> frozenset[str]:
    """The services that a request of a method may reach, its own left out."""
    found: set[str] = set()
    ahead = [f"{service}.{method}"]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        described = program.method(*name.split(".", 1))
        if described is not None:
            ahead += described.facts.callees
    return frozenset(name.partition(".")[0] for name in found) - {service}


class Waking(Make):
    """Makes the parts of a gateway that wakes; what else is made, ``make`` makes."""

    def __init__(self, make: Make) -> None:
        self._make = make

    def caller(self, node: Node, client: Client, wire: Wire) -> Caller:
        """See :meth:`Make.caller`."""
        return _WakingCaller(client, wire, node.addresses, node.settings, node.application.program)

    def host(self, node: Node, caller: Caller) -> Host:
        """See :meth:`Make.host`."""
        return self._make.host(node, caller)

    def handlers(self, node: Node, wire: Wire) -> Mapping[str, Handler]:
        """See :meth:`Make.handlers`."""
        return self._make.handlers(node, wire)


class _WakingCaller(Caller):
    def __init__(
        self,
        client: Client,
        wire: Wire,
        addresses: Mapping[str, str],
        settings: Settings,
        program: Program,
    ) -> None:
        super().__init__(client, wire, addresses, settings)
        self._waker = client
        self._addresses = addresses
        self._needs = {
            f"{service.name}.{name}": sorted(reached(program, service.name, name))
            for service in program.services.values()
            for name in service.methods
        }
        self._asked: dict[str, float] = {}
        self._waking: set[asyncio.Task[None]] = set()

    async def call(self, request: Request, once: bool = False) -> Answer:
        now = time.monotonic()
        for service in self._needs.get(f"{request.service}.{request.method}", ()):
            if service in self._addresses and now - self._asked.get(service, -_AWAKE) >= _AWAKE:
                self._asked[service] = now
                waking = asyncio.create_task(self._wake(service))
                self._waking.add(waking)
                waking.add_done_callback(self._waking.discard)
        return await super().call(request, once)

    async def _wake(self, service: str) -> None:
        try:
            await self._waker.request("GET", f"{self._addresses[service]}/healthz", timeout=_STARTS)
        except (Broken, Unreachable) as error:
            _log.debug("%s was not woken: %s", service, error)
