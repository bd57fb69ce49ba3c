"""The simulator's FoundationDB: a MemoryStore that takes virtual time, fills up and fails.

Each operation is a SimPy generator, used with ``yield from``; it waits for exactly
one event, so a host may as well drive it by that event's callback. Its latency is
lognormal around the model's median. A read version is as old as the contract
allows: it is taken when it is asked for. Keys and ranges are read together.

The life of a commit::

    asked ──half the latency──▶ arrived ──queue──▶ applied ──the other half──▶ known

The queue lets ``commits_per_second`` through, first come, first served. From
the moment it is asked for, a commit goes on by itself: interrupting the process
that waits for it neither cancels it nor tells anyone how it ended. That is the
span in which faults strike.

Faults come from outside: the caller names one for an operation and the store
plays it. :data:`experiment.scenario.model.STORE_ERRORS` says what fits which operation:

=====================================  ================================================
name                                   what happens
=====================================  ================================================
``store_unavailable``                  StoreUnavailable; a commit is not applied
``transaction_too_old``                TooOld; a commit is not applied
``future_version``                     FutureVersion
``not_committed``                      Conflict, without known keys; it is not applied
``commit_unknown_result_applied``      Unknown; it is applied, if nothing it read changed
``commit_unknown_result_not_applied``  Unknown; it is not applied
``commit_unknown_result_late``         Unknown; it is applied up to two seconds after it
                                       arrived, if nothing it read changed by then
=====================================  ================================================
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from typing import Any

from simpy import Environment, Event

from core.errors import (
    Conflict,
    FutureVersion,
    StoreError,
    StoreUnavailable,
    TooOld,
    Unknown,
)
from core.memory import MemoryStore
from core.store import KeyRange, Keys, Mutation, Ranges, ReadAnswer, read
from experiment.scenario.model import STORE_ERRORS, StoreModel
from sim.durations import Duration

__all__ = ["OnApplied", "SimStore"]

OnApplied = Callable[[Any, int, int, Sequence[KeyRange], Sequence[Mutation]], None]
"""Told of every commit when it is applied: tag, version, read version, reads, mutations."""

_MAYBE = "the commit may or may not have happened, or may yet happen"
_SHOWN: dict[str, tuple[type[StoreError], str]] = {
    "not_committed": (Conflict, ""),
    "commit_unknown_result_applied": (Unknown, _MAYBE),
    "commit_unknown_result_not_applied": (Unknown, _MAYBE),
    "commit_unknown_result_late": (Unknown, _MAYBE),
    "transaction_too_old": (TooOld, "the read version left the window"),
    "future_version": (FutureVersion, "the read version is ahead of the store"),
    "store_unavailable": (StoreUnavailable, "the store did not answer"),
}
_LATE_SECONDS = 2.0
_UNKNOWN_APPLIED = "commit_unknown_result_applied"
_UNKNOWN_LATE = "commit_unknown_result_late"


class SimStore:
    """The store of one simulation.

    :ivar memory: the content; for set-up before the run and checks after it.
    :param rng: the stream that latencies are drawn from.
    :param on_applied: told of every commit at the moment it is applied.
    """

    def __init__(
        self,
        env: Environment,
        model: StoreModel,
        rng: random.Random,
        on_applied: OnApplied | None = None,
    ) -> None:
        self.memory = MemoryStore(lambda: env.now, model.window)
        self._env = env
        self._model = model
        self._rng = rng
        self._read_version = Duration(model.read_version, model.spread, rng).draw
        self._read = Duration(model.read, model.spread, rng).draw
        self._commit = Duration(model.commit, model.spread, rng).draw
        self._on_applied = on_applied
        self._service = 1.0 / model.commits_per_second
        self._free_at = 0.0

    def read_version(self, fault: str = "") -> Generator[Event, Any, int]:
        """Take a read version; see :meth:`core.store.Store.read_version`.

        :raises StoreUnavailable: as the fault says.
        """
        version = self.memory.read_version()
        yield self._env.timeout(self._read_version())
        if fault:
            raise _error(fault, "read_version")
        return version

    def read(
        self,
        version: int,
        keys: Keys,
        ranges: Ranges = (),
        fault: str = "",
    ) -> Generator[Event, Any, ReadAnswer]:
        """Read keys and ranges ``(begin, end, limit)`` at ``version``, in one round trip.

        :raises TooOld, FutureVersion: the version cannot be read, or as the fault says.
        :raises StoreUnavailable: as the fault says.
        """
        yield self._env.timeout(self._read())
        if fault:
            raise _error(fault, "read")
        return read(self.memory, version, keys, ranges)

    def commit(
        self,
        version: int,
        reads: Sequence[KeyRange],
        mutations: Sequence[Mutation],
        tag: Any = None,
        fault: str = "",
    ) -> Generator[Event, Any, int]:
        """Commit; see :meth:`core.store.Store.commit`.

        :param tag: passed on to ``on_applied``.
        :raises StoreError: as the port says, or as the fault says.
        """
        transaction = _Transaction(self, version, tuple(reads), tuple(mutations), tag, fault)
        outcome: int | StoreError = yield transaction.known
        # A SimPy event that fails throws a copy of its exception, without a Conflict's keys.
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def _queue(self) -> float:
        """Take the next place in the queue of commits: how many seconds from now it comes up."""
        now = self._env.now
        turn = max(now, self._free_at)
        self._free_at = turn + self._service
        return turn - now


class _Transaction:
    """A commit on its way; its steps are callbacks of timeouts, cheaper than a process.

    :ivar known: happens when the caller learns the outcome, a version or a StoreError.
    """

    __slots__ = (
        "_fault",
        "_half",
        "_shown",
        "_store",
        "known",
        "mutations",
        "reads",
        "tag",
        "version",
    )

    def __init__(
        self,
        store: SimStore,
        version: int,
        reads: tuple[KeyRange, ...],
        mutations: tuple[Mutation, ...],
        tag: Any,
        fault: str,
    ) -> None:
        self._shown = _error(fault, "commit") if fault else None
        self.version, self.reads, self.mutations, self.tag = version, reads, mutations, tag
        self._store, self._fault = store, fault
        self._half = store._commit() / 2
        self.known = Event(store._env)
        self._after(self._half, self._arrive)

    def _after(self, delay: float, step: Callable[[Event], None]) -> None:
        callbacks: list[Any] = self._store._env.timeout(delay).callbacks
        callbacks.append(step)

    def _arrive(self, event: Event) -> None:
        wait = self._store._queue()
        if wait > 0.0:
            self._after(wait, self._decide)
        else:
            self._decide(event)

    def _decide(self, _: Event) -> None:
        """Apply it, or not, and see that the caller knows after the other half."""
        outcome = self._apply() if self._fault in ("", _UNKNOWN_APPLIED) else None
        if self._fault == _UNKNOWN_LATE:
            self._after(self._store._rng.uniform(0.0, _LATE_SECONDS), self._apply_late)
        self.known._ok, self.known._value = True, self._shown or outcome
        self._store._env.schedule(self.known, delay=self._half)

    def _apply(self) -> int | StoreError:
        store = self._store
        try:
            committed = store.memory.commit(self.version, self.reads, self.mutations)
        except StoreError as error:
            return error
        if store._on_applied is not None:
            store._on_applied(self.tag, committed, self.version, self.reads, self.mutations)
        return committed

    def _apply_late(self, _: Event) -> None:
        self._apply()


def _error(fault: str, operation: str) -> StoreError:
    """The error that a fault shows the caller of an operation.

    :raises ValueError: the fault does not fit the operation.
    """
    fitting = STORE_ERRORS[operation]
    if fault not in fitting:
        raise ValueError(f"no fault {fault!r} for {operation}: there are {', '.join(fitting)}")
    kind, text = _SHOWN[fault]
    return Conflict() if kind is Conflict else kind(f"{text} (injected)")
