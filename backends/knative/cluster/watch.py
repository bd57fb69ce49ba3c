"""All objects of a kind, again after each change, whatever breaks in between.

A list gives the objects and a resource version; a watch from that version on gives what changes
(Kubernetes API concepts, "Efficient detection of changes"). A watch ends often: the server ends
it after some time, proxies cut it. Then it goes on from the last version seen, so no change is
missed. When the server no longer remembers that version (410), or reports another error in the
middle of a watch, everything is listed again.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from backends.knative.cluster.absence import Absence
from backends.knative.cluster.errors import Broken, ClusterError
from backends.knative.cluster.explain import Answer, explain
from backends.knative.cluster.kinds import Kind
from backends.knative.cluster.objects import Objects

__all__ = ["Snapshot", "observe"]

Snapshot = dict[str, dict[str, Any]]
"""Objects by name."""

_TICK = 2.0
_SLACK = 5.0


def observe(
    objects: Objects,
    kind: Kind,
    selector: str,
    remaining: Callable[[], float],
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Snapshot]:
    """What is there now, then again after each change and every few seconds.

    The iteration ends when no time remains. A server that does not answer is waited for, for a
    minute (:class:`Absence`).

    :param remaining: seconds that are left.
    :raises ClusterError: the objects cannot be watched.
    """
    absence = Absence(sleep, clock)
    seen = False
    while True:
        try:
            listing = objects.list(kind, selector)
            snapshot = {item["metadata"]["name"]: item for item in listing.items}
            seen = True
            yield snapshot
            changes = _Changes(objects, kind, selector, snapshot, listing.version, absence)
            yield from changes.follow(remaining)
        except ClusterError as error:
            if seen and remaining() <= 0:
                return
            absence.wait(error)
            continue
        return


class _Changes:
    """Watches, one after the other, from a version on."""

    def __init__(
        self,
        objects: Objects,
        kind: Kind,
        selector: str,
        snapshot: Snapshot,
        version: str,
        absence: Absence,
    ) -> None:
        self._objects = objects
        self._asked = objects.asked("watch", kind)
        self._selector = selector
        self._snapshot = snapshot
        self._version = version
        self._absence = absence

    def follow(self, remaining: Callable[[], float]) -> Iterator[Snapshot]:
        while (left := remaining()) > 0:
            seconds = math.ceil(min(left, _TICK))
            try:
                for line in self._objects.api.lines(
                    self._asked, self._query(seconds), seconds + _SLACK
                ):
                    if line.strip() and self._take(line):
                        yield self._snapshot
            except Broken as error:
                self._absence.wait(error)  # and on from the last version: no need to list
            else:
                self._absence.over()
            yield self._snapshot

    def _query(self, seconds: int) -> dict[str, str]:
        return {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": self._selector,
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }

    def _take(self, line: bytes) -> bool:
        """Note what an event says; returns whether an object changed.

        :raises Broken: the line is not whole.
        :raises ClusterError: the event is an error.
        """
        try:
            event = json.loads(line)
            kind, item = event["type"], event["object"]
            if kind == "ERROR":
                raise explain(self._asked, Answer.in_status(item))
            metadata = item["metadata"]
            self._version = metadata["resourceVersion"]
        except (ValueError, KeyError, TypeError):
            raise Broken(f"{self._asked}: half an event") from None
        if kind == "BOOKMARK":
            return False
        self._absence.over()
        if kind == "DELETED":
            self._snapshot.pop(metadata["name"], None)
        else:
            self._snapshot[metadata["name"]] = item
        return True
