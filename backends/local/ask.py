"""What a person asks of an application on this machine: a call, its state, more room."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backends.local.folder import Folder, Running
from backends.local.shrink import shrink
from backends.local.store import LocalStore
from backends.local.up import DATA
from backends.runtime.host import Host
from backends.runtime.http import Broken, Client, Unreachable
from backends.runtime.settings import Settings
from backends.runtime.upkeep import forget
from backends.runtime.wire import Answer
from core.codec import Codec
from core.errors import Conflict, MuError, TooOld, Unknown
from core.ids import root_id
from core.layout import DATA as APPLICATION
from core.layout import INTENTS, JOURNAL, SET_ASIDE, WATERMARK
from core.messages import Request
from core.program import Program
from core.store import KeyRange

__all__ = ["collect_garbage", "find", "invoke", "status"]

_UNKNOWN = 3
_PAGE = 1_000


def find(data: Path | None) -> Folder:
    """The data folder that is meant.

    :raises MuError: there is none, or more than one.
    """
    if data is not None:
        if not ((data / "store.db").exists() or (data / "up.lock").exists()):
            raise MuError(f"{data}: holds no application's data; give the folder of an `up`")
        return Folder(data, create=False)
    found = sorted(path for path in DATA.glob("*") if _has_data(path))
    if len(found) > 1:
        running = [path for path in found if Folder(path, create=False).running()]
        found = running if len(running) == 1 else found
    if len(found) == 1:
        return Folder(found[0], create=False)
    if not found:
        raise MuError(
            "there is no application's data below .mu2sls here: start one with "
            "`python -m backends.local up APP`, or say where they are with --data"
        )
    names = ", ".join(str(path) for path in found)
    raise MuError(f"several applications have data here: give one of {names} with --data")


def _has_data(path: Path) -> bool:
    """Whether an application's data are in a folder, or in a cluster while its nodes run here."""
    return (path / "store.db").exists() or Folder(path, create=False).running() is not None


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
    body = msgspec.json.encode(_arguments(words))
    return asyncio.run(_invoke(running, target, body, key))


def _arguments(words: list[str]) -> list[Any] | dict[str, Any]:
    named: dict[str, Any] = {}
    positional: list[Any] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            named[name] = _value(value)
        else:
            positional.append(_value(word))
    if named and positional:
        raise MuError("give the arguments all by name (name=value), or all by position")
    return named or positional


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return word


async def _invoke(running: Running, target: str, body: bytes, key: str) -> int:
    key = key or str(UUID(bytes=root_id(time.time_ns() // 1_000_000, random.SystemRandom())))
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    url, settings = f"{running.url}/{target}", Settings()
    until = time.monotonic() + 2 * settings.request_timeout
    pause = settings.backoff
    maybe = False  # whether a try before this one may have been taken
    client = Client()
    try:
        while True:
            try:
                status, found, answer = await client.request(
                    "POST", url, body, headers, settings.request_timeout + 5
                )
            except Unreachable as error:
                if not maybe:
                    raise MuError(f"{running.url} cannot be reached: {error}") from None
                status, problem, answer = 0, _lost(error, key), b""
            except Broken as error:  # the gateway died; the next one answers the same
                status, problem, answer = 0, _lost(error, key), b""
            else:
                problem = _problem(found, answer)
            if maybe and status == 503:  # turned away: said of this try, not of those before
                problem = {"idempotency_key": key, **problem, "outcome": "indefinite"}
            maybe |= problem.get("outcome") == "indefinite"
            if problem.get("outcome") != "indefinite" or time.monotonic() > until:
                break
            if status and "retry-after" not in found:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, settings.backoff_limit)
    finally:
        await client.close()
    return _show_answer(status, problem, answer)


def _lost(error: Broken | Unreachable, key: str) -> dict[str, Any]:
    """Our own word for a call whose answer never came."""
    detail = str(error)
    return {
        "title": "No answer",
        "detail": detail,
        "outcome": "indefinite",
        "idempotency_key": key,
    }


def _problem(headers: Any, answer: bytes) -> dict[str, Any]:
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    found: dict[str, Any] = json.loads(answer)
    return found


def _show_answer(status: int, problem: dict[str, Any], answer: bytes) -> int:
    if status == 200:
        Console(soft_wrap=True).print_json(answer.decode() or "null")
        return 0
    outcome, detail = problem.get("outcome", ""), problem.get("detail", answer.decode())
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    title = str(problem.get("title", f"status {status}"))
    errors.print(Text.assemble((f"{title}: ", "bold red"), str(detail)))
    if outcome == "indefinite":
        known = f"Nobody knows yet; ask again with --key {problem.get('idempotency_key')}"
        errors.print(known, markup=False)
        return _UNKNOWN
    return 1 if outcome == "raised" else 2


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
    if running is not None and running.store != "sqlite":
        console.print(f"store     {running.store}: `fdbcli --exec status` tells how it is")
    elif folder.store.exists():
        _show_store(console, folder)
    else:
        console.print("store     none here; what ran with --store fdb has its data in the cluster")
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
    aside = counts[SET_ASIDE]
    console.print(f"set aside {aside:,} requests", style="bold red" if aside else "")
    if watermark:
        began = int.from_bytes(watermark[:6], "big") / 1000
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began))
        console.print(f"forgotten what began before {text}")


async def _counts(folder: Folder) -> tuple[dict[KeyRange, int], bytes | None]:
    store = LocalStore(folder.store)
    try:
        counts = {}
        for section in (APPLICATION, JOURNAL, INTENTS, SET_ASIDE):
            counts[section] = await _count(store, section)
        values, _ = await store.read(await store.read_version(), (WATERMARK,))
        return counts, values[0]
    finally:
        await store.close()


async def _count(store: LocalStore, section: KeyRange) -> int:
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
    """Forget what is older, and give the room back to the file system; the exit status.

    While the application is up, the room is only used again: the file keeps its size.

    :raises MuError: there is no SQLite store, or it cannot be used.
    """
    folder = Folder(find(data).path)
    running = folder.running()
    if not folder.store.exists() or (running is not None and running.store != "sqlite"):
        raise MuError(
            f"{folder.path}: the data are not in SQLite here, which is what `gc` is for: in a "
            "cluster, `up` itself forgets what is older than its --retention"
        )
    alone = folder.try_claim()
    before = _size(folder)
    some = asyncio.run(_forget(folder, time.time_ns() - int(older_than * 1e9)))
    shrink(str(folder.store), alone)
    done = "forgot finished requests" if some else "nothing was old enough to be forgotten"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{done}; {before / 1e6:,.1f} MB before, {_size(folder) / 1e6:,.1f} MB now")
    if not alone:
        console.print(
            "the application is up: freed room is used again; stop it and run `gc` to give it back"
        )
    return 0


def _size(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.path.glob("store.db*"))


async def _forget(folder: Folder, before_ns: int) -> bool:
    async def nobody(request: Request) -> Answer:
        raise AssertionError(f"retention calls nobody: {request}")

    store = LocalStore(folder.store)
    host = Host(Program("", {}, Codec()), store, nobody, Settings())
    try:
        for _ in range(Settings().attempts):
            try:
                return await forget(host, before_ns)
            except (Conflict, TooOld, Unknown):  # requests that began meanwhile
                continue
        raise MuError(f"{folder.path}: too busy to forget anything: try again later")
    finally:
        await store.close()
