"""What runs: a Knative Service for each service and for the gateway, a Deployment for upkeep."""

from __future__ import annotations

import math
from typing import Any

from backends.knative.config_hash import CONFIG_HASH
from backends.knative.container import PORT, pod
from backends.knative.edges import Edges
from backends.knative.names import COMPONENT, GATEWAY, INSTANCE, UPKEEP, Names
from backends.knative.settings import Scale, Settings

__all__ = ["SERVING", "knative_service", "upkeep_deployment"]

SERVING = "serving.knative.dev/v1"
_VISIBILITY = "networking.knative.dev/visibility"
_AUTOSCALING = "autoscaling.knative.dev"
_SPARE_SECONDS = 5
"""Between the end of a node's grace and the moment Kubernetes kills it."""


def knative_service(
    part: str, names: Names, edges: Edges, settings: Settings, config: str
) -> dict[str, Any]:
    """The Knative Service of a service, visible within the cluster alone, or of the gateway.

    :param config: the hash for ``CONFIG_HASH``.
    """
    component = names.components[part]
    metadata = names.metadata(names.of(part), component)
    if part != GATEWAY or not settings.public:
        metadata["labels"][_VISIBILITY] = "cluster-local"
    scale = settings.scales.get(part, settings.scale)
    spec = pod(part, names, settings)
    spec["containerConcurrency"] = _hard_limit(part, edges, scale)
    spec["timeoutSeconds"] = settings.timeout
    annotations = {CONFIG_HASH: config, **_autoscaling(part, scale, settings)}
    return {
        "apiVersion": SERVING,
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "template": {
                "metadata": {"labels": names.labels(component), "annotations": annotations},
                "spec": spec,
            }
        },
    }


def _hard_limit(part: str, edges: Edges, scale: Scale) -> int:
    """The most requests in a pod, 0 for no limit.

    None for the gateway, which keeps a queue of its own, and none where a call may come back:
    requests that hold all places would wait for one that finds none.
    """
    return 0 if part == GATEWAY or part in edges.circular else scale.concurrency


def _autoscaling(part: str, scale: Scale, settings: Settings) -> dict[str, str]:
    """The annotations that Knative's autoscaler reads; their values are strings."""
    target = settings.nodes.concurrency if part == GATEWAY else scale.concurrency
    found = {
        f"{_AUTOSCALING}/min-scale": str(scale.min_scale),
        f"{_AUTOSCALING}/max-scale": str(scale.max_scale),
    }
    if target:
        found[f"{_AUTOSCALING}/target"] = str(target)
        found[f"{_AUTOSCALING}/target-utilization-percentage"] = str(scale.utilization)
    for name, value in sorted(scale.annotations.items()):
        found[f"{_AUTOSCALING}/{name}"] = value
    return found


def upkeep_deployment(names: Names, settings: Settings, config: str) -> dict[str, Any]:
    """The Deployment that recovers abandoned requests and forgets finished ones.

    No Knative Service: nobody calls it, so Knative would take it away.
    """
    spec = pod(UPKEEP, names, settings)
    spec["terminationGracePeriodSeconds"] = math.ceil(settings.nodes.grace) + _SPARE_SECONDS
    node = spec["containers"][0]
    node["env"].append({"name": "PORT", "value": str(PORT)})
    for probe in ("livenessProbe", "readinessProbe"):
        node[probe]["httpGet"]["port"] = PORT
    node["readinessProbe"] |= {"periodSeconds": 5, "timeoutSeconds": 3}
    selector = {INSTANCE: names.instance, COMPONENT: UPKEEP}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(names.of(UPKEEP), UPKEEP),
        "spec": {
            "replicas": settings.upkeep_replicas,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": names.labels(UPKEEP), "annotations": {CONFIG_HASH: config}},
                "spec": spec,
            },
        },
    }
