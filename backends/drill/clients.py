"""The load of an experiment: requests by the clock, each tried until there is an answer.

Executors and streams are every backend's (:mod:`experiment.load.arrivals`), and so is what a
client knows in the end (:mod:`experiment.record.requests`). Latency counts from the intended
start: a client that is late, because the machine is busy, does not hide it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from itertools import count, islice
from math import inf
from typing import Any

from backends.drill.collect import keep
from backends.drill.shared import CLIENT
from backends.drill.watching import Message, Watching
from backends.runtime.caller import Caller, patiently
from backends.runtime.http import Client as HttpClient
from backends.runtime.node import Node
from backends.runtime.wire import Answer, Wire
from compiler.application import Application
from core.ids import RequestId, root_id
from core.messages import Origin, Request
from core.retries import with_deadline
from experiment.load.arrivals import arrivals, load_end, schedules, users
from experiment.load.mix import Drawn, Mix, encoded, not_admitted
from experiment.randomness import stream
from experiment.record.history import Answered, History, Sent
from experiment.record.requests import Result, status
from experiment.scenario.model import Load, Scenario

__all__ = ["Clients"]

_STAFF_EVERY = 0.05
_MOST = 4096
"""Requests under way at a time."""

_log = logging.getLogger(__name__)


class _ClientCaller(Caller):
    """Sends what clients ask, and records every message."""

    def __init__(
        self,
        client: HttpClient,
        wire: Wire,
        node: Node,
        watching: Watching,
        history: History,
    ) -> None:
        super().__init__(client, wire, node.addresses, node.settings, _MOST)
        self._watching = watching
        self._history = history
        self._tried: dict[RequestId, int] = {}

    async def transmit(self, url: str, request: Request, seconds: float) -> Answer:
        """See :meth:`backends.runtime.caller.Caller.transmit`."""
        history, injection = self._history, self._watching.injection
        tried = self._tried.get(request.id, 0)
        self._tried[request.id] = tried + 1
        history.sent.append(
            Sent(
                injection.now(),
                request.id,
                request.service,
                request.method,
                request.args,
                tried,
                caller=request.origin.caller,
            )
        )
        plain = super().transmit

        async def send() -> Answer:
            answer = await plain(url, request, seconds)
            self._answered(request, answer, tried)
            return answer

        message = Message(self._watching, CLIENT, injection.method(request.service, request.method))
        return await message.send(send, seconds)

    def tries(self, request: RequestId) -> int:
        """How often a request was sent."""
        return self._tried.get(request, 0)

    def _answered(self, request: Request, answer: Answer, tried: int) -> None:
        """A reply, perhaps one that the client never gets to see, or a late one."""
        reply, history = answer.reply, self._history
        for note in answer.notes:
            keep(history, note)
        history.answers.append(
            Answered(
                self._watching.injection.now(),
                request.id,
                reply.outcome,
                tried,
                reply.version,
                list(reply.units),
            )
        )


class Clients:
    """All loads of a scenario.

    :param host: the name that an ingress at the nodes' addresses knows them by, or empty.
    :ivar results: what became of the requests, in the order in which that was known.
    """

    def __init__(
        self,
        scenario: Scenario,
        application: Application,
        node: Node,
        watching: Watching,
        history: History,
        host: str = "",
    ) -> None:
        self._http = HttpClient(_MOST, host=host)
        self._caller = _ClientCaller(self._http, Wire(node.key), node, watching, history)
        self._application = application
        self._history = history
        self._now = watching.injection.now
        self._once = not node.protocol.retries
        self._seed = scenario.seed
        self._loads = scenario.load
        self._duration = scenario.duration
        self.results: list[Result] = []
        self.open: dict[RequestId, tuple[str, str, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def run(self) -> None:
        """Start requests until the load is over, or until the scenario's duration is."""
        loads = [asyncio.ensure_future(self._run(load)) for load in self._loads]
        left = self._duration - self._now() if self._duration else None
        done, late = await asyncio.wait(loads, timeout=left)
        self._stopped = True
        for task in late:
            task.cancel()
        for task in done:
            task.result()

    async def close(self) -> None:
        """Give up what is still open: nobody knows what became of it."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for identity, (call, load, intended) in self.open.items():
            tries = self._caller.tries(identity)
            now = self._now()
            self.results.append(Result(identity, call, load, intended, now, "indefinite", tries))
        self.open.clear()
        await self._http.close()

    # --- one load

    async def _run(self, load: Load) -> None:
        rng = stream(self._seed, "load", load.name)
        mix = Mix(load, self._application.workload, self._application.program)
        if load.threads:
            left = count()
            for times in schedules(load):
                self._spawn(self._paced(load, times, left, mix, rng))
            await asyncio.sleep(max(0.0, load_end(load) - self._now()))
        elif load.executor.endswith("-rate"):
            free = asyncio.Semaphore(load.connections or _MOST)
            for due in islice(arrivals(load, rng), load.iterations or None):
                await asyncio.sleep(max(0.0, due - self._now()))
                self._spawn(self._connected(load, free, due, mix.draw(rng)))
        else:
            await self._closed(load, mix, rng)

    async def _paced(
        self, load: Load, times: Iterator[float], sent: Iterator[int], mix: Mix, rng: random.Random
    ) -> None:
        """A connection with a schedule of its own, one request after the other."""
        for due in times:
            await asyncio.sleep(max(0.0, due - self._now()))
            over = self._stopped or self._now() >= load_end(load)
            if over or (load.iterations and next(sent) >= load.iterations):
                return
            await self._request(load, due, mix.draw(rng))

    async def _connected(
        self, load: Load, free: asyncio.Semaphore, due: float, drawn: Drawn
    ) -> None:
        """Send a request once a connection is free for it, unless the load is over by then."""
        async with free:
            if not (load.connections and self._now() >= load_end(load)):
                await self._request(load, due, drawn)

    async def _closed(self, load: Load, mix: Mix, rng: random.Random) -> None:
        await asyncio.sleep(max(0.0, load.start - self._now()))
        end, left = load_end(load), load.iterations or inf
        busy: set[asyncio.Task[None]] = set()

        async def iterate() -> None:
            nonlocal left
            while not (self._stopped or (end and self._now() >= end)):
                if left <= 0 or len(busy) > users(load, self._now()):
                    return
                left -= 1
                await self._request(load, self._now(), mix.draw(rng))

        while not (self._stopped or (end and self._now() >= end)):
            while len(busy) < users(load, self._now()) and left > 0:
                task = self._spawn(iterate())
                busy.add(task)
                task.add_done_callback(busy.discard)
            if left <= 0:
                return
            await asyncio.sleep(_STAFF_EVERY)

    def _spawn(self, what: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a request of the load broke off", exc_info=error)

    async def _request(self, load: Load, intended: float, drawn: Drawn) -> None:
        service, method, call = drawn.service, drawn.method, drawn.call
        args = encoded(drawn, self._application.program.codec, self._history)
        identity = RequestId(root_id(time.time_ns() // 1_000_000, _IDS))
        if not_admitted(self._application.program, drawn):
            now = self._now()
            self.results.append(Result(identity, call, load.name, intended, now, "definite", 0))
            return
        origin = Origin(service, method, args, drawn.caller)
        self.open[identity] = (call, load.name, intended)
        settings = self._caller.settings
        request = with_deadline(
            Request(identity, service, method, args, origin),
            time.time_ns(),
            settings.attempts,
            settings.try_timeout,
        )
        reply = await patiently(self._caller, request, self._once)
        del self.open[identity]
        tries = self._caller.tries(identity)
        self.results.append(
            Result(identity, call, load.name, intended, self._now(), status(reply), tries)
        )


_IDS = random.SystemRandom()
"""Ids of real requests are unique, not reproducible."""
