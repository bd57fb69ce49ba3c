"""What clients do with ids beside asking again: keys of their own, and ids used a second time.

A client may name a request by a *key* (``Idempotency-Key`` in HTTP). Whoever it asks looks up, or
records, what root id the key stands for, and asks under that. Here half of those clients
ask twice, at once or a while later, each time through somebody who draws an id of his own: for both
the key must stand for one request.

And a client may have a bug: it uses the id of a request that was answered for another one. That
must be refused, without any effect. It is certain only where the first request has left a record in
which the second one has to look: so the first committed at its very beginning, and the second is
one of a single region, which begins there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count, islice

from msgspec.structs import replace

from core.client_keys import root_of_key
from core.errors import Interrupted
from core.ids import RequestId, root_id
from core.messages import Origin, Reply, Request
from core.ports import Steps
from core.program import Program
from experiment.load.mix import Drawn, Mix
from experiment.record.history import History, Misused
from experiment.scenario.model import CLIENT, Load
from sim.calls import ClientCall
from sim.platform.exchange import Exchange
from sim.platform.fabric import Fabric
from sim.platform.timers import later

__all__ = ["Habits", "LookUp"]

LookUp = Callable[[str, Steps, Callable[[bytes | None], object]], object]
"""Lets the platform look up a key: what for, the steps, and what is told the root id, or None."""

_TWICE = 0.5
"""The share of requests under a key that are asked for twice, half of them at once."""
_SOON = 3.0
"""Seconds within which a request is asked for the second time, or its id used again."""
_DRAWN = 8
"""How often another request is drawn that an id might be used for."""
_RECENT = 2_000
"""Commits among which an answered request's own is looked for."""


class Habits:
    """How the clients of one load use ids.

    :ivar open: requests under way that the load does not count.
    """

    def __init__(
        self,
        fabric: Fabric,
        load: Load,
        program: Program,
        mix: Mix,
        history: History,
        rng: random.Random,
        look_up: LookUp,
    ) -> None:
        self._fabric = fabric
        self._load = load
        self._program = program
        self._mix = mix
        self._history = history
        self._rng = rng
        self._look_up = look_up
        self._keys = count()
        self._calls: dict[Exchange, None] = {}

    @property
    def open(self) -> int:
        """Requests under way that the load does not count."""
        return len(self._calls)

    def begin(self, call: ClientCall) -> None:
        """Send a request, perhaps under a key."""
        if self._rng.random() >= self._load.keys:
            call.transmit()
            return
        call.key = f"{self._load.name}-{next(self._keys)}"
        _Naming(self._fabric, call, self._rng, self._look_up).begin()
        if self._rng.random() < _TWICE:
            again = ClientCall(self._fabric, call.request, self._history, self._over)
            again.key = call.key
            self._calls[again] = None
            naming = _Naming(self._fabric, again, self._rng, self._look_up)
            delay = self._rng.uniform(0.0, _SOON) if self._rng.random() < 0.5 else 0.0
            later(self._fabric.env, delay, naming.begin)

    def answered(self, call: Exchange) -> None:
        """A request was answered: perhaps its id is soon used for another one."""
        if self._rng.random() < self._load.reuse:
            later(self._fabric.env, self._rng.uniform(0.0, _SOON), self._reuse, call.request)

    def close(self) -> None:
        """Nobody waits any more."""
        for call in self._calls:
            call.close()
        self._calls.clear()

    def _over(self, call: Exchange) -> None:
        del self._calls[call]

    # --- an id used again

    def _reuse(self, first: Request) -> None:
        if not self._fabric.faults.active or not self._is_recorded(first.id):
            return
        for _ in range(_DRAWN):
            drawn = self._mix.draw(self._rng)
            args = self._program.codec.encode((drawn.args, {}))
            origin = Origin(drawn.service, drawn.method, args, drawn.caller)
            if origin != first.origin and self._begins_with_a_look(drawn):
                request = Request(first.id, drawn.service, drawn.method, args, origin)
                call = _Misuse(self._fabric, request, self._history, self._over)
                self._calls[call] = None
                call.transmit()
                return

    def _begins_with_a_look(self, drawn: Drawn) -> bool:
        method = self._program.method(drawn.service, drawn.method)
        return method is not None and method.facts.single_region and not method.facts.read_only

    def _is_recorded(self, request: RequestId) -> bool:
        recent = islice(reversed(self._history.commits), _RECENT)
        return any(commit.request == request and commit.place == 0 for commit in recent)


class _Misuse(Exchange):
    """A request under the id of another one; every answer is recorded."""

    __slots__ = ("_history",)

    def __init__(
        self,
        fabric: Fabric,
        request: Request,
        history: History,
        ended: Callable[[Exchange], object],
    ) -> None:
        super().__init__(fabric, CLIENT, request, ended)
        self._history = history

    def arrive(self, tried: int, reply: Reply | None) -> None:
        """A reply, or the news that the connection broke."""
        if reply is not None:
            request, now = self.request, self._fabric.env.now
            self._history.misused.append(
                Misused(
                    now, request.id, request.service, request.method, request.args, reply.outcome
                )
            )
        super().arrive(tried, reply)


# --- keys


class _Naming:
    """Finds out what root id the key of a call stands for, and sends the call under it.

    It asks until somebody knows: before that there is no request that could be given up.
    """

    def __init__(
        self, fabric: Fabric, call: ClientCall, rng: random.Random, look_up: LookUp
    ) -> None:
        self._fabric = fabric
        self._call = call
        self._rng = rng
        self._look_up = look_up
        self._tries = 0

    def begin(self) -> None:
        """Ask, for the first time or again."""
        self._tries += 1
        self._fabric.network.carry(self._ask, ())

    def _ask(self) -> None:
        fresh = root_id(self._fabric.now_ns() // 1_000_000, self._rng)
        self._look_up("key", _steps(self._call.key, fresh), self._found)

    def _found(self, root: bytes | None) -> None:
        call, fabric = self._call, self._fabric
        if not call.is_open:
            return
        if root is not None:
            call.request = replace(call.request, id=RequestId(root))
            call.transmit()
        else:
            later(fabric.env, fabric.backoff(self._tries), self.begin)


def _steps(key: str, fresh: bytes) -> Steps:
    """What looks a key up: the root id, or None if the store did not say."""
    try:
        found: bytes = yield from root_of_key(key.encode(), fresh)
    except Interrupted:
        return None
    return found
