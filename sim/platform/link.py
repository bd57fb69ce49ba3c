"""The way from an execution to the store and back.

Here store errors are injected, partitions felt, and everything the store is
asked and answers is recorded. A partition cuts one direction or both: a commit
that cannot get there is not applied, one whose answer cannot get back is; the
execution learns ``Unknown`` in either case, after a time-out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from simpy import Environment

from core.errors import StoreError, StoreUnavailable, Unknown
from core.ids import RequestId
from core.ports import Commit, Read
from core.store import KeyRange, Mutation
from experiment.record.history import Committed, History, Unit
from experiment.scenario.model import STORE_ERRORS
from experiment.strikes import Faults, MethodFaults
from sim.platform.network import Network
from sim.platform.timers import later
from sim.store import SimStore

__all__ = ["STORE", "StoreLink", "Tag"]

STORE = "store"
"""The store's name in partitions."""

_TIMEOUT = 0.5

Answered = Callable[[Any], object]
"""Told how an operation ended: its result, or a StoreError."""


class Tag(NamedTuple):
    """What goes with a commit into the store, to be recorded when it is applied.

    :ivar request: None for maintenance.
    :ivar applied: called at that moment.
    """

    request: RequestId | None
    commit: Commit
    travelling: bool
    applied: Callable[[], object]


class StoreLink:
    """What every execution uses to reach the store; ``store`` is to be given before the first."""

    store: SimStore

    def __init__(
        self, env: Environment, network: Network, faults: Faults, history: History
    ) -> None:
        self._env = env
        self._network = network
        self._faults = faults
        self._history = history

    def aborted(self) -> None:
        """A try at a transaction, or a region, came to nothing, and is made again."""
        self._history.aborted += 1

    # --- the three operations

    def read_version(self, source: str, method: MethodFaults, answered: Answered) -> None:
        """Take a read version for an execution of ``method`` in the service ``source``."""
        self._history.read_versions += 1
        fault = self._fault("read_version", method) if method.store["read_version"] else ""
        self._start(source, self.store.read_version(fault), answered, StoreUnavailable)

    def read(self, source: str, method: MethodFaults, effect: Read, answered: Answered) -> None:
        """Read keys and ranges."""
        self._history.reads += 1
        fault = self._fault("read", method) if method.store["read"] else ""
        operation = self.store.read(effect.version, effect.keys, effect.ranges, fault)
        self._start(source, operation, answered, StoreUnavailable)

    def commit(self, source: str, method: MethodFaults, tag: Tag, answered: Answered) -> None:
        """Commit; ``tag.applied`` is called when, and if, it is applied."""
        fault = self._fault("commit", method) if method.store["commit"] else ""
        effect = tag.commit
        operation = self.store.commit(effect.version, effect.reads, effect.mutations, tag, fault)
        self._start(source, operation, answered, Unknown)

    def _fault(self, call: str, method: MethodFaults) -> str:
        for armed in method.store[call]:
            rng = self._faults.strike(armed, method, call)
            if rng is not None:
                return armed.fault.error or rng.choice(STORE_ERRORS[call])
        return ""

    # --- running one

    def _start(
        self,
        source: str,
        operation: Generator[Any, Any, Any],
        answered: Answered,
        silence: type[StoreError],
    ) -> None:
        if self._network.is_cut(source, STORE):
            self._hear_nothing(answered, silence)
            return
        event = next(operation)

        def known(event: Any) -> None:
            try:
                operation.send(event._value)
            except StopIteration as stop:
                answer: Any = stop.value
            except StoreError as error:
                answer = error
            else:
                raise AssertionError("a store operation waits more than once")
            if self._network.is_cut(STORE, source):
                self._hear_nothing(answered, silence)
                return
            if isinstance(answer, StoreError) and silence is Unknown:
                refused = self._history.refused_commits
                name = type(answer).__name__
                refused[name] = refused.get(name, 0) + 1
            answered(answer)

        event.callbacks.append(known)

    def _hear_nothing(self, answered: Answered, silence: type[StoreError]) -> None:
        later(self._env, _TIMEOUT, self._timed_out, answered, silence)

    def _timed_out(self, answered: Answered, silence: type[StoreError]) -> None:
        if silence is Unknown:
            refused = self._history.refused_commits
            refused["Unknown"] = refused.get("Unknown", 0) + 1
        answered(silence("the store did not answer in time"))

    # --- recording

    def stop_recording(self) -> None:
        """What happens from now on is no part of the run's history."""
        self._history = History()

    def applied(
        self,
        tag: Tag,
        version: int,
        read_version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
    ) -> None:
        """The store applied a commit (:data:`sim.store.OnApplied`)."""
        effect = tag.commit
        self._history.commits.append(
            Committed(
                self._env.now,
                version,
                read_version,
                tag.request,
                effect.place,
                effect.end,
                effect.units,
                list(reads),
                list(mutations),
                tag.travelling,
            )
        )
        tag.applied()

    def saw(self, request: RequestId | None, effect: Read, answer: Any) -> None:
        """An execution learned what ``effect`` asked for."""
        if request is None:
            return
        unit = self.unit(effect.unit, request, effect.version)
        values, ranges = answer
        unit.reads.extend(zip(effect.keys, values, strict=True))
        for (begin, end, limit), pairs in zip(effect.ranges, ranges, strict=True):
            unit.scans.append((begin, end, limit, pairs))

    def unit(self, name: str, request: RequestId, version: int) -> Unit:
        """The record of a region attempt, made when it is first heard of."""
        units = self._history.units
        found = units.get(name)
        if found is None:
            found = units[name] = Unit(name, request, version)
        elif not found.version:
            found.version = version
        return found
