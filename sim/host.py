"""The host of an attempt in virtual time: performs its effects and lets faults strike between.

An :class:`Activity` drives one generator of host effects (:mod:`core.ports`): the execution of
a request in a pod (:mod:`sim.execution`), or maintenance (:mod:`sim.platform.workers`).
The handler of an effect either has the answer at once or returns WAIT and calls
:meth:`Activity.advance` when it has it.

Between any two steps the activity passes *points* (:data:`experiment.scenario.model.POINTS`).
At a point a fault may

* **crash** it: ``Crash`` is thrown into the generator and nothing it asks for any
  more is done; what is already on its way, commits and messages, goes on. Half
  of the crashes take the whole pod along;
* **pause** it: it freezes there and later goes on as if nothing had happened,
  whatever others did about its request in the meantime.

A frozen activity holds what it was about to do; a dead one never does it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from core.driving import resume
from core.errors import StoreError
from core.messages import Request
from core.ports import (
    Ask,
    Commit,
    Due,
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
from experiment.strikes import POINT, Crash, MethodFaults, Poisoned
from sim.platform.exchange import Exchange
from sim.platform.fabric import Fabric
from sim.platform.link import Tag
from sim.platform.pod import Pod
from sim.platform.spans import Spans
from sim.platform.timers import later
from sim.questions import WAIT, Questions, itself

__all__ = ["WAIT", "Activity", "itself"]

_BEFORE_READ, _AFTER_READ = POINT["before_read"], POINT["after_read"]
_BEFORE_COMMIT, _AFTER_COMMIT = POINT["before_commit"], POINT["after_commit"]
_BEFORE_CALL, _DURING_CALL = POINT["before_call"], POINT["during_call"]
_AFTER_CALL = POINT["after_call"]
_NAMES = tuple(POINT)

_PAUSE = 3.0
"""Seconds a pause lasts if the fault gives no duration: longer than callers wait."""
_BASE, _CAP = 0.002, 0.25
"""Waiting in line for contended keys: the step, and the longest, in seconds."""

_AT_ONCE = 0.0001
"""Seconds that a loop takes which goes on at once: no run stands still because of it."""


class Activity:
    """One generator of host effects, with everything it holds.

    :param source: the service it runs in, as partitions know it.
    :param request: whose units and commits to record, None for maintenance.
    :ivar alive: until it ends or crashes.
    """

    __slots__ = (
        "_calls",
        "_frozen",
        "_held",
        "_missing",
        "_passed",
        "_points",
        "_steps",
        "_tickets",
        "alive",
        "deadline",
        "fabric",
        "method",
        "pod",
        "questions",
        "request",
        "source",
        "spans",
    )  # fmt: skip

    def __init__(
        self,
        fabric: Fabric,
        pod: Pod,
        steps: Steps,
        method: MethodFaults,
        request: Request | None,
        began: float = 0.0,
    ) -> None:
        self.fabric = fabric
        self.spans = Spans(began)
        self.pod = pod
        self.source = method.service
        self.method = method
        self.request = request
        self.alive = True
        self.deadline = 0.0
        self._steps = steps
        self._passed = method.passed
        self._points = method.points
        self._calls: list[Exchange] = []
        self.questions = Questions(self)
        self._tickets: tuple[int, ...] = ()
        self._missing = 0
        self._frozen = False
        self._held: Callable[[], object] | None = None

    # --- driving

    def advance(self, answer: Any) -> None:
        """Give the generator an answer, or throw a StoreError into it, and perform what follows."""
        steps = self._steps
        while True:
            try:
                effect = resume(steps, answer)
            except StopIteration as stop:
                self.ended(stop.value)
                return
            except MemoryError:
                self.crash()
                return
            except Poisoned:
                self.pod.die_of(self.method, self.request)
                return
            except StoreError as error:
                self.failed(error)
                return
            answer = _HANDLERS[type(effect)](self, effect)
            if answer is WAIT:
                return

    def ended(self, result: Any) -> None:
        """The generator returned ``result``."""
        raise NotImplementedError

    def failed(self, error: StoreError) -> None:
        """The generator could not bear a store error."""
        raise AssertionError(f"{self.method.service}.{self.method.method} let {error!r} out")

    def finish(self) -> None:
        """It is over: nobody waits for its calls, and its pod has room again."""
        self.alive = False
        for exchange in self._calls:
            exchange.close()
        self.questions.close()
        self.pod.leave(self)

    def crash(self) -> None:
        """It stops existing."""
        if not self.alive:
            return
        self.finish()
        with suppress(Crash, StopIteration, RuntimeError, StoreError):
            self._steps.throw(Crash())
            self._steps.close()  # it asked for something: nobody does it

    def go_on(self, step: Callable[..., Any], *arguments: Any) -> None:
        """Do ``step(*arguments)`` unless dead; later if frozen. A result is an answer."""
        if not self.alive:
            return
        if self._frozen:
            self._held = partial(self.go_on, step, *arguments)
            return
        answer = step(*arguments)
        if answer is not WAIT:
            self.advance(answer)

    # --- points

    def _strikes(self, point: int, step: Callable[..., Any] | None, *arguments: Any) -> bool:
        """Let the faults at ``point`` try: True if ``step`` is not to be done now."""
        for armed in self._points[point]:
            rng = self.fabric.faults.strike(armed, self.method, _NAMES[point])
            if rng is None:
                continue
            if armed.fault.kind == "crash":
                if rng.random() < 0.5:
                    self.pod.kill()
                self.crash()
            else:
                self._freeze(armed.fault.duration or _PAUSE)
                if step is not None:
                    self._held = partial(self.go_on, step, *arguments)
            return True
        return False

    def passes(self, point: int, step: Callable[..., Any] | None, *arguments: Any) -> bool:
        """Pass a point: True if ``step`` is not to be done now."""
        self._passed[point] += 1
        return bool(self._points[point]) and self._strikes(point, step, *arguments)

    def _freeze(self, seconds: float) -> None:
        self._frozen = True
        if self.deadline:
            self.deadline += seconds  # it does not know that time passed
        self.fabric.freeze(self.thaw, seconds)

    def thaw(self) -> None:
        """Go on as if nothing had happened."""
        if self._frozen:
            self._frozen = False
            held, self._held = self._held, None
            if held is not None:
                held()

    # --- the store

    def _compute(self, seconds: float, step: Callable[..., Any], *arguments: Any) -> Any:
        """Do ``step(*arguments)`` after ``seconds`` of processor time."""
        if not seconds:
            return step(*arguments)
        self.pod.compute(seconds, partial(self.go_on, self._computed, seconds, step, arguments))
        return WAIT

    def _computed(
        self, seconds: float, step: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> Any:
        self.spans.computed(seconds, self.fabric.env.now)
        return step(*arguments)

    def _read_version(self, _: ReadVersion) -> Any:
        return self._compute(self.fabric.model.store.read_version_cpu, self._read_version_now)

    def _read_version_now(self) -> Any:
        self.fabric.link.read_version(self.source, self.method, self._know)
        return WAIT

    def _know(self, answer: Any) -> None:
        self.spans.add("store", self.fabric.env.now)
        if self._frozen or not self.alive:
            self.go_on(itself, answer)
        else:
            self.advance(answer)

    def _read(self, effect: Read) -> Any:
        self._passed[_BEFORE_READ] += 1
        if self._points[_BEFORE_READ] and self._strikes(_BEFORE_READ, self._read_now, effect):
            return WAIT
        return self._read_now(effect)

    def _read_now(self, effect: Read) -> Any:
        return self._compute(self.fabric.model.store.read_cpu, self._ask_to_read, effect)

    def _ask_to_read(self, effect: Read) -> Any:
        known = partial(self.go_on, self._have_read, effect)
        self.fabric.link.read(self.source, self.method, effect, known)
        return WAIT

    def _have_read(self, effect: Read, answer: Any) -> Any:
        self.spans.add("store", self.fabric.env.now)
        if not isinstance(answer, StoreError):
            if self.request is not None:
                self.fabric.link.saw(self.request.id, effect, answer)
            self._passed[_AFTER_READ] += 1
            if self._points[_AFTER_READ] and self._strikes(_AFTER_READ, itself, answer):
                return WAIT
        return answer

    def _commit(self, effect: Commit) -> Any:
        self._passed[_BEFORE_COMMIT] += 1
        if self._points[_BEFORE_COMMIT] and self._strikes(_BEFORE_COMMIT, self._commit_now, effect):
            return WAIT
        return self._commit_now(effect)

    def _commit_now(self, effect: Commit) -> Any:
        return self._compute(self.fabric.model.store.commit_cpu, self._ask_to_commit, effect)

    def _ask_to_commit(self, effect: Commit) -> Any:
        travelling = self.request is not None and self.request.travel is not None
        tag = Tag(effect.request, effect, travelling, self._applied)
        self.fabric.link.commit(self.source, self.method, tag, self._know)
        return WAIT

    def _applied(self) -> None:
        """The store applied a commit, and the answer is on its way."""
        if self.alive and not self._frozen:
            self._passed[_AFTER_COMMIT] += 1
            if self._points[_AFTER_COMMIT]:
                self._strikes(_AFTER_COMMIT, None)

    # --- calls

    def _send(self, effect: Send) -> Any:
        self._passed[_BEFORE_CALL] += 1
        if self._points[_BEFORE_CALL] and self._strikes(_BEFORE_CALL, self._send_now, effect):
            return WAIT
        return self._send_now(effect)

    def _send_now(self, effect: Send) -> int:
        ended = self._replied if effect.awaited else _nobody_waits
        exchange = Exchange(self.fabric, self.source, effect.request, ended, effect.once)
        if effect.awaited:
            self._calls.append(exchange)
        seconds = self.fabric.model.call_cpu
        if seconds:
            self.pod.compute(seconds, exchange.transmit)  # which does nothing for the dead
        else:
            exchange.transmit()
        return len(self._calls) - 1  # of no use to whoever does not wait

    def _receive(self, effect: Receive) -> Any:
        calls = self._calls
        missing = [ticket for ticket in effect.tickets if calls[ticket].reply is None]
        self._tickets = effect.tickets
        self._missing = len(missing)
        if not missing:
            return self._received()
        self._passed[_DURING_CALL] += 1
        if self._points[_DURING_CALL]:
            self._strikes(_DURING_CALL, None)
        return WAIT

    def _replied(self, exchange: Exchange) -> None:
        """One of the calls is over; those that nobody waits for yet keep their reply."""
        if self._missing and any(self._calls[t] is exchange for t in self._tickets):
            self._missing -= 1
            if not self._missing:
                exchange.spent(self.spans, "processor")
                self.go_on(self._received)

    def _received(self) -> Any:
        self._passed[_AFTER_CALL] += 1
        replies = [self._calls[ticket].reply for ticket in self._tickets]
        if self._points[_AFTER_CALL] and self._strikes(_AFTER_CALL, itself, replies):
            return WAIT
        return replies

    # --- time

    def _now(self, effect: Now) -> int:
        now = self.fabric.now_ns()
        if self.request is not None:
            self.fabric.link.unit(effect.unit, self.request.id, 0).clocks.append(now)
        return now

    def _due(self, effect: Due) -> bool:
        return self.fabric.now_ns() >= effect.time

    def _pause(self, effect: Pause) -> Any:
        """Back off; with keys, wait in line for them instead."""
        if effect.aborted:
            self.fabric.link.aborted()
            self.spans.in_vain()
        if not effect.owed and self.deadline and self.fabric.env.now > self.deadline:
            self.give_up()
            return WAIT
        if not effect.retry:
            delay = _AT_ONCE * self.fabric.contention.uniform(0.5, 1.5)
            later(self.fabric.env, delay, self.go_on, self._paused)
            return WAIT
        rng, store = self.fabric.contention, self.fabric.model.store
        longest = min(store.backoff * 2.0 ** min(effect.retry - 1, 10), store.backoff_most)
        delay = longest * rng.uniform(0.5, 1.0)
        turns = self.pod.turns
        if not effect.keys:
            later(self.fabric.env, delay, self.go_on, self._paused)
        elif turns.holds(self, effect.keys):
            later(self.fabric.env, min(delay, 2 * _BASE), self.go_on, self._paused)
        else:
            turn = _Turn(self)
            if turns.take(self, effect.keys, turn.come):
                turn.come()
            else:
                later(self.fabric.env, _CAP * rng.uniform(2.0, 4.0), turn.come)
        return WAIT

    def _paused(self) -> None:
        self.spans.add("retries", self.fabric.env.now)

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        self.finish()
        with suppress(RuntimeError):
            self._steps.close()

    def _release(self, _: Release) -> None:
        self.pod.turns.release(self)


def _nobody_waits(_: Exchange) -> None:
    """A message is over for whose answer nobody waits."""


class _Turn:
    """Wakes an activity once: when its turn comes, or when it waited too long for it."""

    __slots__ = ("_activity",)

    def __init__(self, activity: Activity) -> None:
        self._activity: Activity | None = activity

    def come(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None and activity.alive:
            fabric = activity.fabric
            delay = _BASE * 0.25 * fabric.contention.random()
            later(fabric.env, delay, activity.go_on, activity._paused)


_HANDLERS: dict[type, Callable[[Any, Any], Any]] = {
    ReadVersion: Activity._read_version,
    Read: Activity._read,
    Commit: Activity._commit,
    Send: Activity._send,
    Receive: Activity._receive,
    Ask: lambda activity, effect: activity.questions.ask(effect),
    Hear: lambda activity, effect: activity.questions.hear(effect),
    Now: Activity._now,
    Due: Activity._due,
    Pause: Activity._pause,
    Release: Activity._release,
}
