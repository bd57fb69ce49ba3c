"""Waiting, with tests that play the controllers; and what is said when nothing becomes ready."""

import threading
import time

import pytest

from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.kinds import DEPLOYMENT, KNATIVE_SERVICE
from backends.knative.cluster.wait import Waiting, wait_until_ready
from backends.knative.names import selector
from tests.backends.knative.cluster.running import ONE

NAMES = ("shop-stock", "shop-shop", "shop-gateway")


def soon(*steps, pause=0.2):
    """Take the steps one after the other, while something else waits."""

    def play():
        for step in steps:
            time.sleep(pause)
            step()

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def failing(reason, message):
    """Conditions of a Knative service whose revision failed."""
    what = {"status": "False", "reason": reason, "message": message}
    return [
        {"type": "ConfigurationsReady", **what},
        {"type": "Ready", **what},
        {"type": "RoutesReady", "status": "Unknown"},
    ]


@pytest.mark.no_controllers
def test_deploy_waits_until_all_is_ready(shop, admin):
    shop.deploy()
    played = soon(
        *[lambda name=name: admin.make_ready(name) for name in NAMES],
        lambda: admin.roll_out("shop-upkeep"),
        pause=1.0,
    )
    seen = shop.deploy("--timeout", "20", waiting=True)
    played.join()
    assert seen.status == 0, seen.err
    assert seen.lines[-1] == f"shop answers at http://shop-gateway.{admin.namespace}.example.com"
    for line in (
        "Knative service shop-stock: waiting: no controller has seen it yet",
        "Knative service shop-stock: ready",
        "deployment shop-upkeep: ready",
    ):
        assert line in seen.err.splitlines()


@pytest.mark.no_controllers
def test_old_news_is_no_news(shop, admin):
    """An update is not ready because what was before it was."""
    shop.deploy()
    for name in NAMES:
        admin.make_ready(name)
    admin.roll_out("shop-upkeep")
    assert shop.deploy("--timeout", "5", waiting=True).status == 0
    seen = shop.deploy("--timeout", "0.8", image="registry.example/shop:2", waiting=True)
    assert seen.status == 1
    assert "shop-stock is not ready after 0.8 s" in seen.err


def test_time_runs_out_and_nothing_is_pruned(shop, admin):
    shop.deploy()
    shop.write(ONE)
    seen = shop.deploy("--timeout", "0.8", waiting=True)
    assert seen.status == 1
    assert "objects are not pruned" in seen.err
    assert "shop-shop" in admin.knative_names()


def fail_in_every_way(admin):
    """A revision whose pod cannot pull its image and had crashed before."""
    admin.set_status(
        "shop-stock",
        conditions=failing("RevisionFailed", "Revision shop-stock-00001 failed"),
        latestCreatedRevisionName="shop-stock-00001",
    )
    labels = {
        "serving.knative.dev/service": "shop-stock",
        "serving.knative.dev/revision": "shop-stock-00001",
    }
    container = {"name": "node", "image": "registry.example/shop:1"}
    revision = {"apiVersion": "serving.knative.dev/v1", "kind": "Revision"}
    metadata = {"name": "shop-stock-00001", "labels": labels}
    revision |= {"metadata": metadata, "spec": {"containers": [container]}}
    admin.create("serving.knative.dev/v1:revisions", **revision)
    told = {"reason": "ExitCode1", "message": "Container failed with: no cluster file"}
    admin.set_status(
        "shop-stock-00001",
        "serving.knative.dev/v1:revisions",
        conditions=[{"type": "ContainerHealthy", "status": "False", **told}],
    )
    pod = {"name": "shop-stock-00001-abc", "labels": labels}
    admin.create("v1:pods", metadata=pod, spec={"containers": [container]})
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    last = {"exitCode": 2, "reason": "Error", "startedAt": None, "finishedAt": None}
    state = {
        "name": "node",
        "image": "x",
        "imageID": "",
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": waiting},
        "lastState": {"terminated": last},
    }
    body = {"status": {"containerStatuses": [state]}}
    admin.ask("PATCH", "v1:pods/shop-stock-00001-abc/status", body)
    admin.create(
        "v1:events",
        metadata={"name": "shop-stock-00001-abc.1"},
        involvedObject={
            "kind": "Pod",
            "name": "shop-stock-00001-abc",
            "namespace": admin.namespace,
        },
        reason="Failed",
        message="Failed to pull image: manifest unknown",
        type="Warning",
        count=4,
        lastTimestamp="2026-01-01T00:00:00Z",
    )


@pytest.mark.no_controllers
def test_a_failure_is_explained_from_condition_to_pod(shop, admin, objects):
    shop.deploy()
    fail_in_every_way(admin)
    with pytest.raises(NotReady) as caught:
        wait_until_ready(
            objects, selector("shop"), [(KNATIVE_SERVICE, "shop-stock")], Waiting(20, settle=0)
        )
    text = str(caught.value)
    condition = "Ready: RevisionFailed: Revision shop-stock-00001 failed"
    pulling = "Failed: Failed to pull image: manifest unknown (4 times)"
    for part in (
        f"Knative service shop-stock failed: {condition}",
        "revision shop-stock-00001: ContainerHealthy is False: ExitCode1: Container failed",
        "pod shop-stock-00001-abc: container node: ImagePullBackOff: Back-off pulling image",
        "before that: ended with status 2 (Error)",
        f"event of Pod shop-stock-00001-abc: {pulling}",
    ):
        assert part in text, text


@pytest.mark.no_controllers
def test_a_failure_that_passes_is_none(shop, admin, objects):
    shop.deploy()
    admin.set_status("shop-stock", conditions=failing("Uninitialized", "not yet"))
    played = soon(lambda: admin.make_ready("shop-stock"), pause=0.5)
    told = []
    wait_until_ready(
        objects,
        selector("shop"),
        [(KNATIVE_SERVICE, "shop-stock")],
        Waiting(20, settle=4),
        lambda _kind, _name, found: told.append(found.state),
    )
    played.join()
    assert told == ["failed", "ready"]


@pytest.mark.no_controllers
def test_a_failure_that_lasts_ends_the_wait_before_its_time(shop, admin, objects):
    shop.deploy()
    admin.set_status("shop-stock", conditions=failing("RevisionFailed", "no"))
    began = time.monotonic()
    with pytest.raises(NotReady):
        wait_until_ready(
            objects, selector("shop"), [(KNATIVE_SERVICE, "shop-stock")], Waiting(60, settle=0.3)
        )
    assert time.monotonic() - began < 15


@pytest.mark.no_controllers
def test_a_deployment_that_makes_no_progress(shop, admin, objects):
    shop.deploy()
    told = {"reason": "ProgressDeadlineExceeded", "message": "timed out progressing"}
    admin.set_status(
        "shop-upkeep",
        "apps/v1:deployments",
        conditions=[{"type": "Progressing", "status": "False", **told}],
    )
    with pytest.raises(NotReady, match="timed out progressing"):
        wait_until_ready(
            objects, selector("shop"), [(DEPLOYMENT, "shop-upkeep")], Waiting(20, settle=0)
        )


def test_what_is_not_there_is_not_ready(objects):
    with pytest.raises(NotReady, match="it is not there"):
        wait_until_ready(objects, selector("shop"), [(KNATIVE_SERVICE, "x")], Waiting(0.3))


def test_with_nothing_to_wait_for_nobody_waits(objects):
    wait_until_ready(objects, selector("shop"), [], Waiting(0.1))
