"""Waits until everything that becomes ready is ready, or something failed.

A condition that is False can turn True by itself: a controller tries again. So a failure
counts once it has lasted for a while. Knative says Unknown for ten minutes where a pod says within
seconds that its image cannot be pulled, or that it crashes, so the pods are looked at as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backends.knative.cluster.diagnosis import diagnose, stuck
from backends.knative.cluster.errors import ClusterError, NotReady
from backends.knative.cluster.kinds import FDB_CLUSTER, POD, REVISION, Kind, describe
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.readiness import WAITED_FOR, Readiness, readiness
from backends.knative.cluster.watch import Snapshot, observe

__all__ = ["Progress", "Waiting", "wait_until_ended", "wait_until_gone", "wait_until_ready"]

_GLANCE = 1.0
_POD_TRIES = 3
"""Times ``settle``, for what only pods say: longer than the kubelet waits before it tries again."""
_NAMED = 5
"""Of many objects, so many are named."""

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
    for kind in (FDB_CLUSTER, *WAITED_FOR):
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
        self._pods: dict[str, tuple[float, str]] = {}

    def wait(self, end: float) -> None:
        snapshot: Snapshot = {}
        for snapshot in observe(
            self._objects,
            self._kind,
            self._selector,
            lambda: end - self._waiting.clock(),
            self._waiting.sleep,
            self._waiting.clock,
        ):
            if self._look(snapshot, self._waiting.clock()):
                return
            for name, since in self._failed_since.items():
                if self._waiting.clock() - since >= self._settle(name):
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
            if item and found.state == "waiting" and (why := self._stuck(name, item, now)):
                found = Readiness("failed", why)
            if self._last.get(name) != found:
                self._told(self._kind, name, found)
            self._last[name] = found
            if found.state == "failed":
                self._failed_since.setdefault(name, now)
            else:
                self._failed_since.pop(name, None)
        return all(self._last[name].state == "ready" for name in self._names)

    def _stuck(self, name: str, item: Mapping[str, Any], now: float) -> str:
        """What a pod says that cannot start; asked about once a second."""
        asked, why = self._pods.get(name, (-math.inf, ""))
        if now - asked >= _GLANCE:
            try:
                why = stuck(self._objects, self._kind, item)
            except ClusterError:  # who may not look at pods, or cannot just now, waits all the same
                why = ""
            self._pods[name] = (now, why)
        return why

    def _settle(self, name: str) -> float:
        """How long a failure has to last: pods try again by themselves after ten seconds."""
        of_pods = bool(self._pods.get(name, (0.0, ""))[1])
        return self._waiting.settle * (_POD_TRIES if of_pods else 1)

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
            objects, kind, selector, lambda: end - waiting.clock(), waiting.sleep, waiting.clock
        ):
            left = {name: item for name, item in snapshot.items() if name in wanted}
            if not left:
                break
        if left:
            raise _still_there(kind, left, waiting.timeout)


def wait_until_ended(objects: Objects, selector: str, waiting: Waiting) -> None:
    """Return once no pod and no revision is left: they go after what made them.

    :raises NotReady: time ran out; the message says what is left.
    :raises ClusterError: the pods cannot be listed.
    """
    end = waiting.clock() + waiting.timeout
    remaining = lambda: end - waiting.clock()  # noqa: E731
    for pods in observe(objects, POD, selector, remaining, waiting.sleep, waiting.clock):
        left = [describe(POD, name) for name in sorted(pods)]
        if not left:
            left = _revisions(objects, selector)
        if not left:
            return
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    raise NotReady(
        f"deleted, but {', '.join(left[:_NAMED])}{more} is not gone after {waiting.timeout:g} s "
        "(--timeout): pods have the grace of their requests to end in, and nodes that do not "
        "answer keep theirs; `kubectl get pods` shows them"
    )


def _revisions(objects: Objects, selector: str) -> list[str]:
    try:
        found = objects.list(REVISION, selector).items
    except ClusterError:  # who may not look at them has seen that no pod is left
        return []
    return [describe(REVISION, each["metadata"]["name"]) for each in found]


def _still_there(kind: Kind, left: Snapshot, timeout: float) -> NotReady:
    lines = []
    for name, item in left.items():
        held = ", ".join(item["metadata"].get("finalizers") or []) or "nothing that is known"
        lines.append(
            f"{describe(kind, name)} is not gone after {timeout:g} s (--timeout): finalizers "
            f"that hold it: {held}; the controllers in charge of them may not run"
        )
    return NotReady("\n".join(lines))
