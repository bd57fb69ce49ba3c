"""A node from start to drain: what it is made of, and how it ends.

A node that is told to end accepts nothing more, finishes what is under way, gives back what
it holds, and returns. A node that dies instead loses nothing: what it had under way is asked
again, under the same id, by whoever asked.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from backends.runtime.aside import ASIDE_PATH, Asides, AsidesService
from backends.runtime.caller import CALL_PATH, Caller
from backends.runtime.deaths import Deaths
from backends.runtime.host import Host
from backends.runtime.http import (
    Budget,
    Client,
    Door,
    Handler,
    Incoming,
    Outgoing,
    Server,
    plain_refusal,
)
from backends.runtime.public import Public
from backends.runtime.public.auth import Auth
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore, trouble
from backends.runtime.upkeep import keep_up
from backends.runtime.wire import Wire, WireError
from backends.runtime.worker import Calls, Worker
from compiler.application import Application
from core.messages import Reply, Request
from core.protocol import Protocol

__all__ = ["Make", "Node", "run_upkeep", "serve_gateway", "serve_service"]

_log = logging.getLogger(__name__)

_SHORT_OF_GRACE = 0.9
"""What part of the grace calls are waited for; in the rest their answers leave."""
_HEARS = 2.0
"""Seconds in which a store that is there has heard what processes died of."""
_ROOM = 65_536
"""Bytes by which a body may be over the limit for the gateway itself to say by how much."""


class Make:
    """Makes the parts of a node that somebody may want to look into."""

    def caller(self, node: Node, client: Client, wire: Wire) -> Caller:
        """What sends requests to other nodes."""
        return Caller(client, wire, node.addresses, node.settings)

    def host(self, node: Node, caller: Caller) -> Host:
        """What performs the effects of attempts."""
        program = node.application.program
        return Host(program, node.store, caller.call, node.settings, node.protocol)

    def handlers(self, node: Node, wire: Wire) -> Mapping[str, Handler]:  # noqa: ARG002
        """What the gateway answers beside calls and the public's requests, by path: nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Node:
    """What a node of any kind needs.

    :ivar key: the wire's key.
    :ivar addresses: the base URL of each service.
    :ivar hosts: see :class:`backends.runtime.public.Public`.
    :ivar auth: knows who asks; see :class:`backends.runtime.public.Public`.
    :ivar deaths: what took the processes before this one down, where that is remembered.
    """

    application: Application
    store: AsyncStore
    key: bytes = field(repr=False)
    addresses: Mapping[str, str]
    settings: Settings = field(default_factory=Settings)
    protocol: Protocol = field(default_factory=Protocol.ours)
    make: Make = field(default_factory=Make)
    deaths: Deaths | None = None
    hosts: frozenset[str] | None = None
    auth: Auth | None = None


async def _meet_store(store: AsyncStore) -> None:
    """Ask the store for a version before anybody asks this process for anything.

    FoundationDB's client reads at no version that came in a message before it has one of its own.
    A store that is away is not waited for: whoever needs it waits.
    """
    if why := await trouble(store):
        _log.warning("the store is not ready: %s", why)


async def _tell_of_deaths(node: Node, host: Host) -> asyncio.Task[None] | None:
    """Learn which requests processes died of before one of them comes to this one.

    A store that is away is not waited for: it hears of it when it is back.
    """
    if node.deaths is None:
        return None
    telling = asyncio.ensure_future(node.deaths.settle_in_the_end(host.maintain))
    await asyncio.wait({telling}, timeout=_HEARS)
    return telling


async def serve_service(
    node: Node, service: str, listener: socket.socket, stop: asyncio.Event
) -> None:
    """Execute the requests of one service until ``stop`` is set."""
    wire = Wire(node.key)
    client = Client(connections=0, limit=node.settings.message_limit)
    host = node.make.host(node, node.make.caller(node, client, wire))
    host.deaths = node.deaths
    watchdog = asyncio.ensure_future(node.deaths.watch()) if node.deaths is not None else None
    worker = Worker(
        Calls(wire, service.__eq__, host.execute, node.settings.message_limit), node.store
    )
    limit = node.settings.message_limit
    door, budget = _door(wire, {CALL_PATH}, 0), Budget(2 * limit)
    server = Server(worker.handle, listener, limit, door=door, budget=budget)
    await _meet_store(node.store)
    telling = await _tell_of_deaths(node, host)
    await server.start()
    await stop.wait()
    worker.draining = True
    await server.stop(node.settings.grace)
    await host.drain()
    await client.close()
    for each in (watchdog, telling):
        if each is not None:
            each.cancel()


async def serve_gateway(node: Node, listener: socket.socket, stop: asyncio.Event) -> None:
    """Take the requests of clients until ``stop`` is set."""
    wire = Wire(node.key)
    client = Client(connections=0, limit=node.settings.message_limit)
    caller = node.make.caller(node, client, wire)

    async def ask(request: Request) -> Reply:
        return (await caller.call(request, not node.protocol.retries)).reply

    public = Public(
        node.application,
        ask,
        node.store,
        node.settings,
        node.hosts,
        node.auth,
        promises=node.protocol.regions,
    )
    calls = Calls(wire, node.addresses.__contains__, caller.forward)
    asides = AsidesService(Asides(node.store, node.settings), wire)
    handlers = {
        CALL_PATH: calls.handle,
        ASIDE_PATH: asides.handle,
        **node.make.handlers(node, wire),
    }
    handler = _by_path(handlers, public.handle)
    limit = node.settings.body_limit + _ROOM
    door, budget = _door(wire, handlers, limit), Budget(max(node.settings.body_budget, limit))
    server = Server(handler, listener, limit, public.refuse, door, budget)
    await _meet_store(node.store)
    await server.start()
    await stop.wait()
    public.end(_SHORT_OF_GRACE * node.settings.grace)
    await server.stop(node.settings.grace)
    await client.close()


def _door(wire: Wire, sealed: Container[str], limit: int) -> Door:
    """Large envelopes come in with a pass; what is not for the paths ``sealed`` has a limit."""

    def door(incoming: Incoming) -> int | Outgoing:
        if incoming.path not in sealed:
            return limit
        try:
            return wire.admit(incoming.headers)
        except WireError as error:
            return plain_refusal(error.status, str(error))

    return door


def _by_path(handlers: Mapping[str, Handler], public: Handler) -> Handler:
    """Envelopes are for those who have the key; everything else is the public's."""

    async def handle(incoming: Incoming) -> Outgoing:
        return await handlers.get(incoming.path, public)(incoming)

    return handle


async def run_upkeep(node: Node, stop: asyncio.Event) -> None:
    """Recover and forget until ``stop`` is set."""
    client = Client(connections=0, limit=node.settings.message_limit)
    host = node.make.host(node, node.make.caller(node, client, Wire(node.key)))
    await _meet_store(node.store)
    await keep_up(host, stop)
    await client.close()
