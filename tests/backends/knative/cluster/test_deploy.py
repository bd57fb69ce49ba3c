"""Deploy, deploy again, update, prune, delete: on a real API server."""

import base64
import io

import pytest

from backends.knative.cluster.apply import carry_out
from backends.knative.cluster.errors import InputError
from backends.knative.cluster.kinds import MANAGED
from backends.knative.cluster.plan import owned, rehearse
from backends.knative.names import INSTANCE, MANAGED_BY
from tests.backends.knative.cluster.running import CLUSTER_FILE, ONE, TWO, run

SERVICES = {"shop-gateway", "shop-shop", "shop-stock"}


def versions(objects, instance="shop"):
    return {
        (kind.kind, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
        for kind, item in owned(objects, instance)
    }


def test_everything_is_created_once(shop, admin, objects):
    seen = shop.deploy()
    assert seen.status == 0, seen.err
    assert admin.knative_names() == SERVICES
    assert len(seen.ending("created")) == len(versions(objects))
    assert "secret shop-wire-key created" in seen.lines
    assert seen.lines[-1] == f"shop: {len(seen.ending('created'))} created"


@pytest.mark.no_controllers
def test_a_second_deploy_changes_nothing(shop, objects):
    shop.deploy()
    before = versions(objects)
    seen = shop.deploy()
    assert seen.status == 0
    assert versions(objects) == before
    assert len(seen.ending("unchanged")) == len(before)
    assert seen.lines[-1] == f"shop: {len(before)} unchanged"


@pytest.mark.no_controllers
def test_what_controllers_write_is_no_change(shop, admin, objects):
    """The status is theirs, and so are the annotations that Knative's webhook adds."""
    shop.deploy()
    admin.make_ready("shop-stock")
    note = {"metadata": {"annotations": {"serving.knative.dev/creator": "somebody"}}}
    admin.patch_knative("shop-stock", note)
    before = versions(objects)
    assert "Knative service shop-stock unchanged" in shop.deploy().lines
    assert versions(objects) == before
    found = admin.knative("shop-stock")
    assert found["metadata"]["annotations"]["serving.knative.dev/creator"] == "somebody"


@pytest.mark.no_controllers
def test_another_image_changes_what_runs_and_nothing_else(shop, admin, objects):
    shop.deploy()
    before = versions(objects)
    seen = shop.deploy(image="registry.example/shop:2")
    changed = {key for key, version in versions(objects).items() if before[key] != version}
    assert changed == {("Service", name) for name in SERVICES} | {("Deployment", "shop-upkeep")}
    assert seen.lines[-1] == f"shop: 4 configured, {len(before) - 4} unchanged"
    spec = admin.knative("shop-stock")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "registry.example/shop:2"


def test_the_wire_key_survives(shop, admin):
    def key():
        return base64.b64decode(admin.secret("shop-wire-key")["data"]["wire-key"])

    shop.deploy()
    first = key()
    assert len(first) == 32
    shop.deploy(image="registry.example/shop:2")
    assert key() == first


def test_two_first_deployments_at_once_do_not_end_with_two_keys(shop, admin, monkeypatch):
    """Each has made a key; the one that was overtaken says so, and deploying again mends it."""

    def overtaken(objects, changes, force):
        yield from carry_out(objects, changes, force)
        other = base64.b64encode(b"o" * 32).decode()
        admin.ask("PATCH", "v1:secrets/shop-wire-key", {"data": {"wire-key": other}})

    with monkeypatch.context() as patching:
        patching.setattr("backends.knative.commands.deployment.carry_out", overtaken)
        seen = shop.deploy()
    assert seen.status == 1
    assert "deploy again" in seen.err
    shop.deploy("--force-conflicts")
    assert base64.b64decode(admin.secret("shop-wire-key")["data"]["wire-key"]) == b"o" * 32


def test_the_cluster_file_need_not_be_given_again(shop, admin):
    shop.deploy()
    seen = shop.run("deploy", "--image", "registry.example/shop:1", "--no-wait")
    assert "secret shop-cluster-file unchanged" in seen.lines
    secret = admin.secret("shop-cluster-file")
    assert base64.b64decode(secret["data"]["cluster-file"]) == CLUSTER_FILE


def test_without_a_cluster_file_nothing_is_done(shop, objects):
    seen = shop.run("deploy", "--image", "registry.example/shop:1", "--no-wait")
    assert seen.status == 2
    assert "--cluster-file" in seen.err
    assert versions(objects) == {}


def test_secrets_of_somebody_else_are_used_and_left_alone(shop, admin):
    for name, key in (("shop-wire-key", "wire-key"), ("shop-cluster-file", "cluster-file")):
        admin.create("v1:secrets", metadata={"name": name}, stringData={key: "x" * 32})
    seen = shop.run("deploy", "--image", "registry.example/shop:1", "--no-wait")
    assert seen.status == 0, seen.err
    assert "secret" not in seen.out
    assert shop.run("delete", "--yes").status == 0
    for name in ("shop-wire-key", "shop-cluster-file"):
        assert "labels" not in admin.secret(name)["metadata"]


def test_what_somebody_else_made_is_not_taken_over_unasked(shop, admin):
    """With our labels on it, ``delete`` would delete it."""
    admin.create("v1:serviceaccounts", metadata={"name": "shop"})
    helm = {MANAGED_BY: "Helm"}
    admin.create("v1:configmaps", metadata={"name": "shop-environment", "labels": helm})
    admin.create("v1:secrets", metadata={"name": "shop-cluster-file"})
    seen = shop.deploy()
    assert seen.status == 1
    for part in ("service account shop is", "to Helm", "secret shop-cluster-file", "--name"):
        assert part in seen.err
    assert admin.knative_names() == set()
    assert "labels" not in admin.secret("shop-cluster-file")["metadata"]
    assert shop.deploy("--force-conflicts").status == 0
    assert shop.deploy().lines[-1].endswith("12 unchanged")


def test_a_name_that_another_deployment_has_made_is_refused(shop, admin):
    """``shop-one`` and its ``stock``, or ``shop`` and its ``one-stock``: it is the same name."""
    shop.deploy("--name", "shop-one")
    shop.write(TWO.replace("Stock", "OneStock"))
    seen = shop.deploy("--name", "shop")
    assert seen.status == 1
    assert "Knative service shop-one-stock is there already" in seen.err
    assert "instance shop-one" in seen.err
    assert admin.knative("shop-one-stock")["metadata"]["labels"][INSTANCE] == "shop-one"


def test_a_secret_without_its_key_is_not_replaced(shop, admin):
    admin.create("v1:secrets", metadata={"name": "shop-wire-key"})
    seen = shop.deploy()
    assert seen.status == 2
    assert "shop-wire-key" in seen.err
    assert "has no wire-key" in seen.err


def test_a_removed_service_is_pruned(shop, admin, objects):
    shop.deploy()
    shop.write(ONE)
    seen = shop.deploy()
    assert seen.status == 0
    assert admin.knative_names() == {"shop-gateway", "shop-stock"}
    assert seen.ending("pruned") >= {"Knative service shop-shop", "network policy shop-shop"}
    assert ("Service", "shop-shop") not in versions(objects)
    assert not shop.deploy().ending("pruned")


def test_pruning_can_be_declined(shop, admin):
    shop.deploy()
    shop.write(ONE)
    assert not shop.deploy("--no-prune").ending("pruned")
    assert "shop-shop" in admin.knative_names()


def strangers(admin):
    """Objects that look like ours in every way but one."""
    ours = {MANAGED_BY: "mu2sls", INSTANCE: "shop"}
    controller = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "name": "shop-shop-00001",
        "uid": "c0ffee00-0000-4000-8000-000000000000",
        "controller": True,
    }
    for name, labels, owners in (
        ("unlabelled", {}, []),
        ("half", {INSTANCE: "shop"}, []),
        ("manager", {MANAGED_BY: "helm", INSTANCE: "shop"}, []),
        ("other", {**ours, INSTANCE: "shop-two"}, []),
        ("made-by-knative", ours, [controller]),
    ):
        metadata = {"name": name, "labels": labels, "ownerReferences": owners}
        admin.create("v1:configmaps", metadata=metadata)
    return {"unlabelled", "half", "manager", "other", "made-by-knative"}


@pytest.mark.no_controllers
def test_what_is_not_ours_is_never_deleted(shop, admin):
    names = strangers(admin)
    shop.deploy()
    shop.write(ONE)
    shop.deploy()
    assert admin.names("v1:configmaps") >= names
    assert shop.run("delete", "--yes").status == 0
    assert admin.names("v1:configmaps") & (names | {"shop-environment"}) == names


def test_applications_in_one_namespace_do_not_meet(shop, admin):
    shop.deploy("--name", "first")
    shop.deploy("--name", "second")
    assert shop.run("delete", "--yes", "--name", "first").status == 0
    assert admin.knative_names() == {"second-gateway", "second-shop", "second-stock"}


@pytest.mark.no_controllers
def test_a_dry_run_on_the_server_says_all_and_does_nothing(shop, admin, objects):
    shop.deploy()
    shop.write(ONE)
    before = versions(objects)
    seen = shop.deploy("--dry-run=server", image="registry.example/shop:2")
    assert seen.status == 0
    assert "Knative service shop-stock configured (dry run)" in seen.lines
    assert "Knative service shop-shop pruned (dry run)" in seen.lines
    assert "service account shop unchanged (dry run)" in seen.lines
    assert versions(objects) == before


def test_a_namespace_can_be_made(shop, admin):
    shop.namespace = f"{admin.namespace}-new"
    seen = shop.deploy()
    assert seen.status == 2
    assert f"namespace {shop.namespace} does not exist" in seen.err
    seen = shop.deploy("--create-namespace", "--dry-run=server")
    assert seen.lines == [f"namespace {shop.namespace} created (dry run)"]
    assert shop.deploy().status == 2
    try:
        seen = shop.deploy("--create-namespace")
        assert seen.status == 0, seen.err
        assert seen.lines[0] == f"namespace {shop.namespace} created"
        assert not shop.deploy("--create-namespace").lines[0].startswith("namespace")
    finally:
        admin.ask("DELETE", f"/api/v1/namespaces/{shop.namespace}")


def test_delete_leaves_nothing_and_says_what_stays(shop, objects, admin):
    shop.deploy()
    count = len(versions(objects))
    seen = shop.run("delete", "--yes")
    assert seen.status == 0
    assert len(seen.ending("deleted")) == count
    assert "data stays in FoundationDB" in seen.out
    for kind in MANAGED:
        if kind.kind != "CronJob":  # which Kubernetes 1.20 does not have in batch/v1
            assert objects.list(kind, f"{INSTANCE}=shop").items == []
    seen = shop.run("delete", "--yes")
    assert seen.status == 0
    assert "nothing of shop" in seen.out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_delete_asks_first(shop, admin, monkeypatch):
    shop.deploy()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    seen = shop.run("delete")
    assert seen.status == 1
    assert "--yes" in seen.err
    assert admin.knative_names() == SERVICES
    for answer in ("something else\n", ""):  # the empty one is Ctrl-D
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        seen = shop.run("delete")
        assert seen.status == 1
        assert seen.err.endswith("nothing is deleted\n")
        assert admin.knative_names() == SERVICES
    monkeypatch.setattr("sys.stdin", Terminal("shop\n"))
    assert shop.run("delete").status == 0
    assert admin.knative_names() == set()


def test_delete_waits_and_says_what_holds(shop, admin):
    shop.deploy()
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    admin.patch_knative("shop-stock", held)
    seen = shop.run("delete", "--yes", "--timeout", "1.5")
    assert seen.status == 1
    assert "shop-stock is not gone after 1.5 s" in seen.err
    assert "example.com/held" in seen.err
    seen = shop.deploy()
    assert seen.status == 1
    assert "shop-stock is being deleted" in seen.err
    freed = {"metadata": {"finalizers": None}}
    admin.patch_knative("shop-stock", freed)
    assert shop.run("delete", "--yes").status == 0


def test_a_manifest_for_another_namespace_is_refused(objects):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap"}
    manifest["metadata"] = {"name": "a", "namespace": "elsewhere"}
    with pytest.raises(InputError, match="--namespace"):
        rehearse(objects, [manifest])


def test_the_name_of_a_deployment_is_enough_where_there_is_no_source(shop):
    shop.deploy("--name", "kiosk")
    seen = run("status", "kiosk", "--namespace", shop.namespace)
    assert "kiosk-stock" in seen.out
