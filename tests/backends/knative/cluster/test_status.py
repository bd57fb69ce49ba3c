"""What is deployed, and how it is."""

import json

import pytest

from tests.backends.knative.cluster.test_wait import fail_in_every_way


def pod(admin, name, labels, ready):
    container = {"name": "node", "image": "x"}
    metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": "mu2sls", **labels}}
    admin.create("v1:pods", metadata=metadata, spec={"containers": [container]})
    state = {"name": "node", "image": "x", "imageID": "", "ready": ready, "restartCount": 2}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    body = {"status": {"containerStatuses": [state], "conditions": conditions}}
    admin.ask("PATCH", f"v1:pods/{name}/status", body)


@pytest.mark.no_controllers
def test_the_table_has_every_service(shop, admin):
    shop.deploy()
    admin.make_ready("shop-stock", latestReadyRevisionName="shop-stock-00001")
    fail_in_every_way(admin)
    admin.make_ready("shop-gateway", latestReadyRevisionName="shop-gateway-00001")
    labels = {"app.kubernetes.io/instance": "shop", "serving.knative.dev/service": "shop-gateway"}
    pod(admin, "one", labels, True)
    pod(admin, "two", labels, False)
    seen = shop.run("status")
    assert seen.status == 1
    rows = {line.split()[0]: line.split() for line in seen.lines}
    assert set(rows) >= {"SERVICE", "shop-gateway", "shop-shop", "shop-stock", "shop-upkeep"}
    assert rows["shop-gateway"][1:] == [
        "ready",
        f"http://shop-gateway.{admin.namespace}.example.com",
        "shop-gateway-00001",
        "1",
        "1/2",
        "4",
        "registry.example/shop:1",
    ]
    assert rows["shop-stock"][1] == "failed"
    assert "shop-stock: failed: Ready: RevisionFailed" in seen.out
    assert "shop-shop: waiting: no controller" in seen.out


@pytest.mark.no_controllers
def test_json_is_for_programs(shop, admin):
    shop.deploy()
    for name in ("shop-stock", "shop-shop", "shop-gateway"):
        admin.make_ready(name)
    admin.roll_out("shop-upkeep")
    seen = shop.run("status", "--output", "json")
    assert seen.status == 0
    found = json.loads(seen.out)
    assert (found["name"], found["namespace"]) == ("shop", admin.namespace)
    assert {each["service"]: each["ready"] for each in found["services"]} == dict.fromkeys(
        ("shop-gateway", "shop-shop", "shop-stock", "shop-upkeep"), "ready"
    )


def test_nothing_there(shop):
    seen = shop.run("status")
    assert seen.status == 1
    assert "nothing of shop" in seen.err


@pytest.mark.no_controllers
def test_deployments_that_knative_makes_are_no_services(shop, admin):
    shop.deploy()
    owner = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "name": "a",
        "uid": "c0ffee00-0000-4000-8000-000000000000",
        "controller": True,
    }
    labels = {"app.kubernetes.io/managed-by": "mu2sls", "app.kubernetes.io/instance": "shop"}
    admin.create(
        "apps/v1:deployments",
        metadata={
            "name": "shop-stock-00001-deployment",
            "labels": labels,
            "ownerReferences": [owner],
        },
        spec={
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "node", "image": "x"}]},
            },
        },
    )
    assert "shop-stock-00001-deployment" not in shop.run("status").out
    assert shop.deploy().lines[-1].endswith("unchanged")
    assert "shop-stock-00001-deployment" in admin.names("apps/v1:deployments")
