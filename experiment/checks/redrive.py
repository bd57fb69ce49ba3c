"""Re-driving: executing a request again on a given store, without platform and without faults.

Nothing here is made durable. The request and everything it calls run side by
side, each as far as it gets without a commit; an attempt that asks for one
stands still there. Two oracles use it:

* on the final store, a completed request must give its answer and ask for no
  commit at all (:mod:`experiment.checks.exactly_once`);
* on the store as it was before one of its commits, the tree must ask for that
  very commit (:mod:`experiment.checks.determinism`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.attempt import attempt
from core.ids import RequestId
from core.memory import MemoryStore
from core.messages import Outcome, Reply, Request
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

__all__ = ["Driven", "redrive"]

_LATE = 2**62
"""The time for those who look whether a rate lets them begin: by then it does."""
_MOST_PAUSES = 100
"""An attempt that backs off this often without anybody else running makes no progress."""


@dataclass(slots=True)
class Driven:
    """How far a re-driven tree got.

    :ivar reply: the root's reply, if it ended.
    :ivar found: the commit that was looked for, if some attempt asked for it.
    :ivar blocked: commits asked for, at which attempts stood still.
    :ivar trouble: what became of attempts that broke or went round in circles.
    """

    reply: Reply | None = None
    found: Commit | None = None
    blocked: list[Commit] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Driver:
    """One attempt and what it waits for.

    :ivar asked: what it asked of the outside.
    :ivar clocks: the readings it is given: all of its request's, for a branch of a transaction
        that is run again reads them again.
    """

    request: Request
    steps: Generator[Any, Any, Reply]
    clocks: Iterator[int]
    answer: Any = None
    waits_for: tuple[int, ...] | None = None
    reply: Reply | None = None
    pauses: int = 0
    asked: list[Ask] = field(default_factory=list)


def redrive(
    program: Program,
    store: MemoryStore,
    request: Request,
    wanted: tuple[RequestId, int] | None = None,
    clocks: Mapping[RequestId, Sequence[int]] | None = None,
    execute: Callable[[Program, Request, str], Steps] = attempt,
    names: Mapping[RequestId, str] | None = None,
    heard: Mapping[tuple[RequestId, int], Outcome] | None = None,
) -> Driven:
    """Execute ``request`` on ``store`` until nothing moves or the wanted commit is asked for.

    :param wanted: request and place of the commit to stop at.
    :param clocks: the readings to answer, by request; 0 where there are none.
    :param execute: the protocol.
    :param heard: what the outside answers, by request and place.
    :param names: what to call the executions of requests, where that makes a difference.
    """
    return _Tree(program, store, wanted, clocks or {}, execute, names or {}, heard or {}).run(
        request
    )


class _Tree:
    """The attempts of one re-driven request tree."""

    def __init__(
        self,
        program: Program,
        store: MemoryStore,
        wanted: tuple[RequestId, int] | None,
        clocks: Mapping[RequestId, Sequence[int]],
        execute: Callable[[Program, Request, str], Steps],
        names: Mapping[RequestId, str],
        heard: Mapping[tuple[RequestId, int], Outcome],
    ) -> None:
        self._heard = heard
        self._names = names
        self._execute = execute
        self._program = program
        self._store = store
        self._wanted = wanted
        self._clocks = clocks
        self._drivers: list[_Driver] = []
        self._ready: list[_Driver] = []
        self._driven = Driven()

    def run(self, request: Request) -> Driven:
        """Until the root has its reply, which it has not before its effectful calls have theirs."""
        self._start(request)
        root = self._drivers[0]
        while self._ready and self._driven.found is None and root.reply is None:
            self._advance(self._ready.pop())
            if not self._ready:
                self._wake()
        self._driven.reply = root.reply
        for driver in self._drivers:
            driver.steps.close()
        return self._driven

    def _start(self, request: Request) -> int:
        ticket = len(self._drivers)
        name = self._names.get(request.id, f"redriven-{ticket}")
        steps = self._execute(self._program, request, name)
        driver = _Driver(request, steps, iter(self._clocks.get(request.id, ())))
        self._drivers.append(driver)
        self._ready.append(driver)
        return ticket

    def _wake(self) -> None:
        """Let those go on whose replies are all there."""
        for driver in self._drivers:
            if driver.waits_for is None:
                continue
            replies = [self._drivers[ticket].reply for ticket in driver.waits_for]
            if None not in replies:
                driver.waits_for, driver.answer = None, replies
                self._ready.append(driver)

    def _advance(self, driver: _Driver) -> None:
        """Run one attempt until it ends, waits or stands still."""
        send, answer = driver.steps.send, driver.answer
        while True:
            try:
                effect = send(answer)
            except StopIteration as stop:
                driver.reply = stop.value
                return
            except Exception as error:
                self._driven.trouble.append(f"breaks: {type(error).__name__}: {error}")
                return
            if isinstance(effect, Read):
                answer = read(self._store, effect.version, effect.keys, effect.ranges)
            elif isinstance(effect, ReadVersion):
                answer = self._store.read_version()
            elif isinstance(effect, Commit):
                self._stand_still(effect)
                return
            elif isinstance(effect, Send):
                answer = self._start(effect.request)
            elif isinstance(effect, Receive):
                driver.waits_for = effect.tickets
                return
            elif isinstance(effect, Ask):
                driver.asked.append(effect)
                answer = len(driver.asked) - 1
            elif isinstance(effect, Hear):
                asked = [driver.asked[ticket] for ticket in effect.tickets]
                unknown = [each for each in asked if (each.request, each.place) not in self._heard]
                if unknown:
                    self._driven.trouble.append(f"asks {unknown[0].function} of the outside again")
                    return
                answer = [self._heard[each.request, each.place] for each in asked]
            elif isinstance(effect, Due):
                answer = True  # in the end, or by the time of what is looked for
            elif isinstance(effect, Now):
                answer = _LATE if effect.unit.endswith(".line") else next(driver.clocks, 0)
            elif isinstance(effect, Pause):
                driver.pauses += effect.retry > 0  # to go on at once is no wait for anybody
                answer = None
                if driver.pauses == _MOST_PAUSES:
                    self._driven.trouble.append("retries without end")
                    return
            else:
                assert isinstance(effect, Release)
                answer = None

    def _stand_still(self, commit: Commit) -> None:
        if (commit.request, commit.place) == self._wanted:
            self._driven.found = commit
        else:
            self._driven.blocked.append(commit)
