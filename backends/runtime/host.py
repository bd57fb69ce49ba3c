"""The host of attempts in asyncio: performs what they ask for, and decides nothing.

An :class:`Execution` drives one generator of host effects (:mod:`core.ports`). Answers of
the store and of other nodes are sent into it, store errors thrown into it; what it returns is
the result. Calls run as tasks of their own, so an attempt can have several under way.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any

from backends.runtime.deaths import Deaths
from backends.runtime.logs import tell
from backends.runtime.outside import answered, tried_for_real
from backends.runtime.reminder import Reminder
from backends.runtime.settings import Settings
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answer
from core.alarms import is_long
from core.codec import Codec
from core.driving import drive_async, resume
from core.errors import MuError, StoreError, StoreUnavailable
from core.joins import Joins, keeps
from core.messages import Failed, Outcome, Raised, Reply, Request
from core.outside import Outside, Told
from core.poison import forgive, judged
from core.ports import (
    Ask,
    Commit,
    Due,
    Effect,
    Hear,
    Now,
    Pause,
    Read,
    ReadVersion,
    Receive,
    Release,
    Send,
    Steps,
)
from core.program import Program
from core.protocol import Protocol
from core.turns import Turns

__all__ = ["Execution", "Host"]

_log = logging.getLogger(__name__)

_BASE, _CAP = 0.002, 0.25
"""Back-off after a conflict: the first, and the longest, in seconds."""
_NEVER = 1 << 63
"""The deadline, in Unix ns, of who has none."""
_BATCH = 0.05
"""Completed intents are cleared together this often, in seconds."""


class _GaveUp(Exception):
    """Nobody waits for the attempt any more."""


class Host:
    """Executes requests of one program.

    :param call: sends a request to its service, and whether once and no more; see
        :class:`backends.runtime.caller.Caller`.
    :param protocol: what decides, if not ours.
    :ivar deaths: what took the processes before this one down, where that is remembered.
    """

    def __init__(
        self,
        program: Program,
        store: AsyncStore,
        call: Callable[[Request, bool], Awaitable[Answer]],
        settings: Settings,
        protocol: Protocol | None = None,
    ) -> None:
        self.program = program
        self.store = store
        self.call = call
        self.settings = settings
        self.turns = Turns()
        self.deaths: Deaths | None = None
        self.protocol = protocol or Protocol.ours()
        self._joins: Joins[_Attempt] = Joins()
        self._name = f"{os.getpid():x}.{time.monotonic_ns():x}"
        self._numbers = itertools.count()
        self._completed: list[bytes] = []
        self._asleep: dict[bytes, Failed] = {}
        self._clearing: asyncio.Task[None] | None = None
        self._messages: set[asyncio.Task[None]] = set()
        self._store_trouble = Reminder()
        self._unfamiliar = Reminder()

    @classmethod
    def of_store(cls, store: AsyncStore, settings: Settings) -> Host:
        """A host for what needs the store alone: it has no program and calls nobody."""
        return cls(Program("", {}, Codec()), store, _calls_nobody, settings)

    def execution(self, request: Request | None) -> Execution:
        """What drives one generator for ``request``; None: maintenance."""
        return Execution(self, request)

    async def execute(self, request: Request) -> Answer:
        """The answer of an attempt at a request: of one that is under way, or of a new one.

        Not if its caller has stopped waiting. A node that comes back from a pause finds a line
        of such requests; to work them off first would make those wait who have asked since.
        """
        if 0 < request.deadline < time.time_ns():
            return Answer(_interrupted(request, "it arrived after its deadline"))
        joined = self._joins.find(request)
        if joined is not None:
            return await joined.join(request)
        begun = _Attempt(self.execution(request))
        self._joins.add(request, begun)
        since = time.monotonic()
        answer = Answer(_interrupted(request, "the attempt was broken off"))
        try:
            answer = await self._attempt(request, begun.execution)
        finally:
            begun.end(answer)
            kept = keeps(answer.reply, time.monotonic() - since, self.settings.try_timeout)
            if kept:
                asyncio.get_running_loop().call_later(kept, self._joins.remove, request, begun)
            else:
                self._joins.remove(request, begun)
        return answer

    async def _attempt(self, request: Request, execution: Execution) -> Answer:
        steps = self._steps(request)
        try:
            reply: Reply = await execution.run(steps)
        except _GaveUp:
            reply = _interrupted(request, "nobody waits for the answer any more")
        except MuError as error:  # of the store's own kinds, which end an attempt
            reply = _interrupted(request, str(error))
        except Exception as error:
            _log.exception("%s.%s of request %s", request.service, request.method, request.id)
            if isinstance(error, MemoryError) and self.deaths is not None:
                self.deaths.ran_out_of_memory(request, error)
                await self._settle(self.deaths.settle(self.maintain))
            reply = _interrupted(request, f"{type(error).__name__}: {error}")
        if isinstance(reply.outcome, Raised) and reply.outcome.trace and request.id.is_root:
            tell(_log, request, reply.outcome)
        outcome = reply.outcome
        if (
            isinstance(outcome, Failed)
            and outcome.kind == "Unfamiliar"
            and self._unfamiliar.is_due()
        ):
            _log.warning("request %s has to wait: %s", request.id, outcome.text)
        unfinished = reply.intent_recorded and not reply.intent_cleared
        if reply.id.is_root and unfinished and not isinstance(reply.outcome, Failed):
            self._complete(reply.id.root)
        if reply.id.is_root and isinstance(outcome, Failed) and outcome.until:
            self._sleeps(reply.id.root, outcome)
        deaths = self._suspecting(request)
        if deaths is not None and not isinstance(outcome, Failed):
            await self._settle(self._forgive(request, deaths))
        return Answer(reply, execution.notes(reply))

    def _steps(self, request: Request) -> Generator[Effect, Any, Reply]:
        """An attempt at a request, unless it takes every process down that makes one."""
        name, deaths = self.unique_name(), self._suspecting(request)
        if deaths is None:
            return self.protocol.attempt(self.program, request, name)
        again = partial(self.protocol.attempt, self.program, request, name)
        return judged(request, self.unique_name(), deaths.reason, again)

    def _suspecting(self, request: Request) -> Deaths | None:
        """What processes died of, if it is this request, as far as this process knows.

        A verdict on it is a record in the journal and a note beside it: who has neither, such as
        the paper's protocol, has no requests that are refused.
        """
        deaths = self.deaths if self.protocol.regions else None
        if deaths is not None and deaths.suspects and request.id in deaths.suspects:
            return deaths
        return None

    async def _forgive(self, request: Request, deaths: Deaths) -> None:
        """Suspect a request no more, once the store has heard so."""
        await self.maintain(forgive(request.id))
        deaths.suspects.discard(request.id)

    async def _settle(self, work: Awaitable[Any]) -> None:
        """Something that the store is told; if it does not hear, another time will do."""
        with suppress(MuError):
            await work

    async def maintain(self, steps: Steps) -> Any:
        """Drive maintenance (:mod:`core.recovery`, :mod:`core.retention`) to its result.

        :raises MuError: the store did not play along.
        """
        return await self.execution(None).run(steps)

    def unique_name(self) -> str:
        """A name that no other attempt anywhere has."""
        return f"{self._name}.{next(self._numbers):x}"

    async def drain(self) -> None:
        """Finish what is to be done off the critical path."""
        if self._messages:
            await asyncio.wait(self._messages, timeout=self.settings.grace)
        if self._clearing is not None:
            await self._clearing

    def post(self, call: Coroutine[Any, Any, Answer]) -> None:
        """Make a call for whose answer nobody waits; it outlives whoever makes it."""
        posting = asyncio.create_task(_posted(call))
        self._messages.add(posting)
        posting.add_done_callback(self._messages.discard)

    def note(self, error: StoreError) -> None:
        """Log that the store does not answer: attempts are patient, and nobody else would say."""
        if isinstance(error, StoreUnavailable) and self._store_trouble.is_due():
            _log.warning("%s", error)

    # --- completed intents, and those of what sleeps

    def _complete(self, root: bytes) -> None:
        self._completed.append(root)
        self._clear_soon()

    def _sleeps(self, root: bytes, told: Failed) -> None:
        """A tree sleeps; nobody needs to look at it before it wakes, unless that is soon."""
        if is_long(told, time.time_ns() + int(self.settings.stale * 1e9)):
            self._asleep[root] = told
            self._clear_soon()

    def _clear_soon(self) -> None:
        if self._clearing is None:
            self._clearing = asyncio.create_task(self._clear())

    async def _clear(self) -> None:
        """Clear the intents of trees that were answered, in batches, and lay others to rest."""
        while self._completed or self._asleep:
            await asyncio.sleep(_BATCH)
            roots, self._completed = self._completed, []
            asleep, self._asleep = self._asleep, {}
            if roots:
                await self._tidy(
                    self.protocol.clear_intents(roots), f"{len(roots)} completed requests"
                )
            if asleep:
                await self._tidy(self.protocol.rest(asleep), f"{len(asleep)} sleeping requests")
        self._clearing = None

    async def _tidy(self, steps: Steps, whose: str) -> None:
        try:
            await self.maintain(steps)
        except MuError as error:  # recovery will come by
            _log.info("intents of %s were not cleared: %s", whose, error)
        except Exception:  # a defect, but one that must not hold up those that come after
            _log.exception("intents of %s were not cleared", whose)


async def _posted(call: Coroutine[Any, Any, Answer]) -> None:
    try:
        await call
    except Exception:  # a defect, of which nobody else would hear
        _log.exception("a message was not sent")


async def _calls_nobody(request: Request, once: bool) -> Answer:  # noqa: ARG001
    raise AssertionError(f"what needs the store alone calls {request.service}.{request.method}")


def _interrupted(request: Request, text: str) -> Reply:
    return Reply(request.id, Failed("Interrupted", False, text))


class _Attempt:
    """An attempt with all who wait for its answer."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    async def join(self, request: Request) -> Answer:
        """Wait along with whoever began it, and let it go on for as long as ``request`` may."""
        execution = self.execution
        if execution.deadline:
            execution.deadline = max(execution.deadline, request.deadline or _NEVER)
        return await asyncio.shield(self._answer)

    def end(self, answer: Answer) -> None:
        """It has ended, one way or the other."""
        self._answer.set_result(answer)


class Execution:
    """One generator of host effects, with everything it holds."""

    __slots__ = ("_calls", "_errands", "_has_turn", "deadline", "host", "request")

    def __init__(self, host: Host, request: Request | None) -> None:
        self.host = host
        self.request = request
        self.deadline = request.deadline if request is not None else 0
        self._calls: list[asyncio.Task[Answer]] = []
        self._errands: list[asyncio.Task[Outcome]] = []
        self._has_turn = False

    async def run(self, steps: Steps) -> Any:
        """Perform effects until the generator returns; what it returns."""
        try:
            deaths, request = self.host.deaths, self.request
            step = resume if deaths is None or request is None else deaths.step(request)
            return await drive_async(steps, self._perform, step)
        finally:
            steps.close()
            self._end()

    async def _perform(self, effect: Effect) -> Any:
        try:
            return await _HANDLERS[type(effect)](self, effect)
        except StoreError as error:
            self.host.note(error)
            raise

    def notes(self, reply: Reply) -> list[bytes]:  # noqa: ARG002 - those who watch look at it
        """What goes along with the reply for those who watch: nothing."""
        return []

    def _end(self) -> None:
        for call in (*self._calls, *self._errands):
            call.cancel()
        if self._has_turn:
            self.host.turns.release(self)

    # --- the store

    async def _read_version(self, _: ReadVersion) -> int:
        return await self.host.store.read_version()

    async def _read(self, effect: Read) -> Any:
        return await self.host.store.read(effect.version, effect.keys, effect.ranges)

    async def _commit(self, effect: Commit) -> int:
        return await self.host.store.commit(effect.version, effect.reads, effect.mutations)

    # --- calls

    async def _send(self, effect: Send) -> int | None:
        call = self._call(effect.request, effect.once)
        if not effect.awaited:
            self.host.post(call)
            return None
        self._calls.append(asyncio.ensure_future(call))
        return len(self._calls) - 1

    async def _call(self, request: Request, once: bool) -> Answer:
        return await self.host.call(request, once)

    async def _receive(self, effect: Receive) -> list[Reply]:
        calls = [self._calls[ticket] for ticket in effect.tickets]
        return [(await call).reply for call in calls]

    # --- the outside

    async def _ask(self, effect: Ask) -> int:
        self._errands.append(asyncio.ensure_future(self._answer(effect)))
        return len(self._errands) - 1

    async def _hear(self, effect: Hear) -> list[Outcome]:
        return [await self._errands[ticket] for ticket in effect.tickets]

    async def _answer(self, effect: Ask) -> Outcome:
        return await answered(self.host.program.outside[effect.function], effect, self._try)

    async def _try(self, function: Outside, effect: Ask, tried: int) -> Told:
        return await tried_for_real(function, self.host.program.codec, effect, tried)

    # --- time

    async def _now(self, effect: Now) -> int:  # noqa: ARG002 - every effect is handed over
        return time.time_ns()

    async def _due(self, effect: Due) -> bool:
        return time.time_ns() >= effect.time

    async def _pause(self, effect: Pause) -> None:
        """Back off; with keys, wait in line for them instead."""
        if not effect.owed and 0 < self.deadline < time.time_ns():
            raise _GaveUp
        if not effect.retry:
            await asyncio.sleep(0)  # others have their turn
            return
        delay = min(_BASE * 2.0 ** min(effect.retry - 1, 10), _CAP) * random.uniform(0.5, 1.0)
        turns = self.host.turns
        if not effect.keys:
            await asyncio.sleep(delay)
        elif turns.holds(self, effect.keys):
            await asyncio.sleep(min(delay, 2 * _BASE))
        else:
            self._has_turn = True
            come = asyncio.Event()
            if not turns.take(self, effect.keys, come.set):
                with suppress(TimeoutError):  # turns are advice: who waited too long goes on
                    await asyncio.wait_for(come.wait(), _CAP * random.uniform(2.0, 4.0))
            await asyncio.sleep(_BASE * 0.25 * random.random())

    async def _release(self, _: Release) -> None:
        self.host.turns.release(self)


_HANDLERS: dict[type, Callable[[Any, Any], Awaitable[Any]]] = {
    ReadVersion: lambda execution, effect: execution._read_version(effect),
    Read: lambda execution, effect: execution._read(effect),
    Commit: lambda execution, effect: execution._commit(effect),
    Send: lambda execution, effect: execution._send(effect),
    Receive: lambda execution, effect: execution._receive(effect),
    Ask: lambda execution, effect: execution._ask(effect),
    Hear: lambda execution, effect: execution._hear(effect),
    Now: lambda execution, effect: execution._now(effect),
    Due: lambda execution, effect: execution._due(effect),
    Pause: lambda execution, effect: execution._pause(effect),
    Release: lambda execution, effect: execution._release(effect),
}
