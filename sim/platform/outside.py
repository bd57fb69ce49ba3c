"""The outside world in virtual time: what stands in for it, how long it takes, and how it fails.

What stands in is plain Python of the application's workload. Its state is the outside world's, so
it survives whatever dies here; and what is on its way takes effect, whoever asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from compiler.api.outside import tried_once
from core.messages import Outcome
from core.outside import Told
from core.ports import Ask
from core.program import Program
from experiment.record.history import Asked, History, Tried
from experiment.scenario.model import OUTSIDE_ERRORS
from experiment.strikes import MethodFaults
from sim.platform.fabric import Fabric
from sim.platform.timers import later

__all__ = ["Errand", "OutsideWorld"]


class OutsideWorld:
    """Everything that is not ours.

    :param stand_ins: what runs in place of outside functions, by their names.
    """

    def __init__(
        self,
        fabric: Fabric,
        program: Program,
        stand_ins: Mapping[str, Callable[..., Any]],
        rng: random.Random,
        history: History,
    ) -> None:
        self.fabric = fabric
        self.program = program
        self.stand_ins = stand_ins
        self._rng = rng
        self._history = history

    def ask(self, ask: Ask, method: MethodFaults, ended: Callable[[Errand], object]) -> Errand:
        """Begin to ask; ``ended(errand)`` is called when the answer is known."""
        now = self.fabric.env.now
        asked = Asked(now, ask.unit, ask.request, ask.place, ask.function)
        self._history.asked.append(asked)
        errand = Errand(self, ask, asked, method, ended)
        errand.go()
        return errand

    def latency(self) -> float:
        """How long a try takes that is not disturbed, in seconds."""
        model = self.fabric.model
        return model.outside * self._rng.lognormvariate(0.0, model.spread)


class Errand:
    """One question to the outside, with all its tries.

    :ivar outcome: what the program is told; None as long as it is not known.
    """

    __slots__ = ("_ask", "_asked", "_ended", "_method", "_tried", "_world", "outcome")

    def __init__(
        self,
        world: OutsideWorld,
        ask: Ask,
        asked: Asked,
        method: MethodFaults,
        ended: Callable[[Errand], object],
    ) -> None:
        self._world = world
        self._ask = ask
        self._asked = asked
        self._method = method
        self._ended: Callable[[Errand], object] | None = ended
        self._tried = 0
        self.outcome: Outcome | None = None

    def close(self) -> None:
        """Nobody waits any more: no further tries; one that is under way goes on."""
        self._ended = None

    def go(self) -> None:
        """Try, for the first time or again."""
        if self._ended is None:
            return
        self._tried += 1
        world, ask = self._world, self._ask
        fabric, function = world.fabric, world.program.outside[ask.function]
        error = self._error()
        takes, patience = world.latency(), function.timeout / 1e9
        tried = Tried(fabric.env.now, ask.key, ask.args)
        self._asked.tries.append(tried)
        if error != "before_effect":
            later(fabric.env, takes / 2, self._take_effect, tried)
        if error == "no_answer" or takes > patience:
            later(fabric.env, patience, self._fail, tried, function.silent())
        elif error:
            later(fabric.env, takes, self._fail, tried, ConnectionError(f"injected: {error}"))
        else:
            later(fabric.env, takes, self._answer, tried)

    def _error(self) -> str:
        """How this try fails, if a fault strikes."""
        faults = self._world.fabric.faults
        for armed in self._method.outside:
            rng = faults.strike(armed, self._method, self._ask.function)
            if rng is not None:
                return armed.fault.error or rng.choice(OUTSIDE_ERRORS)
        return ""

    def _take_effect(self, tried: Tried) -> None:
        world, ask = self._world, self._ask
        function, codec = world.program.outside[ask.function], world.program.codec
        args, kwargs = codec.decode(ask.args)
        run = world.stand_ins[ask.function]
        told = tried_once(function, run, codec, ask.key, args, kwargs, self._tried)
        tried.gave, tried.pause = told.outcome, told.pause

    def _fail(self, tried: Tried, exception: Exception) -> None:
        world = self._world
        function = world.program.outside[self._ask.function]
        self._tell(tried, function.raised(world.program.codec, exception, self._tried))

    def _answer(self, tried: Tried) -> None:
        assert tried.gave is not None
        self._tell(tried, Told(tried.gave, tried.pause))

    def _tell(self, tried: Tried, told: Told) -> None:
        tried.told = told.outcome
        if self._ended is None:
            return
        if told.pause is not None:
            later(self._world.fabric.env, told.pause / 1e9, self.go)
            return
        ended, self._ended = self._ended, None
        self.outcome = self._asked.outcome = told.outcome
        ended(self)
