"""Why something is not ready, from what Kubernetes knows: everything a person would look up.

For a Knative service: its failing conditions, those of its newest revision, its pods and why
their containers wait or ended, recent warnings, and the last lines of the failing container's
log. Nothing here fails: what cannot be read is said to be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backends.knative.cluster.errors import ClusterError
from backends.knative.cluster.kinds import (
    DEPLOYMENT,
    EVENT,
    FDB_CLUSTER,
    KNATIVE_SERVICE,
    POD,
    REVISION,
    Kind,
    describe,
)
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.readiness import conditions

__all__ = ["SIDECARS", "container_states", "diagnose", "pods_selector", "stuck"]

SIDECARS = frozenset({"queue-proxy", "istio-proxy"})
"""Containers that are not the application's: they fail where the other one does, and say more."""
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Why a container waits for something that must be mended (Kubernetes, "Pod Lifecycle")."""
_EVENTS = 5
_LOG_LINES = 20
_PODS = 3
_CHARACTERS = 500


def pods_selector(kind: Kind, item: Mapping[str, Any]) -> str:
    """The label selector of an object's pods; empty if it has none.

    Knative labels the pods of its services (Knative runtime contract, labels).
    """
    if kind == KNATIVE_SERVICE:
        return f"serving.knative.dev/service={item['metadata']['name']}"
    if kind == FDB_CLUSTER:
        return f"foundationdb.org/fdb-cluster-name={item['metadata']['name']}"
    labels = ((item.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def container_states(pod: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Name, what is wrong, and whether an earlier run's log matters, per container not at work."""
    status = pod.get("status") or {}
    statuses = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    for container in statuses:
        state, last = container.get("state") or {}, container.get("lastState") or {}
        restarts = container.get("restartCount", 0)
        if "waiting" in state:
            before = _ended(last["terminated"]) if "terminated" in last else ""
            text = _text(state["waiting"]) + (f"; before that: {before}" if before else "")
            yield container["name"], text, restarts > 0
        elif "terminated" in state and state["terminated"].get("exitCode"):
            yield container["name"], _ended(state["terminated"]), False
        elif not container.get("ready", True):
            yield container["name"], f"runs, but is not ready; {restarts} restarts", False


def stuck(objects: Objects, kind: Kind, item: Mapping[str, Any]) -> str:
    """Why a pod of the newest revision cannot start, and will not by waiting; empty if none.

    :raises ClusterError: the pods cannot be listed.
    """
    selector = _newest(kind, item)
    pods = objects.list(POD, selector).items if selector else []
    if kind == DEPLOYMENT:
        pods = [pod for pod in pods if _is_newest(item, pod)]
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        for container, why, _ in container_states(pod):
            if why.partition(":")[0].partition(";")[0] in _STUCK:
                return _short(f"pod {pod['metadata']['name']}: container {container}: {why}")
    return ""


def _newest(kind: Kind, item: Mapping[str, Any]) -> str:
    """The label selector of the pods of the newest revision, as far as labels tell."""
    selector = pods_selector(kind, item)
    if kind != KNATIVE_SERVICE:
        return selector
    revision = (item.get("status") or {}).get("latestCreatedRevisionName", "")
    return f"{selector},serving.knative.dev/revision={revision}" if revision else ""


def _is_newest(item: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a deployment's pod is made of its template as it is now."""
    wanted = item["spec"]["template"]["metadata"].get("annotations") or {}
    return wanted.items() <= (pod["metadata"].get("annotations") or {}).items()


def diagnose(objects: Objects, kind: Kind, item: Mapping[str, Any]) -> list[str]:
    """Lines that say why an object is not ready."""
    return list(_Diagnosis(objects).of(kind, item))


class _Diagnosis:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def of(self, kind: Kind, item: Mapping[str, Any]) -> Iterator[str]:
        yield from _failing(describe(kind, item["metadata"]["name"]), item)
        subjects = [(kind.kind, item["metadata"]["name"])]
        selector = _newest(kind, item) or pods_selector(kind, item)
        revision = (item.get("status") or {}).get("latestCreatedRevisionName", "")
        if kind == KNATIVE_SERVICE and revision:
            yield from self._revision(revision)
            subjects.append(("Revision", revision))
        try:
            pods = self._objects.list(POD, selector).items if selector else []
        except ClusterError as error:
            yield f"its pods cannot be listed: {error}"
            pods = []
        troubled = [pod for pod in pods if _trouble(pod)][:_PODS]
        for pod in troubled:
            yield from self._pod(pod)
        subjects += [("Pod", pod["metadata"]["name"]) for pod in troubled]
        yield from self._events(subjects)

    def _revision(self, name: str) -> Iterator[str]:
        try:
            revision = self._objects.get(REVISION, name)
        except ClusterError as error:
            yield f"revision {name} cannot be read: {error}"
            return
        if revision is not None:
            yield from _failing(f"revision {name}", revision)

    def _pod(self, pod: Mapping[str, Any]) -> Iterator[str]:
        name = pod["metadata"]["name"]
        yield from _trouble(pod)
        for container, _why, previous in container_states(pod):
            if container not in SIDECARS:
                yield from self._log(name, container, previous)

    def _log(self, pod: str, container: str, previous: bool) -> Iterator[str]:
        query = {"tailLines": str(_LOG_LINES), "previous": "true" if previous else "false"}
        try:
            lines = list(self._objects.pod_log(pod, container, query))
        except ClusterError as error:
            yield f"container {container} of pod {pod}: no log: {_short(str(error))}"
            return
        if lines:
            yield f"last lines of container {container} of pod {pod}:"
            yield from (f"  | {_short(line)}" for line in lines)

    def _events(self, subjects: list[tuple[str, str]]) -> Iterator[str]:
        found: list[tuple[str, str]] = []
        for kind, name in subjects:
            fields = f"involvedObject.kind={kind},involvedObject.name={name}"
            try:
                events = self._objects.list(EVENT, fields=fields).items
            except ClusterError as error:
                yield f"events cannot be listed: {_short(str(error))}"
                return
            for event in events:
                if event.get("type") != "Normal" and not _is_of_sidecar(event):
                    times = event.get("count") or 1
                    said = _short(f"{event.get('reason')}: {event.get('message')}")
                    line = f"event of {kind} {name}: {said}" + (f" ({times} times)" * (times > 1))
                    found.append((_time(event), line))
        yield from (line for _at, line in sorted(found)[-_EVENTS:])


def _is_of_sidecar(event: Mapping[str, Any]) -> bool:
    """Whether it is about a container that is not the application's, whose probes fail with it."""
    path = (event.get("involvedObject") or {}).get("fieldPath") or ""
    return any(f"{{{name}}}" in path for name in SIDECARS)


def _failing(what: str, item: Mapping[str, Any]) -> Iterator[str]:
    for condition in conditions(item):
        if condition.get("status") != "True" and condition.get("severity", "") != "Info":
            said = _short(_text(condition)) or "no reason given"
            yield f"{what}: {condition.get('type')} is {condition.get('status')}: {said}"


def _trouble(pod: Mapping[str, Any]) -> list[str]:
    """What is wrong with a pod, in lines; none if nothing is."""
    name = pod["metadata"]["name"]
    states = list(container_states(pod))
    own = [state for state in states if state[0] not in SIDECARS] or states
    lines = [f"pod {name}: container {each}: {_short(why)}" for each, why, _ in own]
    lines += [
        f"pod {name}: not scheduled: {_short(_text(condition))}"
        for condition in conditions(pod)
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    ]
    status = pod.get("status") or {}
    if not lines and status.get("phase") == "Failed":
        lines.append(f"pod {name}: {_short(_text(status)) or 'failed'}")
    return lines


def _ended(terminated: Mapping[str, Any]) -> str:
    said = _text(terminated)
    return f"ended with status {terminated.get('exitCode')}" + (f" ({said})" if said else "")


def _text(state: Mapping[str, Any]) -> str:
    return ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CHARACTERS else line[: _CHARACTERS - 3] + "..."


def _time(event: Mapping[str, Any]) -> str:
    metadata = event.get("metadata") or {}
    known = (event.get("lastTimestamp"), event.get("eventTime"), metadata.get("creationTimestamp"))
    return next((str(time) for time in known if time), "")
