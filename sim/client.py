"""Clients: streams of requests in k6's words, each request tried until there is an answer.

Open-loop executors start requests when their time has come, whatever became of
the earlier ones; latency counts from there. Closed-loop ones keep a number of
virtual users busy, each with one request at a time.

A client sends a request again under the same id while it does not know the
answer: after silence, a broken connection, an indefinite failure, or when it was
turned away. What it knows in the end is the request's status
(:mod:`experiment.record.requests`).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from math import inf

from core.ids import RequestId, root_id
from core.messages import Failed, Origin, Request
from core.program import Program
from experiment.load.arrivals import arrivals, load_end, schedules, users
from experiment.load.mix import Mix, encoded, not_admitted
from experiment.record.history import History
from experiment.record.requests import Result, status
from experiment.scenario.model import Load
from sim.calls import ClientCall
from sim.habits import Habits
from sim.platform.exchange import Exchange
from sim.platform.fabric import Fabric
from sim.platform.spans import Spans
from sim.platform.timers import later

__all__ = ["Client"]

_USERS_EVERY = 0.05
"""Seconds between two looks at how many virtual users there should be."""


# --- the clients of one load ------------------------------------------------------


class Client:
    """Runs one load until it is over or stopped.

    :param once: whether each request is sent once and no more.
    :ivar results: what became of its requests, in the order in which that was known.
    """

    def __init__(
        self,
        fabric: Fabric,
        load: Load,
        program: Program,
        mix: Mix,
        history: History,
        rng: random.Random,
        habits: Habits,
        once: bool = False,
    ) -> None:
        self._once = once
        self._fabric = fabric
        self._habits = habits
        self._load = load
        self._program = program
        self._codec = program.codec
        self._history = history
        self._rng = rng
        self._mix = mix
        self._end = load_end(load)
        self._left: float = load.iterations or inf
        self._users = 0
        self._due: deque[float] = deque()
        self._stopped = False
        self.results: list[Result] = []
        self._open: dict[Exchange, tuple[str, float]] = {}
        if load.threads:
            later(fabric.env, self._end, self.stop)
            for times in schedules(load):
                self._paced(times)
        elif load.executor.endswith("-rate"):
            self._times = arrivals(load, rng)
            self._await_next()
        else:
            later(fabric.env, load.start, self._staff)

    @property
    def calls(self) -> list[str]:
        """The methods it calls, as ``Service.method``."""
        return self._mix.calls

    @property
    def is_over(self) -> bool:
        """Whether it starts no more requests."""
        return self._stopped and not self._is_owed

    @property
    def open(self) -> int:
        """Requests without a status yet."""
        return len(self._open) + self._habits.open

    def stop(self) -> None:
        """Start no more requests."""
        self._stopped = True
        self._due.clear()

    # --- open loop

    def _await_next(self) -> None:
        time = next(self._times, None)
        if time is None:
            self._stopped = True
            return
        later(self._fabric.env, max(0.0, time - self._fabric.env.now), self._arrived, time)

    def _arrived(self, time: float) -> None:
        if not self._stopped and self._take():
            if self._load.connections and len(self._open) >= self._load.connections:
                self._due.append(time)
            else:
                self._request(time, None)
            self._await_next()

    def _paced(self, times: Iterator[float]) -> None:
        """A connection with a schedule of its own waits for its next request, or is late for it."""
        time = next(times, None)
        if time is not None:
            wait = max(0.0, time - self._fabric.env.now)
            later(self._fabric.env, wait, self._paced_arrived, time, times)

    def _paced_arrived(self, time: float, times: Iterator[float]) -> None:
        if not self._stopped and self._take():
            self._request(time, partial(self._paced, times))

    @property
    def _is_owed(self) -> bool:
        """Whether requests wait for a connection; when the load is over they wait in vain."""
        return bool(self._due) and self._fabric.env.now < self._end

    def _take(self) -> bool:
        """Take one of the requests that there may be; whether there was one left."""
        if self._left <= 0:
            self._stopped = True
        self._left -= 1
        return not self._stopped

    # --- closed loop

    def _staff(self) -> None:
        """See to it that there are as many virtual users as there are to be."""
        now = self._fabric.env.now
        if self._end and now >= self._end:
            self._stopped = True
        if self._stopped:
            return
        later(self._fabric.env, _USERS_EVERY, self._staff)
        while not self._stopped and self._users < users(self._load, now):
            self._users += 1
            self._iterate()

    def _iterate(self) -> None:
        """A virtual user starts its next request, or goes home."""
        now = self._fabric.env.now
        gone = (self._end and now >= self._end) or self._users > users(self._load, now)
        if gone or self._stopped or not self._take():
            self._users -= 1
            return
        self._request(now, self._iterate)

    # --- one request

    def _request(self, intended: float, then: Callable[[], object] | None) -> None:
        drawn = self._mix.draw(self._rng)
        service, method = drawn.service, drawn.method
        args = encoded(drawn, self._codec, self._history)
        fabric = self._fabric
        identity = RequestId(root_id(fabric.now_ns() // 1_000_000, self._rng))
        if not_admitted(self._program, drawn):
            now = self._fabric.env.now
            self.results.append(
                Result(identity, drawn.call, self._load.name, intended, now, "definite", 0)
            )
            if then is not None:
                later(self._fabric.env, 0.0, then)
            return
        origin = Origin(service, method, args, drawn.caller)
        request = Request(identity, service, method, args, origin)
        ended = partial(self._ended, drawn.call, intended, then)
        call = ClientCall(fabric, request, self._history, ended, self._once)
        self._open[call] = (drawn.call, intended)
        self._habits.begin(call)

    def _ended(
        self, name: str, intended: float, then: Callable[[], object] | None, call: Exchange
    ) -> None:
        assert call.reply is not None
        del self._open[call]
        self._record(call, name, intended, status(call.reply))
        if not isinstance(call.reply.outcome, Failed):
            self._tell_time(call, intended)
            self._habits.answered(call)
        if then is not None:
            later(self._fabric.env, 0.0, then)
        elif self._is_owed:
            self._request(self._due.popleft(), None)

    def _tell_time(self, call: Exchange, intended: float) -> None:
        """Write down where the time of an answered request went."""
        spans, times = Spans(intended), self._history.times
        call.spent(spans, "waiting")
        for kind, seconds in spans.sums().items():
            times[kind] = times.get(kind, 0.0) + seconds

    def _record(self, call: Exchange, name: str, intended: float, status: str) -> None:
        now = self._fabric.env.now
        self.results.append(
            Result(call.request.id, name, self._load.name, intended, now, status, call.tried)
        )

    def give_up(self) -> None:
        """End the requests that are still open: nobody knows what became of them."""
        for call, (name, intended) in self._open.items():
            call.close()
            self._record(call, name, intended, "indefinite")
        self._open.clear()
        self._habits.close()
