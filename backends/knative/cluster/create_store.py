"""A FoundationDB cluster of its own for an application, made by FoundationDB's operator.

The object is applied like everything else, and the operator makes pods of it. What is waited for
is that it has done all of that (``status.generations.reconciled``) and that the database answers
(``status.health.available``); then ``status.connectionString`` is the cluster file's content.

It is of no kind that is pruned or deleted here: it holds the data.
"""

from __future__ import annotations

from typing import Any

from backends.knative.cluster.errors import InputError
from backends.knative.cluster.kinds import FDB_CLUSTER
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.wait import Progress, Waiting, wait_until_ready
from backends.knative.context import FDB_VERSION
from backends.knative.names import Names, selector

__all__ = ["PROFILES", "connection_string", "store_manifest"]

PROFILES = ("small", "default")
"""``small``: one process of each kind, one copy of the data; ``default``: as the operator likes."""
_COMPONENT = "store"
_SMALL: dict[str, Any] = {
    "databaseConfiguration": {"redundancy_mode": "single", "usable_regions": 1},
    "faultDomain": {"key": "foundationdb.org/none"},  # all on one node, if there is only one
    "processCounts": {"storage": 1, "log": 1, "stateless": 1, "cluster_controller": 1},
    "processes": {
        "general": {
            "podTemplate": {
                "spec": {
                    "containers": [
                        {
                            "name": "foundationdb",
                            "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
                        },
                        {
                            "name": "foundationdb-kubernetes-sidecar",
                            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                        },
                    ]
                }
            },
            "volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
        }
    },
}


def store_manifest(names: Names, profile: str) -> dict[str, Any]:
    """The ``FoundationDBCluster`` of a deployment.

    :param profile: one of :data:`PROFILES`.
    """
    return {
        "apiVersion": FDB_CLUSTER.api_version,
        "kind": FDB_CLUSTER.kind,
        "metadata": names.metadata(f"{names.instance}-{_COMPONENT}", _COMPONENT),
        "spec": {"version": FDB_VERSION, **(_SMALL if profile == "small" else {})},
    }


def connection_string(
    objects: Objects, names: Names, manifest: dict[str, Any], waiting: Waiting, told: Progress
) -> bytes:
    """The content of the cluster file, once the cluster that was applied answers.

    :raises NotReady: it does not in time.
    :raises ClusterError: it cannot be looked at.
    """
    name = manifest["metadata"]["name"]
    wait_until_ready(objects, selector(names.instance), [(FDB_CLUSTER, name)], waiting, told)
    item = objects.get(FDB_CLUSTER, name) or {}
    found = (item.get("status") or {}).get("connectionString")
    if not found:
        raise InputError(f"{FDB_CLUSTER.called} {name} was deleted meanwhile: deploy again")
    return f"{found}\n".encode()
