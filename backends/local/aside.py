"""Requests set aside on this machine: listed by ``status``, taken up again by ``resume``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from backends.local.finding import find
from backends.local.folder import Folder
from backends.runtime.aside import (
    Asides,
    Desk,
    NotSetAside,
    describe,
    shown_id,
    take_up,
    waiting,
)
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from core.aside import Noted
from core.errors import MuError

__all__ = ["resume", "show_aside", "visited"]


@asynccontextmanager
async def visited(folder: Folder) -> AsyncIterator[AsyncStore]:
    """The store of a folder, open.

    :raises MuError: there is none, or it cannot be opened.
    """
    choice = folder.choice()
    if choice is None:
        raise MuError(f"{folder.path}: holds no application's data; give the folder of an `up`")
    store = await choice.calm().visit()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _desk(folder: Folder) -> AsyncIterator[Desk]:
    """Where they wait.

    :raises MuError: there is no store, or it cannot be opened.
    """
    async with visited(folder) as store:
        yield Asides(store, Settings())


def show_aside(console: Console, folder: Folder) -> None:
    """Print what is set aside, or why nobody can say: the rest of what is asked can be told."""
    try:
        found = asyncio.run(_waiting(folder))
    except MuError as error:
        console.print(f"set aside cannot be asked: {error}", markup=False, soft_wrap=True)
        return
    console.print(
        f"set aside {_requests(len(found))}"
        + (", which `resume` takes up again once the code is mended" if found else ""),
        style="bold red" if found else "",
    )
    for noted in found:
        for line in describe(noted):
            console.print(f"  {line}", markup=False, soft_wrap=True)


def _requests(number: int) -> str:
    return f"{number:,} request" + ("" if number == 1 else "s")


async def _waiting(folder: Folder) -> list[Noted]:
    async with _desk(folder) as desk:
        return waiting(await desk.notes())


def resume(data: Path | None, ids: Sequence[str], everything: bool) -> int:
    """Take requests up again that were set aside; the exit status.

    :raises MuError: one of them was not, or nobody can say; then none is.
    """
    if bool(ids) == everything:
        raise NotSetAside("give the ids of requests, as `status` lists them, or --all")
    folder = find(data)
    taken = asyncio.run(_take_up(folder, ids))
    console = Console(highlight=False, soft_wrap=True)
    for root, note in taken:
        console.print(f"resumed {shown_id(root)}  {note.origin.service}.{note.origin.method}")
    if not taken:
        console.print("nothing is set aside")
    elif folder.running() is None:
        console.print("recovery completes them once the application is up")
    return 0


async def _take_up(folder: Folder, ids: Sequence[str]) -> list[Noted]:
    async with _desk(folder) as desk:
        return await take_up(desk, ids)
