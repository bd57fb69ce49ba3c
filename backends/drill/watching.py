"""Nodes that are watched: they record, pass crash points, and faults strike there.

A fault at a point of an execution

* **crash**: SIGKILL to the process, with everything else it was doing;
* **poison**: SIGKILL to every process that executes the request;
* **pause**: SIGSTOP to the process, which the runner ends with SIGCONT, if no other process
  is stopped; otherwise the execution alone stops.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from backends.drill.injection import Injection, Strike
from backends.drill.recording import Recorded, RecordingHost, Tried
from backends.drill.shared import REFUSALS, STORE
from backends.runtime.caller import Caller
from backends.runtime.host import Execution, Host
from backends.runtime.http import Broken, Client
from backends.runtime.node import Make, Node
from backends.runtime.wire import Answer, Wire
from core.errors import Conflict, FutureVersion, StoreError, StoreUnavailable, TooOld, Unknown
from core.messages import Outcome, Reply, Request
from core.outside import Outside, Told
from core.ports import Ask, Commit, Hear, Pause, Read, ReadVersion, Receive, Send, Steps
from core.program import Program
from experiment.scenario.model import OUTSIDE_ERRORS, PLATFORM, POINTS, STORE_ERRORS
from experiment.strikes import Armed, MethodFaults

__all__ = ["Message", "WatchedCaller", "Watching"]

_Attempt = Callable[[Program, Request, str], Steps]
_POINT = {name: number for number, name in enumerate(POINTS)}
_SILENCE = 0.5
"""Seconds after which a store that cannot be reached counts as silent."""
_LATE = 2.0
"""Seconds by which a late commit is late, at most."""
_PAUSE = 3.0
_SENT = 0.002
"""Seconds after which a reply counts as sent."""
_DELAY = {"delay": 1.0, "duplicate": 20.0}
"""The longest delays, in seconds, where a message fault gives no duration."""

_MAYBE = "the commit may or may not have happened, or may yet happen (injected)"


class Watching(Make):
    """Makes watched nodes.

    :param slot: the node's own part of the shared memory.
    """

    def __init__(self, injection: Injection, slot: int, service: str) -> None:
        self.injection = injection
        self.slot = slot
        self.service = service

    def caller(self, node: Node, client: Client, wire: Wire) -> Caller:
        """See :class:`backends.runtime.node.Make`."""
        return WatchedCaller(client, wire, node, self)

    def host(self, node: Node, caller: Caller) -> Host:
        """See :class:`backends.runtime.node.Make`."""
        return _Host(node, caller, self)

    def count(self, name: str, by: int = 1) -> None:
        """Count what happened in this process."""
        self.injection.shared.count(self.slot, name, by)

    def is_cut(self, source: str, target: str) -> bool:
        """Whether a partition lies between the two."""
        return self.injection.shared.is_cut(source, target)

    def later(self, seconds: float, what: Coroutine[Any, Any, Any]) -> None:
        """Do something by and by, whoever still waits for it."""
        self.count("active")
        task = asyncio.ensure_future(_after(seconds, what))
        _LATE_TASKS.add(task)
        task.add_done_callback(self._done)
        task.add_done_callback(lambda _: what.close())  # it may not even have begun

    def _done(self, task: asyncio.Task[None]) -> None:
        _LATE_TASKS.discard(task)
        self.count("active", -1)
        if not task.cancelled():
            task.exception()  # nobody waits for it


_LATE_TASKS: set[asyncio.Task[None]] = set()
"""The event loop keeps no task alive by itself."""


async def _after(seconds: float, what: Coroutine[Any, Any, Any]) -> None:
    await asyncio.sleep(seconds)
    await what


class Message:
    """The faults that one message can meet, on its way there and back."""

    def __init__(self, watching: Watching, source: str, faults: MethodFaults) -> None:
        self._watching = watching
        self._source = source
        self._faults = faults

    async def send(self, transmit: Any, seconds: float) -> Answer:
        """One try of a call: ``transmit()``, with what strikes it.

        :raises Broken: nobody will know what became of it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        target, watching = self._faults.service, self._watching
        if watching.is_cut(self._source, target):
            await _silence(deadline)
        delay = self._strike("request", transmit)
        if delay < 0.0:
            await _silence(deadline)
        if delay > 0.0:
            watching.later(delay, transmit())
            await _silence(deadline)
        answer: Answer = await transmit()
        if watching.is_cut(target, self._source):
            await _silence(deadline)
        delay = self._strike("response", None)
        if delay < 0.0 or loop.time() + delay > deadline:
            await _silence(deadline)
        await asyncio.sleep(delay)
        return answer

    def _strike(self, direction: str, transmit: Any) -> float:
        """How long the message is delayed by what strikes it; below zero: it is lost."""
        aimed = self._faults.requests if direction == "request" else self._faults.responses
        for armed in aimed:
            rng = self._watching.injection.strike(armed, self._faults.where(direction))
            if rng is None:
                continue
            kind = armed.fault.kind
            if kind == "drop":
                return -1.0
            longest = armed.fault.duration or _DELAY[kind]
            # Half of the delays are of the order of a hop's, where races are.
            delay = rng.uniform(0.0, longest if rng.random() < 0.5 else min(longest, 0.05))
            if kind == "delay":
                return delay
            if transmit is not None:
                self._watching.later(delay, transmit())
        return 0.0


async def _silence(deadline: float) -> None:
    await asyncio.sleep(max(0.0, deadline - asyncio.get_running_loop().time()))
    raise Broken("the message was lost (injected)")


class WatchedCaller(Caller):
    """A caller whose messages meet faults."""

    def __init__(self, client: Client, wire: Wire, node: Node, watching: Watching) -> None:
        super().__init__(client, wire, node.addresses, node.settings)
        self._watching = watching

    async def transmit(self, url: str, request: Request, seconds: float) -> Answer:
        """See :meth:`backends.runtime.caller.Caller.transmit`."""
        watching = self._watching
        faults = watching.injection.method(request.service, request.method)
        plain = super().transmit
        message = Message(watching, watching.service, faults)
        return await message.send(lambda: plain(url, request, seconds), seconds)


class _Host(RecordingHost):
    def __init__(self, node: Node, caller: Caller, watching: Watching) -> None:
        super().__init__(node, caller, watching.injection.now)
        self.watching = watching
        self.protocol = self.protocol._replace(attempt=self._poisonable(self.protocol.attempt))

    def _poisonable(self, plain: _Attempt) -> _Attempt:
        """Attempts, some of them at requests that take every process down."""

        def attempt(program: Program, request: Request, name: str) -> Steps:
            injection = self.watching.injection
            faults = injection.method(request.service, request.method)
            for armed in faults.poison:
                number = armed.poisons(str(request.id))
                if number >= 0:
                    where = faults.where(str(request.id))
                    injection.tell(Strike(injection.now(), armed.index, where, number))
                    os.kill(os.getpid(), signal.SIGKILL)
            return (yield from plain(program, request, name))

        return attempt

    def execution(self, request: Request | None) -> Execution:
        return _Watched(self, request)

    async def execute(self, request: Request) -> Answer:
        watching = self.watching
        watching.count("active")
        faults = watching.injection.method(request.service, request.method)
        try:
            await _pass(watching, faults, "start")
            answer = await super().execute(request)
            await _pass(watching, faults, "before_reply")
            watching.later(_SENT, _pass(watching, faults, "after_reply"))
            return answer
        finally:
            watching.count("active", -1)


async def _pass(watching: Watching, faults: MethodFaults, point: str) -> None:
    """Pass a crash point: faults may strike, but upkeep only those that are meant for it."""
    upkeep = faults.service == PLATFORM
    if not upkeep:
        watching.count(f"{faults.service}.{faults.method}@{point}")
    for armed in faults.points[_POINT[point]]:
        if upkeep and armed.fault.selector.service != PLATFORM:
            continue
        if watching.injection.strike(armed, faults.where(point)) is None:
            continue
        if armed.fault.kind == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        await _stop(watching, armed, faults.where(point))
        return


async def _stop(watching: Watching, armed: Armed, where: str) -> None:
    seconds, injection = armed.fault.duration or _PAUSE, watching.injection
    if not injection.shared.may_stop(seconds):
        await asyncio.sleep(seconds)
        return
    injection.tell(Strike(injection.now(), -1, where, -1, os.getpid(), seconds))
    os.kill(os.getpid(), signal.SIGSTOP)


class _Watched(Recorded):
    """An execution that passes crash points and meets faults."""

    __slots__ = ("_faults", "_watching")

    def __init__(self, host: _Host, request: Request | None) -> None:
        super().__init__(host, request)
        self._watching = host.watching
        service, method = (request.service, request.method) if request else (PLATFORM, "upkeep")
        self._faults = host.watching.injection.method(service, method)

    async def _point(self, point: str) -> None:
        await _pass(self._watching, self._faults, point)

    # --- the store

    async def _read_version(self, effect: ReadVersion) -> int:
        self._watching.count("read_versions")
        await self._reach("read_version", StoreUnavailable)
        version = await super()._read_version(effect)
        await self._hear_store(StoreUnavailable)
        return version

    async def _read(self, effect: Read) -> Any:
        await self._point("before_read")
        self._watching.count("reads")
        await self._reach("read", StoreUnavailable)
        answer = await super()._read(effect)
        await self._hear_store(StoreUnavailable)
        await self._point("after_read")
        return answer

    async def _commit(self, effect: Commit) -> int:
        await self._point("before_commit")
        try:
            fault = await self._reach("commit", Unknown)
            version = await self._commit_now(effect, fault)
            await self._point("after_commit")
            await self._hear_store(Unknown)
        except StoreError as error:
            self._watching.count(_kind(error))
            raise
        return version

    async def _commit_now(self, effect: Commit, fault: str) -> int:
        commit = super()._commit(effect)
        if fault == "commit_unknown_result_late":
            delay = self._watching.injection.details.uniform(0.0, _LATE)
            self._watching.later(delay, commit)
            raise Unknown(_MAYBE)
        version = await commit
        if fault:
            raise Unknown(_MAYBE)
        return version

    async def _reach(self, call: str, silence: type[StoreError]) -> str:
        """The way to the store: a partition, or an error injected.

        :returns: the fault that strikes after the commit has been done, or is done later.
        """
        watching, faults = self._watching, self._faults
        if watching.is_cut(watching.service, STORE):
            await asyncio.sleep(_SILENCE)
            raise silence("the store did not answer in time (injected)")
        for armed in faults.store[call]:
            rng = watching.injection.strike(armed, faults.where(call))
            if rng is not None:
                fault = armed.fault.error or rng.choice(STORE_ERRORS[call])
                if fault in ("commit_unknown_result_applied", "commit_unknown_result_late"):
                    return fault
                raise _error(fault)
        return ""

    async def _hear_store(self, silence: type[StoreError]) -> None:
        """The way back from the store."""
        watching = self._watching
        if watching.is_cut(STORE, watching.service):
            await asyncio.sleep(_SILENCE)
            raise silence("the store did not answer in time (injected)")

    async def _pause(self, effect: Pause) -> None:
        if effect.aborted:
            self._watching.count("aborted")
        await super()._pause(effect)

    # --- calls

    async def _send(self, effect: Send) -> int | None:
        await self._point("before_call")
        return await super()._send(effect)

    async def _receive(self, effect: Receive) -> list[Reply]:
        await self._point("during_call")
        replies = await super()._receive(effect)
        await self._point("after_call")
        return replies

    # --- the outside

    async def _ask(self, effect: Ask) -> int:
        await self._point("before_outside")
        return await super()._ask(effect)

    async def _hear(self, effect: Hear) -> list[Outcome]:
        await self._point("during_outside")
        outcomes = await super()._hear(effect)
        await self._point("after_outside")
        return outcomes

    async def _try(self, function: Outside, effect: Ask, tried: int) -> Told:
        error = self._outside_error(function.name)
        codec, asked = self.host.program.codec, self._noted[effect.unit].asked
        if error == "before_effect":
            assert asked is not None
            asked.tries.append(Tried(self._now_seconds(), effect.key, effect.args))
            told = function.raised(codec, ConnectionError(f"injected: {error}"), tried)
            asked.tries[-1].told = told.outcome
            return told
        told = await super()._try(function, effect, tried)
        if not error:
            return told
        exception: Exception = ConnectionError(f"injected: {error}")
        if error == "no_answer":
            await asyncio.sleep(function.timeout / 1e9)
            exception = function.silent()
        assert asked is not None
        asked.tries[-1].gave = told.outcome
        told = function.raised(codec, exception, tried)
        asked.tries[-1].told = told.outcome
        return told

    def _outside_error(self, function: str) -> str:
        """How a try fails, if a fault strikes."""
        injection, faults = self._watching.injection, self._faults
        for armed in faults.outside:
            rng = injection.strike(armed, faults.where(function))
            if rng is not None:
                return armed.fault.error or rng.choice(OUTSIDE_ERRORS)
        return ""


def _kind(error: StoreError) -> str:
    """The name of the port's error that ``error`` is."""
    return next(each.__name__ for each in type(error).__mro__ if each.__name__ in REFUSALS)


def _error(fault: str) -> StoreError:
    if fault == "not_committed":
        return Conflict()
    kind = {
        "commit_unknown_result_not_applied": Unknown,
        "transaction_too_old": TooOld,
        "future_version": FutureVersion,
        "store_unavailable": StoreUnavailable,
    }[fault]
    return kind(f"{fault} (injected)")
