"""A host without a platform: performs every effect at once, in one thread, without failures.

For tests, and for the checks that drive requests again from their journal.
"""

from __future__ import annotations

from typing import Any

from compiler.api.outside import asked_here
from core.attempt import attempt
from core.driving import drive
from core.ids import RequestId
from core.memory import MemoryStore
from core.messages import Origin, Outcome, Reply, Request
from core.ports import Ask, Commit, Due, Effect, Hear, Now, Read, ReadVersion, Receive, Send, Steps
from core.program import Program
from core.store import read

__all__ = ["DirectHost", "root_request"]


def root_request(
    program: Program, root: bytes, service: str, method: str, *args: Any, **kwargs: Any
) -> Request:
    """A client's request."""
    data = program.codec.encode((args, kwargs))
    return Request(RequestId(root), service, method, data, Origin(service, method, data))


class DirectHost:
    """Runs requests to their end, calls within calls.

    :ivar commits: the commits that were applied, in order.
    :ivar calls: the requests sent, in order.
    :ivar asked: what the outside was asked, in order.
    :ivar effects: how many effects of each kind were performed.
    """

    def __init__(self, program: Program, store: MemoryStore, clock_ns: int = 0) -> None:
        self.program = program
        self.store = store
        self.clock_ns = clock_ns
        self.commits: list[Commit] = []
        self.calls: list[Request] = []
        self.asked: list[Ask] = []
        self.effects: dict[str, int] = {}
        self._replies: list[Reply] = []
        self._attempts = 0

    def run(self, request: Request) -> Reply:
        """Execute one request and everything it calls."""
        self._attempts += 1
        reply: Reply = self.drive(attempt(self.program, request, f"direct{self._attempts}"))
        return reply

    def drive(self, steps: Steps) -> Any:
        """Perform the effects of a generator; what it returns."""
        return drive(steps, self.perform)

    def answer(self, ask: Ask) -> Outcome:
        """Ask the outside, as often as the function's declaration says."""
        function = self.program.outside[ask.function]
        return asked_here(function, function.function, self.program.codec, ask.key, ask.args)

    def perform(self, effect: Effect) -> Any:
        """The answer to one effect; tests override this to strike."""
        kind = type(effect).__name__
        self.effects[kind] = self.effects.get(kind, 0) + 1
        if isinstance(effect, ReadVersion):
            return self.store.read_version()
        if isinstance(effect, Read):
            return read(self.store, effect.version, effect.keys, effect.ranges)
        if isinstance(effect, Commit):
            version = self.store.commit(effect.version, effect.reads, effect.mutations)
            self.commits.append(effect)
            return version
        if isinstance(effect, Send):
            self.calls.append(effect.request)
            self._replies.append(self.run(effect.request))
            return len(self._replies) - 1
        if isinstance(effect, Receive):
            return [self._replies[ticket] for ticket in effect.tickets]
        if isinstance(effect, Ask):
            self.asked.append(effect)
            return len(self.asked) - 1
        if isinstance(effect, Hear):
            return [self.answer(self.asked[ticket]) for ticket in effect.tickets]
        if isinstance(effect, Now):
            self.clock_ns += 1
            return self.clock_ns
        if isinstance(effect, Due):
            return self.clock_ns >= effect.time
        return None
