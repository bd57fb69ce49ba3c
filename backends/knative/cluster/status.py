"""What is there of an application, service by service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from backends.knative.cluster.kinds import DEPLOYMENT, KNATIVE_SERVICE, POD, Kind
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.readiness import WAITED_FOR, readiness
from backends.knative.names import COMPONENT, GATEWAY, selector

__all__ = ["ServiceStatus", "components", "gateway_url", "statuses"]

_KNATIVE_SERVICE_LABEL = "serving.knative.dev/service"


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One Knative service, or the deployment of upkeep.

    :ivar ready: ``ready``, ``waiting`` or ``failed``.
    :ivar url: where it is reached; empty if nowhere.
    :ivar revision: the newest that is ready; for a deployment, its own number.
    :ivar pods: all but those that are about to end; ``pods_ready``: of them.
    :ivar why: what keeps it from being ready.
    """

    service: str
    kind: str
    ready: str
    url: str
    revision: str
    generation: int
    pods: int
    pods_ready: int
    restarts: int
    image: str
    why: str


def statuses(objects: Objects, instance: str) -> list[ServiceStatus]:
    """Every service of a deployment, by name; empty if there is none.

    :raises ClusterError: the cluster cannot be asked.
    """
    chosen = selector(instance)
    pods = objects.list(POD, chosen).items
    return [
        _status(kind, item, _pods_of(kind, item, pods))
        for kind in WAITED_FOR
        for item in sorted(objects.list(kind, chosen).items, key=lambda each: _name(each))
        if not item["metadata"].get("ownerReferences")
    ]


def gateway_url(objects: Objects, instance: str) -> str:
    """Where the gateway is reached; empty if it is not there or not ready.

    :raises ClusterError: the cluster cannot be asked.
    """
    chosen = f"{selector(instance)},{COMPONENT}={GATEWAY}"
    for item in objects.list(KNATIVE_SERVICE, chosen).items:
        return str((item.get("status") or {}).get("url") or "")
    return ""


def components(objects: Objects, instance: str) -> list[str]:
    """What a deployment has, by the values of the component label; empty if it is not there.

    :raises ClusterError: the cluster cannot be asked.
    """
    items = [each for kind in WAITED_FOR for each in objects.list(kind, selector(instance)).items]
    found = {(item["metadata"].get("labels") or {}).get(COMPONENT) for item in items}
    return sorted(str(each) for each in found if each)


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])


def _pods_of(
    kind: Kind, item: Mapping[str, Any], pods: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    if kind == KNATIVE_SERVICE:
        wanted = {_KNATIVE_SERVICE_LABEL: _name(item)}
    else:
        wanted = ((item.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return [
        pod
        for pod in pods
        if wanted.items() <= (pod["metadata"].get("labels") or {}).items()
        and not pod["metadata"].get("deletionTimestamp")
    ]


def _status(kind: Kind, item: Mapping[str, Any], pods: list[dict[str, Any]]) -> ServiceStatus:
    status, found = item.get("status") or {}, readiness(kind, item)
    containers = item["spec"]["template"]["spec"].get("containers") or [{}]
    annotations = item["metadata"].get("annotations") or {}
    rollout = annotations.get("deployment.kubernetes.io/revision", "") if kind == DEPLOYMENT else ""
    return ServiceStatus(
        service=_name(item),
        kind=kind.called,
        ready=found.state,
        url=str(status.get("url") or ""),
        revision=str(status.get("latestReadyRevisionName") or rollout),
        generation=int(item["metadata"].get("generation", 0)),
        pods=len(pods),
        pods_ready=sum(map(_is_ready, pods)),
        restarts=sum(map(_restarts, pods)),
        image=str(containers[0].get("image", "")),
        why=found.why,
    )


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _restarts(pod: Mapping[str, Any]) -> int:
    containers = (pod.get("status") or {}).get("containerStatuses") or []
    return sum(int(each.get("restartCount", 0)) for each in containers)
