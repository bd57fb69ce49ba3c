"""What controllers and the kubelet do for real, on a cluster that has them: no image is needed."""

import re

import pytest

from backends.knative.cluster.plan import owned
from tests.patience import until

pytestmark = pytest.mark.controllers

NOWHERE = "registry.invalid/shop:1"
REVISIONS = "serving.knative.dev/v1:revisions"


def generations(objects):
    """Of everything that was deployed; statuses do not count."""
    return {
        (kind.kind, item["metadata"]["name"]): item["metadata"].get("generation")
        for kind, item in owned(objects, "shop")
    }


def test_an_image_that_cannot_be_pulled_ends_the_wait_before_its_time(shop):
    seen = shop.deploy("--timeout", "280", image=NOWHERE, waiting=True)
    assert seen.status == 1
    assert "registry.invalid" in seen.err
    assert re.search("failed: .*(ImagePull|fetch|digest|registry)", seen.err)
    assert "not ready after 280 s" not in seen.err
    assert "queue-proxy" not in seen.err


def test_a_second_deploy_makes_no_new_generation(shop, objects):
    shop.deploy(image=NOWHERE)
    before = generations(objects)
    seen = shop.deploy(image=NOWHERE)
    assert seen.status == 0, seen.err
    assert seen.lines[-1] == f"shop: {len(before)} unchanged"
    assert generations(objects) == before


def test_what_knative_makes_of_ours_is_its_own(shop, admin, objects):
    """It has our labels, and is neither pruned nor shown as a service."""
    shop.deploy(image=NOWHERE)
    until(lambda: len(admin.names(REVISIONS)) == 3, what="a revision for each service")
    assert not shop.deploy(image=NOWHERE).ending("pruned")
    assert {name for kind, name in generations(objects) if kind == "Revision"} == set()
    rows = {line.split()[0] for line in shop.run("status").lines if line}
    assert not rows & admin.names(REVISIONS)


def test_delete_returns_when_no_pod_and_no_revision_is_left(shop, admin):
    shop.deploy(image=NOWHERE)
    until(lambda: admin.names("v1:pods"), what="a pod")
    seen = shop.run("delete", "--yes")
    assert seen.status == 0, seen.err
    assert admin.names("v1:pods") == set()
    assert admin.names(REVISIONS) == set()


def test_a_namespace_that_is_being_deleted_takes_nothing(shop, admin):
    shop.namespace = f"{admin.namespace}-ending"
    held = {"finalizers": ["example.com/held"], "name": "holds"}
    admin.ask("POST", "/api/v1/namespaces", {"metadata": {"name": shop.namespace}})
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps"
    admin.ask("POST", path, {"metadata": held})
    admin.ask("DELETE", f"/api/v1/namespaces/{shop.namespace}")
    seen = shop.deploy()
    admin.ask("PATCH", f"{path}/holds", {"metadata": {"finalizers": None}})
    assert seen.status == 1
    assert "the namespace is being deleted" in seen.err
