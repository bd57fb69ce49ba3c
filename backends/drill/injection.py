"""Which fault strikes where, in one process of a drill.

The rules are those of every world (:mod:`experiment.strikes`): an opportunity is every place where
a fault may strike, and ``nth``, ``schedule`` or ``probability`` decide. What counts over the
whole application (``nth``, ``schedule``, ``limit``) is decided in shared memory; a mere
probability by each process for itself. A strike is told to the runner before it takes effect:
it may be the last thing that the process does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import msgspec

from backends.drill.shared import Shared
from experiment import strikes
from experiment.randomness import stream
from experiment.scenario.model import Fault, Scenario
from experiment.strikes import MethodFaults

__all__ = ["Armed", "Injection", "Strike"]

_NEVER = -1


class Strike(msgspec.Struct, array_like=True):
    """A fault struck.

    :ivar time: seconds since the experiment began.
    :ivar pid: of the process that is stopped for ``seconds``; 0 if none is.
    """

    time: float
    fault: int
    where: str
    nth: int
    pid: int = 0
    seconds: float = 0.0


class Armed(strikes.Armed):
    """One declared fault in one process."""

    __slots__ = ("_shared", "_together")

    def __init__(self, fault: Fault, index: int, shared: Shared, rng: random.Random) -> None:
        super().__init__(fault, index, 0)
        self._rng = rng
        self._shared = shared
        self._together = bool(fault.nth or fault.schedule or fault.limit)

    def opportunity(self, now: float) -> int:
        """The number of this opportunity if the fault strikes at it, else -1.

        A fault that is decided by chance alone does not number its opportunities: 0.
        """
        if self._together:
            return self._decide_together(now)
        return 0 if now >= self.fault.start and self.chance() else _NEVER

    def _decide_together(self, now: float) -> int:
        fault = self.fault
        with self._shared.together(self.index) as cells:
            number = cells[0]
            cells[0] += 1
            if fault.limit and cells[1] >= fault.limit:
                return _NEVER
            if not self._strikes(number, now, cells):
                return _NEVER
            cells[1] += 1
            return number

    def _strikes(self, number: int, now: float, cells: memoryview) -> bool:
        fault = self.fault
        if fault.nth:
            return number in fault.nth
        if now < fault.start:
            return False
        if fault.schedule:
            period, due = fault.schedule, cells[2] / 1e6
            if not cells[2]:
                due = fault.start + period * self._rng.random()
                cells[2] = int(due * 1e6)
            if now < due:
                return False
            cells[2] = int((due + period * (1 + (now - due) // period)) * 1e6)
        return self.chance()


class Injection:
    """The faults of one process.

    :param report: a pipe to the runner.
    :param names: tell this process's random streams from all others'.
    :ivar details: the stream for everything else that is random about a strike.
    """

    def __init__(
        self, scenario: Scenario, shared: Shared, report: int, names: Sequence[str]
    ) -> None:
        self.shared = shared
        self._report = report
        self._armed: list[strikes.Armed] = [
            Armed(fault, index, shared, stream(scenario.seed, "fault", str(index), *names))
            for index, fault in enumerate(scenario.faults)
        ]
        self.details = stream(scenario.seed, "strike", *names)
        self._methods: dict[tuple[str, str], MethodFaults] = {}

    def now(self) -> float:
        """Seconds since the experiment began."""
        return self.shared.now()

    def method(self, service: str, method: str) -> MethodFaults:
        """What can strike one method."""
        key = (service, method)
        found = self._methods.get(key)
        if found is None:
            found = self._methods[key] = MethodFaults(service, method, self._armed)
        return found

    def strike(self, armed: strikes.Armed, where: str) -> random.Random | None:
        """One opportunity of ``armed``: the strike's details if it strikes, and it is told."""
        if not self.shared.is_active:
            return None
        number = armed.opportunity(self.now())
        if number < 0:
            return None
        self.tell(Strike(self.now(), armed.index, where, number))
        return self.details

    def tell(self, strike: Strike) -> None:
        """Tell the runner; written in one piece, whoever else writes."""
        data = msgspec.msgpack.encode(strike)
        os.write(self._report, len(data).to_bytes(2, "big") + data)
