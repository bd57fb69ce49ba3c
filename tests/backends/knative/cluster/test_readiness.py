"""What a status says, and what it does not say yet."""

import pytest

from backends.knative.cluster.kinds import DEPLOYMENT, KNATIVE_SERVICE, SECRET
from backends.knative.cluster.readiness import readiness


def service(generation=2, observed=2, **conditions):
    found = [{"type": kind, **content} for kind, content in conditions.items()]
    status = {"observedGeneration": observed, "conditions": found}
    return {"metadata": {"name": "a", "generation": generation}, "status": status}


TRUE, UNKNOWN = {"status": "True"}, {"status": "Unknown", "reason": "Deploying", "message": "soon"}
FALSE = {"status": "False", "reason": "RevisionFailed", "message": "image is gone"}


@pytest.mark.parametrize(
    ("item", "state", "why"),
    [
        (service(Ready=TRUE, ConfigurationsReady=TRUE, RoutesReady=TRUE), "ready", ""),
        (service(observed=1, Ready=TRUE), "waiting", "no controller"),
        (service(observed=1, Ready=FALSE), "waiting", "no controller"),
        ({"metadata": {"name": "a", "generation": 1}}, "waiting", "no controller"),
        (service(), "waiting", "no condition Ready"),
        (service(Ready=UNKNOWN, RoutesReady=UNKNOWN), "waiting", "Ready: Deploying: soon"),
        (service(Ready=FALSE), "failed", "Ready: RevisionFailed: image is gone"),
        (
            service(Ready={"status": "False"}, ConfigurationsReady=FALSE, RoutesReady=TRUE),
            "failed",
            "ConfigurationsReady: RevisionFailed: image is gone",
        ),
    ],
)
def test_a_knative_service(item, state, why):
    found = readiness(KNATIVE_SERVICE, item)
    assert found.state == state
    assert why in found.why


@pytest.mark.parametrize(
    "message",
    [
        'Revision "a-1" failed with message: 0/3 nodes are available: 3 Insufficient cpu.',
        "Unschedulable: 0/1 nodes are available",
    ],
)
def test_a_pod_that_fits_nowhere_yet_is_waited_for(message):
    """An autoscaler of nodes brings one, or an old pod goes: the normal course of an update."""
    full = {"status": "False", "reason": "RevisionFailed", "message": message}
    found = readiness(KNATIVE_SERVICE, service(Ready=full, ConfigurationsReady=full))
    assert found.state == "waiting"
    assert "nodes are available" in found.why


def test_what_two_conditions_say_alike_is_said_once():
    found = readiness(KNATIVE_SERVICE, service(Ready=FALSE, ConfigurationsReady=FALSE))
    assert found.why.count("image is gone") == 1


def deployment(conditions=(), generation=1, **counts):
    status = {"observedGeneration": 1, "conditions": list(conditions), **counts}
    metadata = {"name": "a", "generation": generation}
    return {"metadata": metadata, "spec": {"replicas": 2}, "status": status}


LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (deployment(replicas=2, updatedReplicas=2, availableReplicas=2), "ready"),
        (deployment(generation=2, replicas=2, updatedReplicas=2, availableReplicas=2), "waiting"),
        (deployment(replicas=3, updatedReplicas=2, availableReplicas=2), "waiting"),
        (deployment(replicas=2, updatedReplicas=1, availableReplicas=2), "waiting"),
        (deployment(replicas=2, updatedReplicas=2, availableReplicas=1), "waiting"),
        (deployment(), "waiting"),
        (deployment([LATE], replicas=2), "failed"),
        (deployment([QUOTA]), "failed"),
    ],
)
def test_a_deployment(item, state):
    assert readiness(DEPLOYMENT, item).state == state


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((2, 1, 1), "1 of 2 pods are of the new revision"),
        ((2, 2, 1), "1 of 2 pods are available"),
        ((3, 2, 2), "1 of the old revision's pods are still to end"),
    ],
)
def test_what_a_deployment_waits_for(counts, why):
    replicas, updated, available = counts
    item = deployment(replicas=replicas, updatedReplicas=updated, availableReplicas=available)
    assert readiness(DEPLOYMENT, item).why == why


def test_what_is_being_deleted_is_not_ready():
    item = service(Ready=TRUE)
    item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert readiness(KNATIVE_SERVICE, item).state == "waiting"


def test_a_secret_is_there_and_that_is_all():
    assert readiness(SECRET, {"metadata": {"name": "a"}}).state == "ready"
