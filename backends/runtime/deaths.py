"""Requests that take their process down with them, found by what it was computing when it died.

Around every step of user code a node marks in a file, mapped into memory, for which request it
computes. A mark that is still there when the next process of that name starts tells for whom its
predecessor died: by a crash, a signal, ``os._exit``, the kernel for want of memory, or the node's
own watchdog, which ends a process that computes for too long in one step. Running out of memory
within Python counts as well, though the process lives. The store is told, which counts for all
processes of the application; a request that did so too often is not executed any more, but set
aside (:mod:`core.poison`). An answer makes up for that, if who gives it has heard of the deaths: as
it started, or because it counted them.

Who is killed from outside may have computed for anybody; that happens to the same request again
and again only if it computes nearly all the time.

===============  ========================================================================
file             holds
===============  ========================================================================
``NAME.step``    the mark
``NAME.stood``   where each thread stood when the process crashed or the watchdog ended it
``NAME.deaths``  what the store was not told yet
===============  ========================================================================
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import mmap
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.driving import resume
from core.errors import MuError
from core.ids import RequestId
from core.messages import Request
from core.poison import Died, settle
from core.ports import Effect, Steps
from core.program import Program

__all__ = ["Deaths", "Step", "absolve"]

Step = Callable[[Steps, Any], Effect]
"""Drives a generator by one step, as :func:`core.driving.resume`."""
Maintain = Callable[[Steps], Awaitable[Any]]
"""Drives maintenance of the store, as :meth:`backends.runtime.host.Host.maintain`."""

_SIZE = 4_096
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
_AGAIN = 0.5
"""Seconds until a store that did not play along is told again."""
_LOOKS = 4
"""How often within its limit the watchdog hears that the process is not stuck."""

_log = logging.getLogger("mu2sls")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Died]).decode
_decode_mark = msgspec.msgpack.Decoder(tuple[RequestId, str, str]).decode


class Deaths:
    """Of the processes of one name; made in each process right after its start.

    :param name: the node's, the same for the next process in its place.
    :param program: its sources' lines are told from others'.
    :param limit: seconds that one step may compute.
    :ivar suspects: requests that processes died of, as far as this one knows.
    :raises OSError: the files cannot be written.
    """

    def __init__(self, folder: Path, name: str, program: Program, limit: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._name = name
        self._file = folder / f"{name}.deaths"
        self._program = program
        services = program.services.values()
        self._sources = {method.file for each in services for method in each.methods.values()}
        self._limit = limit
        self._untold = _read(self._file)
        self._memory = _mapped(folder / f"{name}.step")
        self._take_over(folder / f"{name}.stood")
        self._stood = open(folder / f"{name}.stood", "w")  # noqa: SIM115 - as long as the process
        self.suspects = {each.request for each in self._untold.values()}
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
                self._count(Died(request, f"{service}.{method}", self._place(told)))
                _log.error(
                    "the process before this one ended while it computed %s.%s", service, method
                )
        if told:
            _log.error("the process before this one stood at\n%s", told.strip())

    def _place(self, told: str) -> str:
        frames = [(file, line) for file, line in _FRAME.findall(told) if file in self._sources]
        return ":".join(frames[0]) if frames else ""

    def _count(self, died: Died) -> None:
        self._untold[f"{self._name}.{time.time_ns():x}"] = died
        self._save()

    def _save(self) -> None:
        with suppress(OSError):  # a full disk: then it is known while this process lives
            _write(self._file, self._untold)

    async def settle(self, maintain: Maintain) -> None:
        """Tell the store whom this process and those before it died of, and learn of others.

        :raises MuError: the store did not play along; what it was not told is kept.
        """
        told = dict(self._untold)
        self.suspects |= await maintain(settle(told))
        if told:
            for name in told:  # another one may have told of it meanwhile
                self._untold.pop(name, None)
            self._save()

    async def settle_in_the_end(self, maintain: Maintain) -> None:
        """:meth:`settle`, tried until it is done."""
        while True:
            try:
                return await self.settle(maintain)
            except MuError as error:
                _log.warning("the store is not told what processes died of: %s", error)
                await asyncio.sleep(_AGAIN)

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
        own = [
            f"{each.filename}:{each.lineno}" for each in frames if each.filename in self._sources
        ]
        place = own[-1] if own else ""
        self._count(Died(request.id, f"{request.service}.{request.method}", place))
        self.suspects.add(request.id)

    def reason(self, died: Sequence[Died]) -> str:
        """Why a request is not executed any more, with the place."""
        last = died[-1]
        method = self._program.method(*last.method.split("."))
        known = [each.place for each in died if each.place]
        known += [f"{method.file}:{method.line}" if method is not None else "?"]
        return (
            f"{known[0]}: {last.method} took its process down {len(died)} times: it "
            f"ended it, ran out of memory, or computed for more than {self._limit:g} s in one step"
        )


def absolve(folder: Path, name: str) -> None:
    """Say that a process which is about to be killed, and stands still, does not die of itself.

    :raises OSError: it has no mark.
    """
    with open(folder / f"{name}.step", "r+b") as file:
        file.write(b"\x00")


def _read(path: Path) -> dict[str, Died]:
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return {}


def _write(path: Path, found: dict[str, Died]) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(_encode(found))
    part.replace(path)


def _mapped(path: Path) -> mmap.mmap:
    """The file of the mark, all of it there, so that a full disk cannot strike later."""
    with open(path, "a+b") as file:
        if file.tell() < _SIZE:
            file.write(b"\x00" * (_SIZE - file.tell()))
            file.flush()
        return mmap.mmap(file.fileno(), _SIZE)
