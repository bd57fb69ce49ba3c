"""What a person asks of an application on this machine: a call, its state, more room."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from backends.local.aside import show_aside, visited
from backends.local.finding import find
from backends.local.folder import Folder, Running
from backends.runtime.host import Host
from backends.runtime.invoke import Call, Result, bearer, make_body, new_key
from backends.runtime.invoke import invoke as call_gateway
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.tally import Tally
from backends.runtime.upkeep import forget
from backends.stores import Sqlite, StoreChoice
from core.errors import Conflict, MuError, TooOld, Unknown
from core.layout import DATA as APPLICATION
from core.layout import INTENTS, JOURNAL, RESTING, WATERMARK
from core.lines import Line, lines
from core.store import KeyRange

__all__ = ["collect_garbage", "invoke", "status"]

_UNKNOWN = 3
_PAGE = 1_000
_REACH = 1.0
"""Seconds to reach a gateway of this machine: the supervisor listens for it even while it dies."""


# --- invoke


def invoke(data: Path | None, target: str, words: list[str], key: str) -> int:
    """Call a public method through the gateway and print its answer; the exit status.

    A call whose outcome is not known is asked again, under the same key.

    :raises MuError: nothing runs, or the call is not one that can be made.
    """
    folder = find(data)
    running = folder.running()
    if running is None:
        raise MuError(
            f"{folder.path}: the application is not up: `python -m backends.local up` starts it"
        )
    service, dot, method = target.partition(".")
    if not (service and dot and method):
        raise MuError(f"'{target}' is not a method: give Service.method")
    try:
        body = make_body(words)
    except ValueError as error:
        raise MuError(str(error)) from None
    if not key.isascii() or not key.isprintable():
        raise MuError(f"--key {key[:40]!r}: must be printable ASCII characters")
    key = key or new_key()
    timeout = 2 * Settings().request_timeout
    call = Call(
        running.url, target, body, key, timeout=timeout, reach=_REACH, bearer=bearer(os.environ)
    )
    result = asyncio.run(call_gateway(call, lambda _: None))
    return _show_result(result, key)


def _show_result(result: Result, key: str) -> int:
    if result.outcome == "returned":
        Console(soft_wrap=True).print_json(data=result.content)
        return 0
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    errors.print(result.why, markup=False)
    if result.outcome == "indefinite":
        errors.print(f"Nobody knows yet; ask again with --key {key}", markup=False)
        return _UNKNOWN
    return 1 if result.outcome == "raised" else 2


# --- status


def status(data: Path | None) -> int:
    """Print what runs and what the store holds; the exit status, 1 if nothing runs."""
    folder = find(data)
    running = folder.running()
    console = Console(highlight=False)
    if running is None:
        console.print(f"{folder.path}: not up")
    else:
        _show_running(console, running)
    choice = folder.choice()
    if choice is None:
        console.print("store     none here")
    elif choice.kind != "sqlite":
        console.print(f"store     {choice}: `fdbcli --exec status` tells how it is")
        show_aside(console, folder)
    else:
        _show_store(console, folder)
    return 0 if running else 1


def _show_running(console: Console, running: Running) -> None:
    lasted = _lasted(time.time() - running.started)
    console.print(f"[bold green]{running.application}[/] is up at {running.url} for {lasted}")
    table = Table(box=None, pad_edge=False)
    for heading in ("node", "process", "up", "restarts", "memory"):
        table.add_column(heading, justify="left" if heading == "node" else "right")
    for node in running.nodes:
        table.add_row(
            node.name,
            str(node.pid),
            _lasted(time.time() - node.started),
            str(node.restarts),
            _memory(node.pid),
        )
    console.print(table)


def _lasted(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _memory(pid: int) -> str:
    """What a process holds for itself alone; nodes share what the supervisor compiled."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return "?"
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return f"{own / 1024:,.1f} MB"


def _show_store(console: Console, folder: Folder) -> None:
    counts, watermark = asyncio.run(_counts(folder))
    console.print(f"store     {folder.store}, {_size(folder) / 1e6:,.1f} MB", markup=False)
    console.print(f"data      {counts[APPLICATION]:,} keys")
    console.print(f"journal   {counts[JOURNAL]:,} records of finished and unfinished requests")
    console.print(f"open      {counts[INTENTS]:,} requests that recovery would complete")
    console.print(f"asleep    {counts[RESTING]:,} requests that are woken when it is time")
    for line in asyncio.run(_lines(folder)):
        console.print(
            f"in line   {line.waiting:,} requests for {line.name}, {len(line.inside):,} are in",
            markup=False,
        )
    show_aside(console, folder)
    if watermark:
        began = int.from_bytes(watermark[:6], "big") / 1000
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began))
        console.print(f"forgotten what began before {text}")


async def _counts(folder: Folder) -> tuple[dict[KeyRange, int], bytes | None]:
    store = Sqlite(str(folder.store)).open()
    try:
        counts = {}
        for section in (APPLICATION, JOURNAL, INTENTS, RESTING):
            counts[section] = await _count(store, section)
        values, _ = await store.read(await store.read_version(), (WATERMARK,))
        return counts, values[0]
    finally:
        await store.close()


async def _lines(folder: Folder) -> list[Line]:
    """The queues' lines in which anybody is or waits."""
    async with visited(folder) as store:
        found: list[Line] = await Host.of_store(store, Settings()).maintain(lines())
        return found


async def _count(store: AsyncStore, section: KeyRange) -> int:
    """How many keys a section has; page by page, each at a version of its own."""
    begin, found = section.begin, 0
    while True:
        version = await store.read_version()
        _, (pairs,) = await store.read(version, (), ((begin, section.end, _PAGE),))
        found += len(pairs)
        if len(pairs) < _PAGE:
            return found
        begin = pairs[-1][0] + b"\x00"


# --- gc


def collect_garbage(data: Path | None, older_than: float) -> int:
    """Forget what is older, and give a file's room back to the file system; the exit status.

    While the application is up, the room is only used again: the file keeps its size.

    :raises MuError: there is no store, or it cannot be used.
    """
    folder = Folder(find(data).path)
    choice = folder.choice()
    if choice is None:
        raise MuError(f"{folder.path}: holds no data: give the folder of an `up` with --data")
    alone = folder.try_claim()
    console = Console(highlight=False, soft_wrap=True)
    before, tally = _size(folder), Tally()
    asyncio.run(_forget(choice, time.time_ns() - int(older_than * 1e9), tally))
    _show_forgotten(console, tally)
    if isinstance(choice, Sqlite):
        choice.shrink(alone)
        _show_given_back(console, before, _size(folder), alone)
    return 0


def _show_forgotten(console: Console, tally: Tally) -> None:
    if tally.keys:
        requests, keys = _number(tally.requests, "finished request"), _number(tally.keys, "key")
        console.print(f"forgot {requests}: {keys} of the store")
    else:
        console.print("nothing was old enough to be forgotten")


def _show_given_back(console: Console, before: int, now: int, alone: bool) -> None:
    given = max(0, before - now)
    console.print(f"gave back {_shown(given)}: {_shown(before)} before, {_shown(now)} now")
    if not alone:
        console.print(
            "the application is up: freed room is used again; stop it and run `gc` to give it back"
        )


def _number(of: int, noun: str) -> str:
    return f"{of:,} {noun}" if of == 1 else f"{of:,} {noun}s"


def _shown(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"


def _size(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.path.glob("store.db*"))


async def _forget(choice: StoreChoice, before_ns: int, tally: Tally) -> None:
    store = await choice.calm().visit()
    host = Host.of_store(store, Settings())
    try:
        for _ in range(Settings().attempts):
            try:
                await forget(host, before_ns, tally)
                return
            except (Conflict, TooOld, Unknown):  # requests that began meanwhile
                continue
        raise MuError(f"{choice} is too busy to forget anything: try again later")
    finally:
        await store.close()
