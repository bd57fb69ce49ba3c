"""The container of a node: alike in Knative Services and in the Deployment of upkeep.

What Knative asks for, by its runtime contract and its webhook's validation:

- one port, named for its protocol; ``PORT`` comes from Knative and must not be in ``env``;
- probes without a port: Knative fills in the container's own;
- no mount below ``/dev``, ``/tmp``, ``/var`` themselves; all mounts of Secrets read-only;
- no pod-level security context, no ``runAsGroup``: both are behind feature flags. The image's
  own group is used, and Secrets are readable for everybody in the container.

FoundationDB's client keeps the cluster file up to date, so the file *and its folder* must be
writable (FoundationDB, Administration, "Required permissions"): the process copies the Secret's
content into ``SCRATCH``, an ``emptyDir`` in memory, before it opens the store.
"""

from __future__ import annotations

import math
from typing import Any

from backends.knative.names import CLUSTER_FILE_KEY, GATEWAY, WIRE_KEY_KEY, Names
from backends.knative.settings import Resources, Settings

__all__ = ["CLUSTER_FILE", "DEATHS", "PORT", "WIRE_KEY_FILE", "container", "pod"]

PORT = 8080
_ETC = "/etc/mu2sls"
_SCRATCH = "/run/mu2sls"
_CLUSTER_DIR, _WIRE_DIR = f"{_ETC}/cluster-file", f"{_ETC}/wire-key"
CLUSTER_FILE = f"{_CLUSTER_DIR}/{CLUSTER_FILE_KEY}"
"""Where the cluster file is mounted, to be copied."""
WIRE_KEY_FILE = f"{_WIRE_DIR}/{WIRE_KEY_KEY}"
DEATHS = f"{_SCRATCH}/deaths"
"""Where a node tells the next in its pod for whom it was computing."""
AUTH_DIR = f"{_ETC}/auth"
_READABLE = 0o444
_PROBE_SECONDS = 10


def container(part: str, names: Names, settings: Settings) -> dict[str, Any]:
    """The container that runs one part: a service, the gateway or upkeep."""
    found: dict[str, Any] = {
        "name": "node",
        "image": settings.image,
        "env": [{"name": "MU2SLS_SERVICE", "value": part}],
        "envFrom": [{"configMapRef": {"name": names.environment}}],
        "ports": [{"name": "http1", "containerPort": PORT, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/healthz"},
            "initialDelaySeconds": _PROBE_SECONDS,
            "periodSeconds": _PROBE_SECONDS,
            "timeoutSeconds": 5,
            # Who computes for too long ends by itself before, and says where it stood.
            "failureThreshold": math.ceil(settings.nodes.step_limit / _PROBE_SECONDS) + 2,
        },
        # No period: Knative then asks many times a second while a pod starts.
        "readinessProbe": {"httpGet": {"path": "/readyz"}, "successThreshold": 1},
        "resources": _resources(settings.resources_by_service.get(part, settings.resources)),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": settings.uid,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "cluster-file", "mountPath": _CLUSTER_DIR, "readOnly": True},
            {"name": "wire-key", "mountPath": _WIRE_DIR, "readOnly": True},
            {"name": "scratch", "mountPath": _SCRATCH},
        ],
    }
    kind, _, secret = settings.auth.partition(":")
    if part == GATEWAY and secret:
        found["env"].append({"name": "MU2SLS_AUTH", "value": f"{kind}:{AUTH_DIR}/auth.json"})
        found["volumeMounts"].append({"name": "auth", "mountPath": AUTH_DIR, "readOnly": True})
    if settings.pull_policy:
        found["imagePullPolicy"] = settings.pull_policy
    return found


def _resources(resources: Resources) -> dict[str, Any]:
    """Requests and limits; what is empty is left to the cluster."""
    asked = {"cpu": resources.cpu_request, "memory": resources.memory_request}
    limits = {"cpu": resources.cpu_limit, "memory": resources.memory_limit}
    given = {
        "requests": {name: value for name, value in asked.items() if value},
        "limits": {name: value for name, value in limits.items() if value},
    }
    return {name: values for name, values in given.items() if values}


def pod(part: str, names: Names, settings: Settings) -> dict[str, Any]:
    """What is alike in the pod specs of all parts."""
    found: dict[str, Any] = {
        "serviceAccountName": names.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container(part, names, settings)],
        "volumes": [
            {"name": "cluster-file", **_cluster_volume(names, settings)},
            {
                "name": "wire-key",
                "secret": {
                    "secretName": names.wire_key,
                    "defaultMode": _READABLE,
                    "items": [{"key": WIRE_KEY_KEY, "path": WIRE_KEY_KEY}],
                },
            },
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        ],
    }
    secret = settings.auth.partition(":")[2]
    if part == GATEWAY and secret:
        source = {"secretName": secret, "defaultMode": _READABLE}
        found["volumes"].append({"name": "auth", "secret": source})
    if settings.pull_secrets:
        found["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    return found


def _cluster_volume(names: Names, settings: Settings) -> dict[str, Any]:
    items = [{"key": CLUSTER_FILE_KEY, "path": CLUSTER_FILE_KEY}]
    if settings.cluster_config_map:
        source = {"name": settings.cluster_config_map, "defaultMode": _READABLE, "items": items}
        return {"configMap": source}
    return {"secret": {"secretName": names.cluster_file, "defaultMode": _READABLE, "items": items}}
