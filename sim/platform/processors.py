"""Computing: a process has workers, and all processes may have to share the machine's cores.

Work takes a worker of its process for as long as it lasts and, where cores are counted, a
core; who finds none waits in line. On a cluster with room to spare there is a core for
every worker. On one machine there is not: the gateway and the clients themselves then slow
down the services, which is what decides how much the machine can do.

Not all of a piece of work has to be done before its result is out: a process that has sent an
answer still has to tidy up. That part keeps worker and core busy and delays only what comes next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from simpy import Environment

from sim.platform.timers import later

__all__ = ["Cores", "Processor"]


class Cores:
    """The cores that everything shares, first come, first served.

    :param count: how many; 0 for as many as are asked for.
    """

    def __init__(self, count: int = 0) -> None:
        self._counted = count > 0
        self._free = count
        self._waiting: deque[Callable[[], object]] = deque()

    def take(self, then: Callable[[], object]) -> None:
        """Call ``then`` when a core is there for it, which it keeps until :meth:`give`."""
        if not self._counted:
            then()
        elif self._free:
            self._free -= 1
            then()
        else:
            self._waiting.append(then)

    def give(self) -> None:
        """A core is free again."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


class Processor:
    """The workers of one process.

    :param workers: how many of its activities compute at the same moment.
    :param after: the part of all work that comes after its result, from 0 to 1.
    """

    __slots__ = ("_after", "_busy", "_cores", "_env", "_life", "_runnable", "_workers")

    def __init__(
        self, env: Environment, cores: Cores, workers: int = 1, after: float = 0.0
    ) -> None:
        self._env = env
        self._cores = cores
        self._workers = workers
        self._after = after
        self._busy = 0
        self._runnable: deque[tuple[float, Callable[[], object]]] = deque()
        self._life = 0

    def compute(self, seconds: float, then: Callable[[], object]) -> None:
        """Keep a worker busy for ``seconds``, when one is free, and call ``then``."""
        if self._busy < self._workers:
            self._busy += 1
            self._cores.take(partial(self._begin, self._life, seconds, then))
        else:
            self._runnable.append((seconds, then))

    def kill(self) -> None:
        """Everything that is computed or waits is gone; the workers are free again."""
        self._life += 1
        self._busy = 0
        self._runnable.clear()

    def _begin(self, life: int, seconds: float, then: Callable[[], object]) -> None:
        if life != self._life:
            self._cores.give()
            return
        rest = seconds * self._after
        later(self._env, seconds - rest, self._computed, life, rest, then)

    def _computed(self, life: int, rest: float, then: Callable[[], object]) -> None:
        if rest:
            later(self._env, rest, self._end, life)
        else:
            self._end(life)
        if life == self._life:
            then()

    def _end(self, life: int) -> None:
        self._cores.give()
        if life != self._life:
            return
        if self._runnable:
            seconds, then = self._runnable.popleft()
            self._cores.take(partial(self._begin, life, seconds, then))
        else:
            self._busy -= 1
