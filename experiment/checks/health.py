"""A machine in good health: what becomes of a tree that was set aside, where nothing fails.

A verdict that no retry mends must come again wherever the request is tried. So the tree is taken
up again on a copy of the final store, in virtual time, and driven once from where it stood: no
fault, nobody else, and everything asked of the platform takes SLOWER times as long as the
scenario has it. What completes there could have been completed. The outside world is not asked
once more for the sake of an oracle: what needs its answer does not complete.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.aside import resume
from core.attempt import attempt
from core.driving import drive
from core.driving import resume as go_on
from core.errors import StoreError
from core.layout import is_verdict, tree_range
from core.memory import MemoryStore
from core.messages import Failed, Outcome, Reply, Request
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
from core.program import Program
from core.store import read
from experiment.scenario.model import Platform

__all__ = ["SLOWER", "Health"]

SLOWER = 2.0
"""A platform may be slower than the scenario has it, now and then, and still be well."""
_MOST_EVENTS = 50_000
_PAUSE, _LONGEST_PAUSE = 0.002, 0.25


@dataclass(frozen=True, slots=True)
class Health:
    """A program on a machine in good health.

    :ivar modelled: whether computing takes no time but the platform's own.
    """

    program: Program
    platform: Platform
    modelled: bool

    def outcome(self, content: Mapping[bytes, bytes], request: Request) -> Outcome | None:
        """What a client is told who asks on a store with ``content``, its tree resumed.

        :returns: None if it does not end.
        """
        return self._tried(content, request)[0]

    def completed(
        self, content: Mapping[bytes, bytes], requests: Iterable[Request]
    ) -> dict[bytes, bytes] | None:
        """What the store holds when all these trees, which were set aside, are completed.

        :returns: None if one of them cannot be.
        """
        for request in requests:
            outcome, content = self._tried(content, request)
            if outcome is None or isinstance(outcome, Failed):
                return None
        return dict(content)

    def _tried(
        self, content: Mapping[bytes, bytes], request: Request
    ) -> tuple[Outcome | None, dict[bytes, bytes]]:
        kept = tree_range(request.id.root)
        verdicts = {key for key in content if kept.begin <= key < kept.end and is_verdict(key)}
        world = _World(self.program, self.platform, self.modelled)
        world.store.load((key, content[key]) for key in sorted(content) if key not in verdicts)
        drive(resume(request.id.root, 0), world.at_once)
        reply = world.run(request)
        return None if reply is None else reply.outcome, world.store.snapshot()


class _Attempt:
    """One attempt, and who waits for its reply."""

    def __init__(self, steps: Steps, caller: _Attempt | None) -> None:
        self.steps = steps
        self.caller = caller
        self.calls: list[_Attempt] = []
        self.waits_for: tuple[int, ...] | None = None
        self.reply: Reply | None = None


class _World:
    """Attempts in virtual time, each step at its moment."""

    def __init__(self, program: Program, platform: Platform, modelled: bool) -> None:
        self.now = 0.0
        self.store = MemoryStore(clock=lambda: self.now, window=platform.store.window)
        self._program = program
        self._platform = platform
        self._modelled = modelled
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._events = 0

    def run(self, request: Request) -> Reply | None:
        """The reply to a client's request, if it ends."""
        root = self._start(request, None)
        while self._due and root.reply is None and self._events < _MOST_EVENTS:
            self.now, _, step = heapq.heappop(self._due)
            step()
        return root.reply

    def _after(self, seconds: float, step: Callable[[], None]) -> None:
        self._events += 1
        heapq.heappush(self._due, (self.now + seconds * SLOWER, self._events, step))

    def _start(self, request: Request, caller: _Attempt | None) -> _Attempt:
        name = f"healthy-{self._events}"
        made = _Attempt(attempt(self._program, request, name), caller)
        self._after(self._platform.hop + self._platform.cpu, partial(self._advance, made, None))
        return made

    def _advance(self, each: _Attempt, answer: Any) -> None:
        """Let an attempt ask for what it does next, and have it done in its time."""
        while True:
            began = time.perf_counter()
            try:
                effect = go_on(each.steps, answer)
            except StopIteration as stop:
                self._after(self._platform.hop, partial(self._ended, each, stop.value))
                return
            finally:
                if not self._modelled:
                    self.now += (time.perf_counter() - began) * SLOWER
            if isinstance(effect, Receive):
                each.waits_for = effect.tickets
                self._go_on_if_all_are_there(each)
                return
            if isinstance(effect, Send):
                each.calls.append(self._start(effect.request, each))
                answer = len(each.calls) - 1
            elif isinstance(effect, Now):
                answer = int(self.now * 1e9)
            elif isinstance(effect, Due):
                answer = True  # whatever waits has been woken
            elif isinstance(effect, Release):
                answer = None
            elif isinstance(effect, Ask):
                answer = -1  # nobody hears of it
            elif isinstance(effect, Hear):
                return
            else:
                self._after(self._takes(effect), partial(self._do, each, effect))
                return

    def _takes(self, effect: Any) -> float:
        store = self._platform.store
        if isinstance(effect, Pause):
            return min(_PAUSE * 2.0 ** min(effect.retry, 10), _LONGEST_PAUSE)
        if isinstance(effect, ReadVersion):
            return store.read_version
        return store.read if isinstance(effect, Read) else store.commit

    def _do(self, each: _Attempt, effect: Any) -> None:
        """Go on with the answer of the store, or the error it refuses with."""
        try:
            answer = self.at_once(effect)
        except StoreError as error:
            answer = error
        self._advance(each, answer)

    def at_once(self, effect: Any) -> Any:
        """What the store answers."""
        if isinstance(effect, ReadVersion):
            return self.store.read_version()
        if isinstance(effect, Read):
            return read(self.store, effect.version, effect.keys, effect.ranges)
        if isinstance(effect, Commit):
            return self.store.commit(effect.version, effect.reads, effect.mutations)
        return None

    def _ended(self, each: _Attempt, reply: Reply) -> None:
        each.reply = reply
        if each.caller is not None:
            self._go_on_if_all_are_there(each.caller)

    def _go_on_if_all_are_there(self, each: _Attempt) -> None:
        if each.waits_for is None:
            return
        replies = [each.calls[ticket].reply for ticket in each.waits_for]
        if None not in replies:
            each.waits_for = None
            self._after(0.0, partial(self._advance, each, replies))
