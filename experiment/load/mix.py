"""What a load asks: kinds of requests by their weights, and the arguments of each."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

from core.codec import Codec
from experiment.faithful import damage
from experiment.record.history import History
from experiment.scenario.model import Load

__all__ = ["Drawn", "Mix", "encoded"]


class Drawn(NamedTuple):
    """One request of a mix: ``service.method(*args)``."""

    service: str
    method: str
    args: tuple[Any, ...]

    @property
    def call(self) -> str:
        """``Service.method``."""
        return f"{self.service}.{self.method}"


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

    def __init__(self, load: Load, workload: Any) -> None:
        kinds = [(each.call, each.weight, each.args) for each in load.mix]
        if not kinds and not load.calls and workload is not None:
            kinds = [(call, weight, None) for call, weight in workload.mix.items()]
        kinds = kinds or [(step.call, 1.0, step.args) for step in load.calls]
        self._script = [Drawn(*_split(step.call), tuple(step.args)) for step in load.calls]
        self._said = 0
        self.calls = [call for call, _, _ in kinds]
        self._sums = list(accumulate(weight for _, weight, _ in kinds))
        arguments = workload.arguments if workload is not None else {}
        self._kinds = [
            (*_split(call), _drawer(arguments.get(call), given)) for call, _, given in kinds
        ]

    def draw(self, rng: random.Random) -> Drawn:
        """The next request.

        :raises WorkloadError: what the application gives is no tuple of arguments.
        """
        if self._script:
            self._said += 1
            return self._script[self._said - 1]
        index = bisect_right(self._sums, rng.random() * self._sums[-1])
        service, method, draw = self._kinds[min(index, len(self._kinds) - 1)]
        return Drawn(service, method, draw(rng))


def _split(call: str) -> tuple[str, str]:
    service, _, method = call.partition(".")
    return service, method


def _drawer(
    own: Callable[[random.Random], tuple[Any, ...]] | None, given: list[Any] | None
) -> Callable[[random.Random], tuple[Any, ...]]:
    args = () if given is None else tuple(given)
    return own if own is not None and given is None else lambda _: args
