"""The kinds of objects that this backend reads and writes, and where the API serves them.

The table stands in for discovery: which kinds are pruned has to be known anyway, an
unprivileged user may not be allowed to discover, and the client's own discovery keeps a cache
in a file of a predictable name in the shared temporary folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backends.knative.cluster.errors import InputError

__all__ = [
    "CRON_JOB",
    "DEPLOYMENT",
    "EVENT",
    "FDB_CLUSTER",
    "KNATIVE_SERVICE",
    "MANAGED",
    "NAMESPACE",
    "POD",
    "REVISION",
    "SECRET",
    "Kind",
    "describe",
    "kind_of",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object.

    :ivar plural: its name in paths and in RBAC rules.
    :ivar called: what messages call it.
    """

    api_version: str
    kind: str
    plural: str
    called: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        group, slash, _version = self.api_version.partition("/")
        return group if slash else ""

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Where the API serves all of the kind, one object, or a subresource of it."""
        parts = ["apis" if self.group else "api", self.api_version]
        if self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(parts)


KNATIVE_SERVICE = Kind("serving.knative.dev/v1", "Service", "services", "Knative service")
REVISION = Kind("serving.knative.dev/v1", "Revision", "revisions", "revision")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments", "deployment")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs", "cron job")
FDB_CLUSTER = Kind(
    "apps.foundationdb.org/v1beta2",
    "FoundationDBCluster",
    "foundationdbclusters",
    "FoundationDB cluster",
)
SECRET = Kind("v1", "Secret", "secrets", "secret")
NAMESPACE = Kind("v1", "Namespace", "namespaces", "namespace", namespaced=False)
POD = Kind("v1", "Pod", "pods", "pod")
EVENT = Kind("v1", "Event", "events", "event")

MANAGED = (
    KNATIVE_SERVICE,
    DEPLOYMENT,
    CRON_JOB,
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "network policy"),
    Kind("v1", "Service", "services", "service"),
    Kind("v1", "ServiceAccount", "serviceaccounts", "service account"),
    Kind("v1", "ConfigMap", "configmaps", "config map"),
    SECRET,
)
"""What is pruned: in the order of pruning, what runs before what it needs."""

_BY_NAME = {(kind.api_version, kind.kind): kind for kind in (*MANAGED, FDB_CLUSTER)}
"""What may be applied; a cluster, which holds data, is never pruned."""


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of a manifest.

    :raises InputError: it is none of those that this backend manages.
    """
    name = (str(manifest.get("apiVersion")), str(manifest.get("kind")))
    if name not in _BY_NAME:
        known = ", ".join(f"{kind.kind} ({kind.api_version})" for kind in MANAGED)
        raise InputError(f"{name[1]} ({name[0]}) is not a kind that can be applied: {known}")
    return _BY_NAME[name]


def describe(kind: Kind, name: str) -> str:
    """What messages and lists call an object."""
    return f"{kind.called} {name}" if name else kind.plural
