"""Requests that take their process down with them, found by what it was computing when it died.

Around every step of user code a node marks in a file, mapped into memory, for which request it
computes. A mark that is still there when the next process of that name starts tells for whom its
predecessor died: by a crash, a signal, ``os._exit``, the kernel for want of memory, or the node's
own watchdog, which ends a process that computes for too long in one step. Running out of memory
within Python counts as well, though the process lives. A request that did so OFTEN times without
being answered in between is not executed any more, but set aside (:mod:`core.poison`).

Who is killed from outside may have computed for anybody; that happens to the same request again
and again only if it computes nearly all the time.

===============  ========================================================================
file             holds
===============  ========================================================================
``NAME.step``    the mark
``NAME.stood``   where each thread stood when the process crashed or the watchdog ended it
``NAME.deaths``  how often each request did it
===============  ========================================================================
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import mmap
import re
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.driving import resume
from core.ids import RequestId
from core.messages import Failed, Reply, Request
from core.ports import Effect, Steps
from core.program import Program

__all__ = ["OFTEN", "Deaths", "Step", "absolve", "forgive"]

OFTEN = 3
"""After so many deaths a request is not executed any more."""

Step = Callable[[Steps, Any], Effect]
"""Drives a generator by one step, as :func:`core.driving.resume`."""

_SIZE = 4_096
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
_LOOKS = 4
"""How often within its limit the watchdog hears that the process is not stuck."""

_log = logging.getLogger("mu2sls")


class _Death(msgspec.Struct):
    """What a request did: how often, what it called, and where the process stood, if known."""

    times: int
    method: str
    place: str = ""


_Deaths = dict[str, _Death]
_decode = msgspec.json.Decoder(_Deaths).decode
_encode = msgspec.msgpack.Encoder().encode
_decode_mark = msgspec.msgpack.Decoder(tuple[RequestId, str, str]).decode


class Deaths:
    """Of the processes of one name; made in each process right after its start.

    :param name: the node's, the same for the next process in its place.
    :param program: its sources' lines are told from others'.
    :param limit: seconds that one step may compute.
    :raises OSError: the files cannot be written.
    """

    def __init__(self, folder: Path, name: str, program: Program, limit: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._counts = folder / f"{name}.deaths"
        self._program = program
        services = program.services.values()
        self._files = {method.file for each in services for method in each.methods.values()}
        self._limit = limit
        self._found = _read(self._counts)
        self._memory = _mapped(folder / f"{name}.step")
        self._take_over(folder / f"{name}.stood")
        self._stood = open(folder / f"{name}.stood", "w")  # noqa: SIM115 - as long as the process
        faulthandler.enable(self._stood)

    def _take_over(self, stood: Path) -> None:
        """Count for whom the process before this one died."""
        told = ""
        with suppress(OSError):
            told = stood.read_text(errors="replace")
        if self._memory[0]:
            size = int.from_bytes(self._memory[1:3], "big")
            mark = self._memory[3 : 3 + size]
            self._memory[0] = 0
            with suppress(msgspec.MsgspecError):
                request, service, method = _decode_mark(mark)
                self._count(str(request), f"{service}.{method}", self._place(told))
                _log.error(
                    "the process before this one ended while it computed %s.%s", service, method
                )
        if told:
            _log.error("the process before this one stood at\n%s", told.strip())

    def _place(self, told: str) -> str:
        frames = [(file, line) for file, line in _FRAME.findall(told) if file in self._files]
        return ":".join(frames[0]) if frames else ""

    def _count(self, request: str, method: str, place: str = "") -> None:
        death = self._found.setdefault(request, _Death(0, method))
        death.times += 1
        death.place = place or death.place
        self._save()

    def _save(self) -> None:
        with suppress(OSError):  # a full disk: then it counts while this process lives
            _write(self._counts, self._found)

    # --- while the process lives

    def step(self, request: Request) -> Step:
        """What drives an attempt at ``request``, marked while it computes."""
        content = _encode((request.id, request.service, request.method))
        mark, memory = len(content).to_bytes(2, "big") + content, self._memory
        end = 1 + len(mark)
        if end > _SIZE:  # a very deep call: its callers are marked
            return resume

        def step(steps: Steps, answer: Any) -> Effect:
            memory[1:end] = mark
            memory[0] = 1
            try:
                return resume(steps, answer)
            finally:
                memory[0] = 0

        return step

    async def watch(self) -> None:
        """End the process when its event loop stands still for longer than the limit."""
        try:
            while True:
                faulthandler.dump_traceback_later(self._limit, exit=True, file=self._stood)
                await asyncio.sleep(self._limit / _LOOKS)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def ran_out_of_memory(self, request: Request, error: MemoryError) -> None:
        """Count an attempt that did not take its process down, but might have."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [f"{each.filename}:{each.lineno}" for each in frames if each.filename in self._files]
        place = own[-1] if own else ""
        self._count(str(request.id), f"{request.service}.{request.method}", place)

    def ended(self, request: Request, reply: Reply) -> None:
        """Forgive a request that was answered."""
        if not self._found or isinstance(reply.outcome, Failed):
            return
        if self._found.pop(str(request.id), None) is not None:
            self._save()

    def reason(self, request: Request) -> str:
        """Why a request is not to be executed, with the place; empty if it is."""
        death = self._found.get(str(request.id)) if self._found else None
        if death is None or death.times < OFTEN:
            return ""
        self._found = _read(self._counts)  # somebody may have forgiven it
        if str(request.id) not in self._found:
            return ""
        method = self._program.method(request.service, request.method)
        place = death.place or (f"{method.file}:{method.line}" if method is not None else "?")
        return (
            f"{place}: {death.method} took its process down {death.times} times: it "
            f"ended it, ran out of memory, or computed for more than {self._limit:g} s in one step"
        )


def forgive(folder: Path, root: bytes) -> None:
    """Forget what a request's tree did, in all files of a folder.

    :raises OSError: they cannot be written.
    """
    for path in folder.glob("*.deaths"):
        found = _read(path)
        kept = {key: each for key, each in found.items() if not key.startswith(root.hex())}
        if kept != found:
            _write(path, kept)


def absolve(folder: Path, name: str) -> None:
    """Say that a process which is about to be killed, and stands still, does not die of itself.

    :raises OSError: it has no mark.
    """
    with open(folder / f"{name}.step", "r+b") as file:
        file.write(b"\x00")


def _read(path: Path) -> _Deaths:
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return {}


def _write(path: Path, found: _Deaths) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(found))
    part.replace(path)


def _mapped(path: Path) -> mmap.mmap:
    """The file of the mark, all of it there, so that a full disk cannot strike later."""
    with open(path, "a+b") as file:
        if file.tell() < _SIZE:
            file.write(b"\x00" * (_SIZE - file.tell()))
            file.flush()
        return mmap.mmap(file.fileno(), _SIZE)
