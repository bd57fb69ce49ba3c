"""What a load asks: kinds of requests by their weights, and the arguments of each."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

from core.callers import NOBODY, Caller, decode_caller, encode_caller, turned_away
from core.codec import Codec
from core.program import Program
from experiment.faithful import damage
from experiment.record.history import History
from experiment.scenario.model import Call, Load

__all__ = ["Drawn", "Mix", "encoded", "not_admitted"]


class Drawn(NamedTuple):
    """One request of a mix: ``service.method(*args)``.

    :ivar caller: who asks, as it travels.
    """

    service: str
    method: str
    args: tuple[Any, ...]
    caller: bytes = b""

    @property
    def call(self) -> str:
        """``Service.method``."""
        return f"{self.service}.{self.method}"


def not_admitted(program: Program, drawn: Drawn) -> str:
    """Why a gateway turns a request away before it has a key; empty if it does not."""
    method = program.method(drawn.service, drawn.method)
    caller = decode_caller(drawn.caller)
    return "" if method is None else turned_away(drawn.call, method.allow, caller)


def encoded(drawn: Drawn, codec: Codec, history: History) -> bytes:
    """The arguments as they are sent; that they are not what was drawn goes into the history."""
    meant: tuple[tuple[Any, ...], dict[str, Any]] = (drawn.args, {})
    data = codec.encode(meant)
    if garbled := damage(codec, meant, data):
        history.garbled.append(f"{drawn.call} was asked for, but {garbled}")
    return data


class Mix:
    """Draws the requests of one load; those of a script in their order.

    :param workload: a :class:`compiler.workload.Workload`, whose mix is taken where the load
        has none, and which draws arguments where the load gives none; or None.
    :ivar calls: what it draws from, as ``Service.method``.
    """

    def __init__(self, load: Load, workload: Any, program: Program) -> None:
        kinds = list(load.mix)
        if not kinds and not load.calls and workload is not None:
            kinds = [Call(call, weight) for call, weight in workload.mix.items()]
        kinds = kinds or [Call(step.call, 1.0, step.args) for step in load.calls]
        self._callers: dict[str, Caller] = workload.callers if workload is not None else {}
        self._script = [
            Drawn(*_split(step.call), tuple(step.args), self._named(step.caller))
            for step in load.calls
        ]
        self._said = 0
        self.calls = [each.call for each in kinds]
        self._sums = list(accumulate(each.weight for each in kinds))
        arguments = workload.arguments if workload is not None else {}
        self._kinds = [
            (
                *_split(each.call),
                _drawer(arguments.get(each.call), each.args),
                self._who(each, program),
            )
            for each in kinds
        ]

    def _named(self, subject: str) -> bytes:
        return encode_caller(self._callers.get(subject, NOBODY))

    def _who(self, kind: Call, program: Program) -> list[bytes]:
        """Who may be drawn to ask: who is named, or else all who may."""
        if kind.caller:
            return [self._named(kind.caller)]
        method = program.method(*_split(kind.call))
        roles = method.allow if method is not None else frozenset()
        return [
            encode_caller(each)
            for each in self._callers.values()
            if not turned_away(kind.call, roles, each)
        ]

    def draw(self, rng: random.Random) -> Drawn:
        """The next request.

        :raises WorkloadError: what the application gives is no tuple of arguments.
        """
        if self._script:
            self._said += 1
            return self._script[self._said - 1]
        index = bisect_right(self._sums, rng.random() * self._sums[-1])
        service, method, draw, who = self._kinds[min(index, len(self._kinds) - 1)]
        args = draw(rng)
        caller = who[0] if len(who) == 1 else rng.choice(who) if who else b""
        return Drawn(service, method, args, caller)


def _split(call: str) -> tuple[str, str]:
    service, _, method = call.partition(".")
    return service, method


def _drawer(
    own: Callable[[random.Random], tuple[Any, ...]] | None, given: list[Any] | None
) -> Callable[[random.Random], tuple[Any, ...]]:
    args = () if given is None else tuple(given)
    return own if own is not None and given is None else lambda _: args
