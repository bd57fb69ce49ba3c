"""Computing: a process has workers, and all processes may have to share the machine's cores.

Work takes a worker of its process for as long as it lasts and, where cores are counted, a
core; who finds none waits in line. On a cluster with room to spare there is a core for
every worker. On one machine there is not: a store's client, a gateway and the clients
themselves then slow down the services, which is what decides how much the machine can do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from simpy import Environment

from sim.platform.timers import later

__all__ = ["Cores", "Processor"]


class Cores:
    """The cores that everything shares, first come, first served.

    :param count: how many; 0 for as many as are asked for.
    """

    def __init__(self, env: Environment, count: int = 0) -> None:
        self._env = env
        self._free = count
        self._counted = count > 0
        self._waiting: deque[tuple[float, Callable[..., object], tuple[Any, ...]]] = deque()

    def run(self, seconds: float, then: Callable[..., object], *arguments: Any) -> None:
        """Keep a core busy for ``seconds``, when one is free, and call ``then(*arguments)``."""
        if not self._counted:
            later(self._env, seconds, then, *arguments)
        elif self._free:
            self._free -= 1
            later(self._env, seconds, self._ran, then, arguments)
        else:
            self._waiting.append((seconds, then, arguments))

    def _ran(self, then: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self._free += 1
        if self._waiting:
            seconds, following, its = self._waiting.popleft()
            self.run(seconds, following, *its)
        then(*arguments)


class Processor:
    """The workers of one process.

    :param workers: how many of its activities compute at the same moment.
    """

    __slots__ = ("_busy", "_cores", "_life", "_runnable", "_workers")

    def __init__(self, cores: Cores, workers: int) -> None:
        self._cores = cores
        self._workers = workers
        self._busy = 0
        self._runnable: deque[tuple[float, Callable[[], object]]] = deque()
        self._life = 0

    def compute(self, seconds: float, then: Callable[[], object]) -> None:
        """Keep a worker busy for ``seconds``, when one is free, and call ``then``."""
        if self._busy < self._workers:
            self._busy += 1
            self._cores.run(seconds, self._computed, self._life, then)
        else:
            self._runnable.append((seconds, then))

    def kill(self) -> None:
        """Everything that is computed or waits is gone; the workers are free again."""
        self._life += 1
        self._busy = 0
        self._runnable.clear()

    def _computed(self, life: int, then: Callable[[], object]) -> None:
        if life != self._life:
            return
        if self._runnable:
            seconds, following = self._runnable.popleft()
            self._cores.run(seconds, self._computed, life, following)
        else:
            self._busy -= 1
        then()
