"""Requests on this machine: those not done yet, and one by its key; cancelled, or resumed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
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
from backends.runtime.store import AsyncStore
from core.aside import resume
from core.cancelling import cancel
from core.errors import Conflict, MuError, TooOld, Unknown
from core.promises import DONE, STATES, Standing, look, unfinished
from core.store import KeyRange

__all__ = ["Sought", "requests"]

_DEEDS = {"cancel": "cancelled", "resume": "resumed"}
"""What can be done to requests, and how it is told."""


_TRIES = 8
_ALL = 1 << 40

_MOST_SHOWN = 3
"""So much of what a request waits for is shown."""


class Sought(NamedTuple):
    """Which requests are meant.

    :ivar state: one of STATES; None: any. ``method``: the root's; empty: any.
    """

    state: str | None
    method: str
    limit: int


def requests(data: Path | None, words: Sequence[str], sought: Sought) -> int:
    """List requests, or show, cancel or resume some, as the words say; the exit status.

    :raises MuError: there are none that are meant, or it cannot be done.
    """
    match words:
        case []:
            return _list(data, sought)
        case ["show", key]:
            return _show(data, key)
        case [deed, *keys] if deed in _DEEDS and len(keys) < 2:
            return _change(data, deed, keys, sought)
    raise MuError(
        "give `requests` alone, `requests show KEY`, or `requests cancel KEY`, or resume, or these "
        "two with --method Service.method, --state or both instead of KEY"
    )


def _list(data: Path | None, sought: Sought) -> int:
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
    async with visited(folder) as store:
        return await _seek(Host.of_store(store, Settings()), sought)


async def _seek(host: Host, sought: Sought) -> list[Standing]:
    found: list[Standing] = []
    for state in STATES if sought.state is None else (sought.state,):
        part: KeyRange | None = STATES[state]
        while part is not None and len(found) <= sought.limit:
            page, part = await host.maintain(unfinished(state, part))
            found += [each for each in page if sought.method in ("", _method(each))]
    return found


def _change(data: Path | None, deed: str, keys: Sequence[str], sought: Sought) -> int:
    """Cancel requests, or take them up again; the exit status.

    :param deed: one of _DEEDS.
    :param keys: of the one that is meant; none: all that are sought.
    :raises MuError: none is meant, or it cannot be, or nobody can say.
    """
    filtered = bool(sought.state or sought.method)
    if bool(keys) == filtered:
        raise MuError(f"requests {deed}: give the KEY of one, or --method or --state of many")
    if deed == "resume" and sought.state not in (None, "set-aside"):
        raise MuError(f"requests resume: what is {sought.state} was not set aside")
    folder = find(data)
    console = Console(highlight=False, soft_wrap=True)
    count = 0
    for standing in asyncio.run(_changed_all(folder, deed, keys, sought)):
        console.print(
            f"{_DEEDS[deed]} {shown_id(standing.root)}  {_method(standing)}", markup=False
        )
        count += 1
    if not count:
        console.print("no such request is under way")
    elif folder.running() is None:
        console.print("it takes effect once the application is up")
    return 0


async def _changed_all(
    folder: Folder, deed: str, keys: Sequence[str], sought: Sought
) -> list[Standing]:
    async with visited(folder) as store:
        host = Host.of_store(store, Settings())
        if keys:
            standing = await _look_in(store, keys[0])
            if standing is None:
                raise MuError(_unknown(keys[0]))
            meant = [standing]
            if deed == "cancel" and standing.state == DONE:
                raise MuError(f"the request {keys[0]!r} is done: it cannot be cancelled any more")
            if deed == "resume" and standing.state != "set-aside":
                raise MuError(f"the request {keys[0]!r} is {standing.state}, and not set aside")
        else:
            state = "set-aside" if deed == "resume" else sought.state
            meant = await _seek(host, Sought(state, sought.method, _ALL))
        return [each for each in meant if await _changed(host, deed, each.root)]


async def _changed(host: Host, deed: str, root: bytes) -> bool:
    """Whether it was there to be changed."""
    last: MuError | None = None
    for _ in range(_TRIES):
        try:
            if deed == "cancel":
                found = await host.maintain(cancel(root))
                return found is not None and found.state != DONE
            return bool(await host.maintain(resume(root, time.time_ns())))
        except (Conflict, TooOld) as error:
            last = error
        except Unknown as error:  # perhaps it is done: to do it again does no harm
            last = error
    raise last or AssertionError("it is tried at least once")


def _show(data: Path | None, key: str) -> int:
    """Print what a request is doing; the exit status.

    :raises MuError: there is none, or nobody can say.
    """
    standing = asyncio.run(_look(find(data), key))
    if standing is None:
        raise MuError(_unknown(key))
    console = Console(highlight=False)
    for line in _described(standing):
        console.print(line, markup=False, soft_wrap=True)
    return 0


def _unknown(key: str) -> str:
    return (
        f"no request is known by {key!r}: it was never asked for, or is forgotten, or it was "
        "answered at once; ask for its method, with the same key"
    )


async def _look(folder: Folder, key: str) -> Standing | None:
    async with visited(folder) as store:
        return await _look_in(store, key)


async def _look_in(store: AsyncStore, key: str) -> Standing | None:
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
    if standing.until and not standing.lines:
        head += f" until {_moment(standing.until)}"
    if standing.waits:
        head += f", waits for {', '.join(standing.waits[:_MOST_SHOWN])}"
    if standing.since:
        return [f"{head} since {_moment(standing.since)}", f"    {standing.why}"]
    return [head, *(f"    in line, {each}" for each in standing.lines)]


def _moment(time_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ns / 1e9))
