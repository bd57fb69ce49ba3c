"""Requests on this machine: those that are not done yet, and one by its key."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from backends.local.aside import visited
from backends.local.finding import find
from backends.local.folder import Folder
from backends.runtime.aside import shown_id
from backends.runtime.host import Host
from backends.runtime.public.keys import Keys
from backends.runtime.public.problems import Refusal
from backends.runtime.settings import Settings
from core.errors import MuError
from core.promises import STATES, Standing, look, unfinished
from core.store import KeyRange

__all__ = ["Sought", "list_requests", "show_request"]


class Sought(NamedTuple):
    """Which requests are meant.

    :ivar state: one of STATES; None: any. ``method``: the root's; empty: any.
    """

    state: str | None
    method: str
    limit: int


def list_requests(data: Path | None, sought: Sought) -> int:
    """Print requests that are not done yet; the exit status.

    :raises MuError: there is no store, or it cannot be asked.
    """
    found = asyncio.run(_found(find(data), sought))
    console = Console(highlight=False)
    for standing in found[: sought.limit]:
        for line in _described(standing):
            console.print(line, markup=False, soft_wrap=True)
    if not found:
        console.print("no such request is under way")
    if len(found) > sought.limit:
        console.print(f"and more than these {sought.limit}: --limit N lists N")
    return 0


async def _found(folder: Folder, sought: Sought) -> list[Standing]:
    """One more than is wanted, if there are so many."""
    found: list[Standing] = []
    async with visited(folder) as store:
        host = Host.of_store(store, Settings())
        for state in STATES if sought.state is None else (sought.state,):
            part: KeyRange | None = STATES[state]
            while part is not None and len(found) <= sought.limit:
                page, part = await host.maintain(unfinished(state, part))
                found += [each for each in page if sought.method in ("", _method(each))]
    return found


def show_request(data: Path | None, key: str) -> int:
    """Print what a request is doing; the exit status.

    :raises MuError: there is none, or nobody can say.
    """
    standing = asyncio.run(_look(find(data), key))
    if standing is None:
        raise MuError(
            f"no request is known by {key!r}: it was never asked for, or is forgotten, or it was "
            "answered at once; ask for its method, with the same key"
        )
    console = Console(highlight=False)
    for line in _described(standing):
        console.print(line, markup=False, soft_wrap=True)
    return 0


async def _look(folder: Folder, key: str) -> Standing | None:
    async with visited(folder) as store:
        keys = Keys(store, Settings())
        try:
            root = await keys.known(keys.read(key, time.time_ns()))
        except Refusal as refusal:
            raise MuError(refusal.detail) from None
        if root is None:
            return None
        found: Standing | None = await Host.of_store(store, Settings()).maintain(look(root))
        return found


def _method(standing: Standing) -> str:
    return f"{standing.origin.service}.{standing.origin.method}"


def _described(standing: Standing) -> list[str]:
    """What a person wants to know of a request, in a line or two."""
    head = f"{shown_id(standing.root)}  {_method(standing)}  {standing.state}"
    if standing.until:
        head += f" until {_moment(standing.until)}"
    if standing.since:
        return [f"{head} since {_moment(standing.since)}", f"    {standing.why}"]
    return [head]


def _moment(time_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ns / 1e9))
