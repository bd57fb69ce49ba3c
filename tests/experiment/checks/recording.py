"""A platform of a page: requests run side by side in a random order, crash and are sent again.

It records what it sees as a History, so that the oracles can be tried on correct
histories of real programs, and on what becomes of them when something is changed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from core.attempt import attempt
from core.errors import StoreError
from core.ids import RequestId, root_id
from core.layout import DATA, WATERMARK, intent_key
from core.memory import MemoryStore
from core.messages import Failed, Origin, Reply, Request
from core.ports import Commit, Now, Read, ReadVersion, Receive, Send
from core.program import Program
from core.store import Clear
from experiment.record.history import Answered, Committed, History, Sent, Unit


@dataclass(eq=False)
class Process:
    """One attempt at a request, for a client (``parent`` None) or for another attempt."""

    request: Request
    steps: Any
    parent: Process | None
    tries: int = 0
    answer: Any = None
    error: Exception | None = None
    children: list[Process] = field(default_factory=list)
    waits: tuple[int, ...] | None = None
    reply: Reply | None = None


class Platform:
    """Runs requests of one program on a store in memory."""

    def __init__(self, program: Program, seed: int, crash: float = 0.0) -> None:
        self.program, self.crash = program, crash
        self.rng = random.Random(seed)
        self.now = 0.0
        self.store = MemoryStore(clock=lambda: self.now)
        self.store.load(sorted(program.initial.items()))
        self.history = History(initial=dict(program.initial))
        self.running: list[Process] = []
        self.attempts = 0
        self.requests: dict[bytes, Request] = {}

    # --- clients

    def send(self, service: str, method: str, *args: Any) -> Request:
        """A new request of a client."""
        root = root_id(1_700_000_000_000 + len(self.requests), self.rng)
        data = self.program.codec.encode((args, {}))
        request = Request(RequestId(root), service, method, data, Origin(service, method, data))
        self.requests[root] = request
        self.start(request, None, 0)
        return request

    def again(self, request: Request) -> None:
        """A late duplicate."""
        self.start(request, None, 1)

    def run(self) -> SimpleNamespace:
        """Let everything end; the run as the oracles take it."""
        while self.running:
            self.step()
        statuses = {a.id: a.outcome for a in reversed(self.history.answers)}
        results = [
            SimpleNamespace(id=request.id, status=_status(statuses.get(request.id)))
            for request in self.requests.values()
        ]
        final = self.store.snapshot()
        begin, end = DATA
        retained = {k: v for k, v in final.items() if begin <= k < end or k == WATERMARK}
        return SimpleNamespace(
            history=self.history, final=final, retained=retained, settled_after=1.0,
            results=results, set_aside={}, seconds=self.now + 1e6, protocol="mu2sls", modelled=True,
            secret=b"",
        )  # fmt: skip

    # --- the platform

    def start(self, request: Request, parent: Process | None, tries: int) -> Process:
        self.attempts += 1
        steps = attempt(self.program, request, f"attempt-{self.attempts}")
        process = Process(request, steps, parent, tries)
        self.running.append(process)
        if parent is None:
            self.history.sent.append(
                Sent(self.now, request.id, request.service, request.method, request.args, tries)
            )
        return process

    def step(self) -> None:
        self.now += 0.001
        ready = [process for process in self.running if self.is_ready(process)]
        process = self.rng.choice(ready)
        if process.tries < 5 and self.rng.random() < self.crash:
            return self.restart(process)
        try:
            error, process.error = process.error, None
            send = process.steps.send
            effect = send(process.answer) if error is None else process.steps.throw(error)
        except StopIteration as stop:
            return self.end(process, stop.value)
        try:
            process.answer = self.perform(process, effect)
        except StoreError as error:
            process.error = error
            name = type(error).__name__
            refused = self.history.refused_commits
            refused[name] = refused.get(name, 0) + 1

    def is_ready(self, process: Process) -> bool:
        if process.waits is None:
            return True
        children = [process.children[ticket] for ticket in process.waits]
        if any(child.reply is None for child in children):
            return False
        process.waits, process.answer = None, [child.reply for child in children]
        return True

    def restart(self, process: Process) -> None:
        """The request is sent again to another pod; the first one is dead, or only slow."""
        if self.rng.random() < 0.7 or process.reply is not None:
            self.running.remove(process)
        replacement = self.start(process.request, process.parent, process.tries + 1)
        if process.parent is not None:
            siblings = process.parent.children
            if process in siblings:
                siblings[siblings.index(process)] = replacement

    def end(self, process: Process, reply: Reply) -> None:
        process.reply = reply
        failed = isinstance(reply.outcome, Failed) and not reply.outcome.definite
        if failed and process.tries < 10:
            return self.restart(process)
        self.running.remove(process)
        if process.parent is not None:
            return None
        self.history.answers.append(
            Answered(
                self.now, reply.id, reply.outcome, process.tries, reply.version, list(reply.units)
            )
        )
        if reply.intent_recorded and not reply.intent_cleared:
            mutations = [Clear(intent_key(reply.id.root))]
            version = self.store.commit(self.store.read_version(), (), mutations)
            self.history.commits.append(
                Committed(self.now, version, version - 1, None, 0, -1, (), [], mutations)
            )
        return None

    def perform(self, process: Process, effect: Any) -> Any:
        if isinstance(effect, ReadVersion):
            return self.store.read_version()
        if isinstance(effect, Read):
            return self.read(process, effect)
        if isinstance(effect, Commit):
            return self.commit(process, effect)
        if isinstance(effect, Send):
            process.children.append(self.start(effect.request, process, 0))
            return len(process.children) - 1
        if isinstance(effect, Receive):
            process.waits = effect.tickets
        if isinstance(effect, Now):
            self.unit(process, effect.unit, 0).clocks.append(round(self.now * 1e9))
            return round(self.now * 1e9)
        return None

    def unit(self, process: Process, name: str, version: int) -> Unit:
        unit = self.history.units.get(name)
        if unit is None:
            unit = self.history.units[name] = Unit(name, process.request.id, version)
        unit.version = unit.version or version
        return unit

    def read(self, process: Process, effect: Read) -> Any:
        unit = self.unit(process, effect.unit, effect.version)
        values = [self.store.get(key, effect.version) for key in effect.keys]
        unit.reads += zip(effect.keys, values, strict=True)
        ranges = []
        for begin, end, limit in effect.ranges:
            ranges.append(self.store.get_range(begin, end, effect.version, limit))
            unit.scans.append((begin, end, limit, ranges[-1]))
        return values, ranges

    def commit(self, process: Process, effect: Commit) -> int:
        version = self.store.commit(effect.version, effect.reads, effect.mutations)
        self.history.commits.append(
            Committed(
                self.now, version, effect.version, effect.request, effect.place, effect.end,
                effect.units, list(effect.reads), list(effect.mutations),
                process.request.travel is not None,
            )
        )  # fmt: skip
        return version


def _status(outcome: Any) -> str:
    if outcome is None:
        return "indefinite"
    return {"Returned": "succeeded", "Raised": "raised", "Failed": "definite"}[
        type(outcome).__name__
    ]
