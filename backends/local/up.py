"""``up``: from an application's name to running nodes."""

from __future__ import annotations

import io
import logging
import os
import random
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import msgspec
from rich.console import Console

from backends.local.folder import Folder
from backends.local.nodes import Plan
from backends.local.supervisor import Supervisor, listen
from backends.runtime.logs import JsonLines, TextLines, log_to
from backends.runtime.public.auth_choice import read_auth
from backends.runtime.public.operations import Operation, Parameter, find_operations
from backends.runtime.secret import set_up
from backends.runtime.settings import Settings
from backends.stores import StoreChoice, Wish, apart
from compiler.application import Application, load
from core.errors import MuError
from core.protocol import OURS, Protocol

__all__ = ["Voice", "Wanted", "data_folder", "prepare", "up"]

DATA = Path(".mu2sls")
"""Where data folders are unless somebody says otherwise, one for each application."""


class Voice(Console):
    """A console that nobody need listen to: nodes go on when their terminal or disk does not."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; what cannot be written is lost."""
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: be silent, and do not exit."""
        with suppress(SystemExit):
            super().on_broken_pipe()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; see :class:`backends.local.nodes.Plan`.

    :ivar hosts: see :class:`backends.runtime.public.Public`.
    :ivar auth: how callers are known; see :func:`backends.runtime.public.auth_choice.read_auth`.
    :ivar stand_ins: whether the workload's functions stand in for outside functions.
    :ivar log_level: the least that is logged; ``log_format`` is ``text`` or ``json``.
    :ivar namespace: the part of a cluster to use; empty: that of the application's name.
    """

    app: str
    data: Path | None = None
    port: int = 8080
    store: Wish = field(default_factory=Wish)
    settings: Settings = field(default_factory=Settings)
    workers: Mapping[str, int] = field(default_factory=dict)
    default_workers: int = 1
    protocol: Protocol = field(default_factory=Protocol.ours)
    namespace: str = ""
    hosts: frozenset[str] | None = None
    auth: str = "none"
    stand_ins: bool = False
    log_level: str = "info"
    log_format: str = "text"

    def choose(self, application: Application, folder: Folder) -> StoreChoice:
        """The store that is asked for.

        :raises MuError: there is no such kind of store.
        """
        return self.store.choose(self.namespace or application.name, str(folder.store))


def data_folder(name: str, data: Path | None) -> Path:
    """Where the application ``name`` keeps its data."""
    return data if data is not None else DATA / name


def prepare(wanted: Wanted, application: Application, folder: Folder) -> Plan:
    """Set up the store, unless that was done before, and say what is to run.

    :raises MuError: there is no such service, or the store cannot be used.
    """
    services = application.program.services
    for name in wanted.workers:
        if name not in services:
            raise MuError(
                f"there is no service {name}: --workers takes one of {', '.join(services)}"
            )
    store = wanted.choose(application, folder)
    folder.claim()
    if store.kind == "sqlite":
        folder.see_store()
    secret = apart(lambda: _set_up(application, store, wanted.protocol))
    folder.remember(store)
    key = folder.key()
    return Plan(
        application.keyed(secret),
        wanted.app,
        store,
        key,
        wanted.settings,
        wanted.protocol,
        wanted.workers,
        wanted.default_workers,
        hosts=wanted.hosts,
        auth=read_auth(wanted.auth),
    )


async def _set_up(application: Application, choice: StoreChoice, protocol: Protocol) -> bytes:
    """Set up the store; its secret."""
    store = await choice.prepare()  # who loads is patient with stores; this is not
    try:
        return (await set_up(store, application, protocol)).program.secret
    finally:
        await store.close()


def up(wanted: Wanted, console: Voice) -> None:
    """Run an application until somebody ends it.

    :raises MuError: it cannot be started; nothing is left running.
    """
    application = load(wanted.app)
    if wanted.stand_ins:
        application = application.with_stand_ins()
    path = data_folder(application.name, wanted.data)

    lines = JsonLines() if wanted.log_format == "json" else TextLines()

    def told(text: str) -> None:
        console.print(_line(text, lines), style="yellow", markup=False, highlight=False)

    os.umask(0o077)  # the data are their owner's, whichever part makes a file
    Folder(path, create=False).wait_until_left(told)
    listener = listen(wanted.port)
    folder = Folder(path)
    plan = prepare(wanted, application, folder)
    sys.stdout, sys.stderr = _unbuffered(sys.stdout), _unbuffered(sys.stderr)
    log_to(lines, level=wanted.log_level)

    supervisor = Supervisor(plan, folder, listener, told)
    supervisor.start()
    try:
        _welcome(console, plan, supervisor, folder)
        supervisor.supervise()
    finally:
        supervisor.end()
    console.print("stopped")


def _line(text: str, lines: logging.Formatter) -> str:
    """A line of the supervisor's, in the form of those that nodes log."""
    fields = {"msg": text, "name": "mu2sls", "processName": "supervisor", "levelname": "WARNING"}
    return lines.format(logging.makeLogRecord(fields))


def _unbuffered(stream: TextIO) -> TextIO:
    """The same file without a buffer.

    What a full disk refuses would stay in the buffer, and be refused again by every fork, which
    flushes the standard streams first: no node could be started anew.
    """
    with suppress(OSError):
        stream.flush()
    raw = io.FileIO(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors, write_through=True)


def _welcome(console: Console, plan: Plan, supervisor: Supervisor, folder: Folder) -> None:
    application = plan.application
    services = ", ".join(
        f"{name} ({count})" if (count := plan.workers.get(name, plan.default_workers)) > 1 else name
        for name in application.program.services
    )
    console.print(f"[bold green]{application.name}[/] is up at [bold]{supervisor.url}[/]")
    console.print(f"  services  {services}", highlight=False)
    console.print(
        f"  data      {folder.path} ({plan.store.kind}, {plan.store.durability})", highlight=False
    )
    if plan.protocol.name != OURS:
        console.print(f"  protocol  {plan.protocol.name}", highlight=False)
    console.print(f"  process   {os.getpid()}; Ctrl-C stops it, and `up` goes on from here")
    example = _example(application, supervisor.url)
    if example:
        console.print(f"  try       {example}", highlight=False, markup=False)


def _example(application: Application, url: str) -> str:
    """A curl line that calls a public method: one whose arguments are known, if there is any."""
    operations = find_operations(application)
    workload = application.workload

    def curl(name: str, data: str) -> str:
        method = application.program.method(*name.split("."))
        token = " -H 'Authorization: Bearer <token>'" if method is not None and method.allow else ""
        return f"curl {url}/{name} --json {shlex.quote(data)}{token}"

    names = list(dict.fromkeys([*(workload.mix if workload is not None else ()), *operations]))
    for name in names:
        with suppress(TypeError, ValueError):  # JSON does not have such arguments
            if workload is not None and name in workload.arguments:
                drawn = workload.draw(name, random.Random(0))
                return curl(name, msgspec.json.encode(drawn).decode())
            if name in operations and not _needed(operations[name]):
                return curl(name, "[]")
    if not operations:
        return ""
    name, operation = next(iter(operations.items()))
    return curl(name, _placeholders(operation))


def _needed(operation: Operation) -> list[Parameter]:
    return [each for each in operation.parameters if each.required]


def _placeholders(operation: Operation) -> str:
    """JSON with the name of each argument that is needed in its place."""
    needed = _needed(operation)
    only_by_name = any(each.kind is each.kind.KEYWORD_ONLY for each in needed)
    shown = {each.name: f"<{each.name}>" for each in needed}
    return msgspec.json.encode(shown if only_by_name else list(shown.values())).decode()
