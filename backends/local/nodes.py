"""The nodes of one machine: which there are, and what each does in its process.

A node is forked from the supervisor, which has compiled the application and listens on
every node's socket. So a node starts in milliseconds, and while one is dead, whoever calls
it waits in the socket's line and is served by the next.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from backends.runtime.deaths import Deaths
from backends.runtime.http import run
from backends.runtime.node import Make, Node, run_upkeep, serve_gateway, serve_service
from backends.runtime.public.auth import Auth
from backends.runtime.settings import Settings
from backends.stores import StoreChoice
from compiler.application import Application
from core.protocol import Protocol

__all__ = ["GATEWAY", "UPKEEP", "Plan", "live", "names", "roles"]

GATEWAY = "gateway"
UPKEEP = "upkeep"

_log = logging.getLogger("mu2sls")

_ORPHANED = 1.0
"""Seconds in which a node leaves whose supervisor was killed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run.

    :ivar app: how the application was named, a path or a module.
    :ivar workers: processes of each service; ``default_workers`` where it is not named.
    :ivar hosts, auth: see :class:`backends.runtime.public.Public`.
    :ivar make_for: what makes the parts of a node, by its role, its number among those of that
        role, and how often it was started before.
    """

    application: Application
    app: str
    store: StoreChoice
    key: bytes = field(repr=False)
    settings: Settings = field(default_factory=Settings)
    protocol: Protocol = field(default_factory=Protocol.ours)
    workers: Mapping[str, int] = field(default_factory=dict)
    default_workers: int = 1
    hosts: frozenset[str] | None = None
    auth: Auth | None = None
    make_for: Callable[[str, int, int], Make] = lambda *_: Make()


def roles(plan: Plan) -> list[str]:
    """The roles of the nodes to start, one for each process: services, gateway, upkeep."""
    found = []
    for service in plan.application.program.services:
        found += [service] * plan.workers.get(service, plan.default_workers)
    return [*found, GATEWAY, UPKEEP]


def names(plan: Plan) -> list[str]:
    """The names of the nodes: ``Hotel-0``, ``Hotel-1``."""
    counts: dict[str, int] = {}
    found = []
    for role in roles(plan):
        counts[role] = counts.get(role, -1) + 1
        found.append(f"{role}-{counts[role]}")
    return found


def live(
    plan: Plan,
    role: str,
    make: Make,
    listeners: Mapping[str, socket.socket],
    addresses: Mapping[str, str],
    lifeline: int,
    deaths: Deaths | None = None,
) -> None:
    """A node's whole life, in its own process; it ends on SIGTERM or when ``lifeline`` does."""
    _allow_connections()
    for name, listener in listeners.items():
        if name != role:
            listener.close()
    run(_live(plan, role, make, listeners.get(role), addresses, lifeline, deaths))


def _allow_connections() -> None:
    """As many open files as the system lets a process have: every open call is a connection."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # without it there are as many as there are by default
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _live(
    plan: Plan,
    role: str,
    make: Make,
    listener: socket.socket | None,
    addresses: Mapping[str, str],
    lifeline: int,
    deaths: Deaths | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(lifeline, _ended, lifeline, stop)
    store = plan.store.open()
    node = Node(
        plan.application,
        store,
        plan.key,
        addresses,
        plan.settings,
        plan.protocol,
        make,
        deaths,
        plan.hosts,
        plan.auth,
    )
    if listener is None:
        await run_upkeep(node, stop)
    elif role == GATEWAY:
        await serve_gateway(node, listener, stop)
    else:
        await serve_service(node, role, listener, stop)
    await store.close()


def _ended(lifeline: int, stop: asyncio.Event) -> None:
    """The supervisor is gone, so nobody is left to end this node, or to wait for it.

    All nodes see it at once, so what one has under way may never be answered by the others.
    """
    loop = asyncio.get_running_loop()
    loop.remove_reader(lifeline)
    _log.warning("the supervisor is gone")
    stop.set()
    loop.call_later(_ORPHANED, os._exit, 1)
