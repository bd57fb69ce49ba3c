"""What an object's status says: ready, on its way, or failed.

A status is about the generation in ``observedGeneration``; before a controller has seen the
current one, whatever the status says is about the past.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backends.knative.cluster.kinds import DEPLOYMENT, FDB_CLUSTER, KNATIVE_SERVICE, Kind

__all__ = ["WAITED_FOR", "Readiness", "conditions", "readiness"]

WAITED_FOR = (KNATIVE_SERVICE, DEPLOYMENT)
"""The kinds of a deployment that become ready; the others are there or not."""


_UNSCHEDULED = re.compile(r"\bUnschedulable\b|\b\d+/\d+ nodes are available")
"""What the scheduler says of a pod that fits nowhere yet: nodes may come, and pods may go."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is known about an object.

    :ivar why: reason and message of what is not ready, as Kubernetes gives them.
    """

    state: Literal["ready", "waiting", "failed"]
    why: str = ""


def readiness(kind: Kind, item: Mapping[str, Any]) -> Readiness:
    """How far an object is; kinds without readiness are ready."""
    if item["metadata"].get("deletionTimestamp"):
        return Readiness("waiting", "it is being deleted")
    status = item.get("status") or {}
    if kind == FDB_CLUSTER:
        return _fdb_cluster(item, status)
    if kind not in WAITED_FOR:
        return Readiness("ready")
    if status.get("observedGeneration") != item["metadata"].get("generation"):
        return Readiness("waiting", "no controller has seen it yet")
    return _knative_service(status) if kind == KNATIVE_SERVICE else _deployment(item, status)


def conditions(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The conditions in an object's status."""
    return list((item.get("status") or {}).get("conditions") or [])


def _knative_service(status: Mapping[str, Any]) -> Readiness:
    """Knative's contract: Ready sums up ConfigurationsReady and RoutesReady."""
    found = {each.get("type"): each for each in status.get("conditions") or []}
    parts = [found[name] for name in ("ConfigurationsReady", "RoutesReady") if name in found]
    ready = found.get("Ready")
    if ready is None:
        return Readiness("waiting", "no condition Ready yet")
    if ready.get("status") == "True":
        return Readiness("ready")
    if ready.get("status") == "False":
        why = _why([ready, *parts], "False")
        return Readiness("waiting" if _UNSCHEDULED.search(why) else "failed", why)
    return Readiness("waiting", _why([ready, *parts], "Unknown"))


def _fdb_cluster(item: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """What FoundationDB's operator says of a cluster (its ``cluster_spec.md``, status)."""
    reconciled = (status.get("generations") or {}).get("reconciled", 0)
    if reconciled != item["metadata"].get("generation"):
        left = [name for name in sorted(status.get("generations") or {}) if name != "reconciled"]
        more = f" ({', '.join(left)})" if left else ""
        return Readiness("waiting", f"the operator is not done with it{more}")
    if not (status.get("health") or {}).get("available"):
        return Readiness("waiting", "the database does not answer yet")
    if not status.get("connectionString"):
        return Readiness("waiting", "it has no connection string yet")
    return Readiness("ready")


def _deployment(item: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """A rollout, as ``kubectl rollout status`` sees it."""
    wanted = (item.get("spec") or {}).get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated >= wanted and available >= wanted and status.get("replicas", 0) <= updated:
        return Readiness("ready")
    found = {each.get("type"): each for each in status.get("conditions") or []}
    progressing, failure = found.get("Progressing", {}), found.get("ReplicaFailure", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness("failed", _why([progressing], "False"))
    if failure.get("status") == "True":
        return Readiness("failed", _why([failure], "True"))
    if updated < wanted:
        return Readiness("waiting", f"{updated} of {wanted} pods are of the new revision")
    if available < wanted:
        return Readiness("waiting", f"{available} of {wanted} pods are available")
    old = status.get("replicas", 0) - updated
    return Readiness("waiting", f"{old} of the old revision's pods are still to end")


def _why(found: Sequence[Mapping[str, Any]], status: str) -> str:
    """Reasons and messages of the conditions with this status, each once."""
    texts = []
    for condition in found:
        if condition.get("status") != status:
            continue
        said = ": ".join(
            text for text in (condition.get("reason"), condition.get("message")) if text
        )
        texts.append(f"{condition.get('type')}: {said or status}")
    bare = [text.partition(": ")[2] for text in texts]
    return "; ".join(text for at, text in enumerate(texts) if bare[at] not in bare[:at])
