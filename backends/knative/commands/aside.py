"""The command ``resume``, and what ``status`` tells of requests set aside."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from rich.console import Console

from backends.knative.choices import ChoiceProblem, base_url, host_name, instance_name
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.secrets import read_wire_key
from backends.knative.commands.connection import connected, find_gateway
from backends.knative.names import wire_key_name
from backends.runtime.aside import (
    Desk,
    RemoteAsides,
    describe,
    shown_id,
    take_up,
    waiting,
)
from backends.runtime.http import Client
from backends.runtime.wire import Wire
from core.aside import Noted
from core.errors import MuError

__all__ = ["as_data", "resume", "set_aside", "show_aside"]

_T = TypeVar("_T")


def resume(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Take requests up again that were set aside.

    :raises MuError: bad input, or the gateway cannot be asked, or one of them was not set aside.
    """
    if bool(options.ids) == options.all:
        raise ChoiceProblem("give the ids of requests, as `status` lists them, or --all")
    instance = instance_name(options.application, options.name)
    with connected(options, errors) as objects:
        taken = _ask(options, objects, instance, lambda desk: take_up(desk, options.ids))
    for root, note in taken:
        origin = note.origin
        console.print(f"resumed {shown_id(root)}  {origin.service}.{origin.method}", markup=False)
    if not taken:
        console.print("nothing is set aside")
    return 0


def set_aside(
    options: argparse.Namespace, objects: Objects, instance: str, errors: Console
) -> list[Noted]:
    """What is set aside; where it cannot be asked for, that is told, and nothing is listed."""
    try:
        return waiting(_ask(options, objects, instance, lambda desk: desk.notes()))
    except MuError as error:
        errors.print(f"what is set aside is not known: {error}", markup=False, style="dim")
        return []


def as_data(noted: Noted) -> dict[str, str | float]:
    """What is told of a request set aside, for programs; ``since`` in Unix seconds."""
    note = noted.note
    return {
        "id": shown_id(noted.root),
        "method": f"{note.origin.service}.{note.origin.method}",
        "since": note.since / 1e9,
        "cause": note.cause,
        "reason": note.reason,
    }


def show_aside(console: Console, found: list[Noted]) -> None:
    """Print what is set aside, if anything is."""
    if found:
        number = f"{len(found):,} request" + ("" if len(found) == 1 else "s")
        text = f"set aside {number}, which `resume` takes up again once the code is mended"
        console.print(text, style="bold red")
    for noted in found:
        for line in describe(noted):
            console.print(f"  {line}", markup=False, soft_wrap=True)


def _ask(
    options: argparse.Namespace,
    objects: Objects,
    instance: str,
    question: Callable[[Desk], Coroutine[None, None, _T]],
) -> _T:
    """The answer of the deployment's gateway."""
    host = host_name(options.host)
    url = base_url(options.url) if options.url else find_gateway(objects, instance)
    key = read_wire_key(objects, wire_key_name(instance))

    async def ask() -> _T:
        client = Client(host=host)
        try:
            return await question(RemoteAsides(client, url, Wire(key)))
        finally:
            await client.close()

    return asyncio.run(ask())
