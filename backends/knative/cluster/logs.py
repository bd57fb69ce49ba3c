"""The lines of all pods of an application, each with the pod it comes from.

To follow, every container is read by a thread of its own; pods that come later are found by
watching. Lines carry the server's timestamps on the way, so a log whose connection breaks goes
on where it ended: nothing is lost, nothing comes twice. The API server ends a log in good order
even if its own connection to the node broke, so a log has ended when its pod has.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from backends.knative.cluster.absence import Absence
from backends.knative.cluster.diagnosis import SIDECARS
from backends.knative.cluster.errors import Broken, ClusterError, Invalid, NotThere
from backends.knative.cluster.kinds import POD
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.watch import observe

__all__ = ["Line", "Wanted", "follow_logs", "read_logs"]

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log.

    :ivar trouble: whether it says that a log cannot be read, rather than being part of one.
    """

    pod: str
    text: str
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines.

    :ivar selector: of the pods' labels.
    :ivar since: seconds back from now; 0 for all.
    :ivar tail: the last lines of each container; -1 for all.
    :ivar previous: of the run before the last restart.
    """

    selector: str
    since: int = 0
    tail: int = -1
    previous: bool = False

    def query(self) -> dict[str, str]:
        """As the API's log endpoint takes it."""
        found = {"previous": "true"} if self.previous else {}
        if self.since:
            found["sinceSeconds"] = str(self.since)
        if self.tail >= 0:
            found["tailLines"] = str(self.tail)
        return found


def read_logs(objects: Objects, wanted: Wanted) -> Iterator[Line]:
    """What the logs hold now, pod after pod.

    :raises ClusterError: the pods cannot be listed.
    """
    for pod in objects.list(POD, wanted.selector).items:
        for container in _containers(pod):
            name = pod["metadata"]["name"]
            try:
                for text in objects.pod_log(name, container, wanted.query()):
                    yield Line(name, text)
            except ClusterError as error:
                yield Line(name, f"no log: {error}", trouble=True)


def follow_logs(objects: Objects, wanted: Wanted, remaining: Callable[[], float]) -> Iterator[Line]:
    """What the logs hold now and what comes, until no time remains.

    :raises ClusterError: the pods cannot be watched.
    """
    lines: queue.SimpleQueue[Line | ClusterError | None] = queue.SimpleQueue()
    stop = threading.Event()
    finder = threading.Thread(
        target=_find, args=(objects, wanted, remaining, lines, stop), daemon=True
    )
    finder.start()
    try:
        while (line := lines.get()) is not None:
            if isinstance(line, ClusterError):
                raise line
            yield line
    finally:
        stop.set()


def _find(
    objects: Objects,
    wanted: Wanted,
    remaining: Callable[[], float],
    lines: queue.SimpleQueue[Line | ClusterError | None],
    stop: threading.Event,
) -> None:
    """Start a reader for every container that has something to read."""
    known: set[tuple[str, str]] = set()

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    try:
        for pods in observe(objects, POD, wanted.selector, remaining, pause):
            if stop.is_set():
                return
            for pod in list(pods.values()):
                for container in _readable(pod):
                    key = (pod["metadata"]["uid"], container)
                    if key not in known:
                        known.add(key)
                        reader = _Reader(objects, pod["metadata"]["name"], container, lines, stop)
                        threading.Thread(
                            target=reader.read, args=(wanted.query(),), daemon=True
                        ).start()
        lines.put(None)
    except ClusterError as error:
        lines.put(error)


@dataclass(slots=True)
class _Reader:
    """Follows a container's log across its restarts and broken connections, until its pod ends.

    One reader for all runs: when a log ends, the pod's status may still say for a while that the
    run goes on, so which run the next log is of cannot be told. Time stamps can.

    :ivar last: the timestamp of the newest line, and ``same``: how many lines had it.
    :ivar skip: after a break, of the lines that come again: how many with that timestamp.
    """

    objects: Objects
    pod: str
    container: str
    lines: queue.SimpleQueue[Line | ClusterError | None]
    stop: threading.Event
    last: str = ""
    same: int = 0
    skip: int = 0
    trouble: str = ""

    def read(self, query: Mapping[str, str]) -> None:
        """Put every line on the queue until the pod ends."""
        current = dict(query)
        absence = Absence(self.stop.wait, time.monotonic)
        while not self.stop.is_set():
            try:
                with suppress(Broken, Invalid):  # Invalid: between two runs there is no log
                    self._read_once(current)
                if self._has_ended():
                    return
                absence.over()
            except NotThere:
                return
            except ClusterError as error:
                try:
                    absence.wait(error)
                except ClusterError:
                    self.lines.put(Line(self.pod, f"no log: {error}", trouble=True))
                    return
            if self.last:
                current = {"sinceTime": self.last}
            self.skip = self.same
            self.stop.wait(_PAUSE)

    def _read_once(self, query: Mapping[str, str]) -> None:
        following = {**query, "follow": "true", "timestamps": "true"}
        for line in self.objects.pod_log(self.pod, self.container, following):
            if self.stop.is_set():
                return
            stamp, _space, text = line.partition(" ")
            if not _STAMP.fullmatch(stamp):
                self._say(line)
            elif self._is_new(stamp):
                self.lines.put(Line(self.pod, text))

    def _say(self, line: str) -> None:
        """A line of the kubelet's own, which has no stamp: once, however often it is asked."""
        if line != self.trouble:
            self.trouble = line
            self.lines.put(Line(self.pod, line, trouble=True))

    def _has_ended(self) -> bool:
        """Whether the container will not run again."""
        pod = self.objects.get(POD, self.pod)
        phase = (pod or {}).get("status", {}).get("phase")
        return pod is None or phase in ("Succeeded", "Failed")

    def _is_new(self, stamp: str) -> bool:
        """Whether a line with this timestamp has not been told yet.

        The API takes the time to resume from in whole seconds, so some lines come again.
        """
        order, last = _sortable(stamp), _sortable(self.last)
        if order == last and self.skip:
            self.skip -= 1
            return False
        if order < last:
            return False
        self.same = self.same + 1 if order == last else 1
        self.last, self.skip = stamp, 0
        return True


def _sortable(stamp: str) -> tuple[str, str]:
    """An RFC 3339 timestamp in UTC, whose fraction may have any length, in order of time."""
    whole, _point, fraction = stamp.rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")


def _containers(pod: Mapping[str, Any]) -> list[str]:
    names = [each["name"] for each in (pod.get("spec") or {}).get("containers") or []]
    return [name for name in names if name not in SIDECARS]


def _readable(pod: Mapping[str, Any]) -> Iterator[str]:
    """Containers that have something to read."""
    for each in (pod.get("status") or {}).get("containerStatuses") or []:
        state = each.get("state") or {}
        has_run = "running" in state or "terminated" in state or each.get("restartCount", 0)
        if each["name"] not in SIDECARS and has_run:
            yield each["name"]
