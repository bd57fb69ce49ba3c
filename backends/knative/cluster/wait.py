"""Waits until everything that becomes ready is ready, or something failed.

A condition that is False can turn True by itself: a controller tries again. So a failure
counts once it has lasted for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.knative.cluster.diagnosis import diagnose
from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.kinds import Kind, describe
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.readiness import WAITED_FOR, Readiness, readiness
from backends.knative.cluster.watch import Snapshot, observe

__all__ = ["Progress", "Waiting", "wait_until_gone", "wait_until_ready"]

Progress = Callable[[Kind, str, Readiness], None]
"""Is told, for each object, how far it is; only when that changes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """For how long; durations in seconds.

    :ivar settle: how long something has to have failed before it counts.
    """

    timeout: float = 300.0
    settle: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def wait_until_ready(
    objects: Objects,
    selector: str,
    expected: Iterable[tuple[Kind, str]],
    waiting: Waiting,
    told: Progress = lambda _kind, _name, _readiness: None,
) -> None:
    """Return once all of them are ready.

    :param expected: kind and name; kinds without readiness are left out.
    :raises NotReady: one failed, or time ran out; the message says why.
    :raises ClusterError: the cluster cannot be asked.
    """
    names = list(expected)
    end = waiting.clock() + waiting.timeout
    for kind in WAITED_FOR:
        wanted = {name for each, name in names if each == kind}
        if wanted:
            _One(objects, selector, kind, wanted, waiting, told).wait(end)


class _One:
    """The objects of one kind."""

    def __init__(
        self,
        objects: Objects,
        selector: str,
        kind: Kind,
        names: set[str],
        waiting: Waiting,
        told: Progress,
    ) -> None:
        self._objects = objects
        self._selector = selector
        self._kind = kind
        self._names = sorted(names)
        self._waiting = waiting
        self._told = told
        self._last: dict[str, Readiness] = {}
        self._failed_since: dict[str, float] = {}

    def wait(self, end: float) -> None:
        snapshot: Snapshot = {}
        for snapshot in observe(
            self._objects,
            self._kind,
            self._selector,
            lambda: end - self._waiting.clock(),
            self._waiting.sleep,
        ):
            if self._look(snapshot, self._waiting.clock()):
                return
            for name, since in self._failed_since.items():
                if self._waiting.clock() - since >= self._waiting.settle:
                    raise self._not_ready([name], snapshot, "failed")
        late = [name for name in self._names if self._last[name].state != "ready"]
        raise self._not_ready(
            late, snapshot, f"is not ready after {self._waiting.timeout:g} s (--timeout)"
        )

    def _look(self, snapshot: Snapshot, now: float) -> bool:
        """Take note of what is there; returns whether all are ready."""
        for name in self._names:
            item = snapshot.get(name)
            found = readiness(self._kind, item) if item else Readiness("waiting", "it is not there")
            if self._last.get(name) != found:
                self._told(self._kind, name, found)
            self._last[name] = found
            if found.state == "failed":
                self._failed_since.setdefault(name, now)
            else:
                self._failed_since.pop(name, None)
        return all(self._last[name].state == "ready" for name in self._names)

    def _not_ready(self, names: list[str], snapshot: Snapshot, what: str) -> NotReady:
        lines = []
        for name in names:
            lines.append(f"{describe(self._kind, name)} {what}: {self._last[name].why}")
            if name in snapshot:
                lines += [
                    f"  {line}" for line in diagnose(self._objects, self._kind, snapshot[name])
                ]
        return NotReady("\n".join(lines))


def wait_until_gone(
    objects: Objects, gone: Iterable[tuple[Kind, str]], selector: str, waiting: Waiting
) -> None:
    """Return once none of them is there any more.

    :raises NotReady: time ran out; the message says what holds them.
    :raises ClusterError: the cluster cannot be asked.
    """
    names = list(gone)
    end = waiting.clock() + waiting.timeout
    for kind in dict.fromkeys(kind for kind, _name in names):
        wanted = {name for each, name in names if each == kind}
        left: Snapshot = {}
        for snapshot in observe(
            objects, kind, selector, lambda: end - waiting.clock(), waiting.sleep
        ):
            left = {name: item for name, item in snapshot.items() if name in wanted}
            if not left:
                break
        if left:
            raise _still_there(kind, left, waiting.timeout)


def _still_there(kind: Kind, left: Snapshot, timeout: float) -> NotReady:
    lines = []
    for name, item in left.items():
        held = ", ".join(item["metadata"].get("finalizers") or []) or "nothing that is known"
        lines.append(
            f"{describe(kind, name)} is not gone after {timeout:g} s (--timeout): finalizers "
            f"that hold it: {held}; the controllers in charge of them may not run"
        )
    return NotReady("\n".join(lines))
