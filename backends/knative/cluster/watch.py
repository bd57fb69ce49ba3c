"""All objects of a kind, again after each change, whatever breaks in between.

A list gives the objects and a resource version; a watch from that version on gives what changes
(Kubernetes API concepts, "Efficient detection of changes"). A watch ends often: the server ends
it after some time, proxies cut it. Then it goes on from the last version seen, so no change is
missed. When the server no longer remembers that version (410), everything is listed again.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from backends.knative.cluster.errors import Broken, Gone, ServerFailed
from backends.knative.cluster.explain import Answer, explain
from backends.knative.cluster.kinds import Kind
from backends.knative.cluster.objects import Objects

__all__ = ["Snapshot", "observe"]

Snapshot = dict[str, dict[str, Any]]
"""Objects by name."""

_TICK = 2.0
_SLACK = 5.0
_BREAKS = 10


def observe(
    objects: Objects,
    kind: Kind,
    selector: str,
    remaining: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Snapshot]:
    """What is there now, then again after each change and every few seconds.

    The iteration ends when no time remains.

    :param remaining: seconds that are left.
    :raises ClusterError: the objects cannot be watched.
    """
    while True:
        listing = objects.list(kind, selector)
        snapshot = {item["metadata"]["name"]: item for item in listing.items}
        yield snapshot
        changes = _Changes(objects, kind, selector, snapshot, listing.version, sleep)
        try:
            yield from changes.follow(remaining)
        except Gone:
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
        sleep: Callable[[float], None],
    ) -> None:
        self._objects = objects
        self._asked = objects.asked("watch", kind)
        self._selector = selector
        self._snapshot = snapshot
        self._version = version
        self._sleep = sleep
        self._breaks = 0

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
                self._breaks += 1
                if self._breaks > _BREAKS:
                    raise ServerFailed(f"{error} (it broke {self._breaks} times)") from None
                self._sleep(min(0.1 * 2**self._breaks, 2.0))
            else:
                self._breaks = 0
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
        self._breaks = 0
        if kind == "DELETED":
            self._snapshot.pop(metadata["name"], None)
        else:
            self._snapshot[metadata["name"]] = item
        return True
