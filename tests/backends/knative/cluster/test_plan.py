"""What a plan takes for ours, whoever answers."""

import pytest

from backends.knative.cluster.errors import ClusterError, InputError, NotInstalled
from backends.knative.cluster.kinds import KNATIVE_SERVICE, MANAGED, kind_of
from backends.knative.cluster.plan import difference, owned, rehearse, to_prune
from backends.knative.names import INSTANCE, MANAGED_BY
from tests.backends.knative.cluster.standin import Answer, StandIn, listing, status

OURS = {MANAGED_BY: "mu2sls", INSTANCE: "shop"}


def item(name, labels):
    return {"metadata": {"name": name, "uid": name, "labels": labels}, "spec": {}}


def test_a_proxy_that_ignores_selectors_does_no_harm():
    """What is deleted has to carry the labels itself; that it was asked for is not enough."""
    items = [item("ours", OURS), item("other", {INSTANCE: "shop"}), item("bare", None)]
    with StandIn(lambda _asked: listing(items)) as server:
        changes = to_prune(server.objects(), "shop", [])
    assert {change.name for change in changes} == {"ours"}
    assert len(changes) == len(MANAGED)


def test_kinds_that_the_cluster_does_not_know_have_no_objects_but_knative_is_a_must():
    def old(asked):
        missing = "cronjobs" in asked.path
        return Answer(404, "404 page not found") if missing else listing([])

    with StandIn(old) as server:
        assert list(owned(server.objects(), "shop")) == []
    with StandIn(lambda _asked: Answer(404, "404 page not found")) as server:
        objects = server.objects()
        with pytest.raises(NotInstalled):
            list(owned(objects, "shop"))


def test_kinds_that_are_not_managed_are_refused_before_anything_is_asked():
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    with StandIn(lambda _asked: listing([])) as server, pytest.raises(InputError, match="Pod"):
        rehearse(server.objects(), [manifest])
    assert server.asked == []
    assert kind_of({"apiVersion": "serving.knative.dev/v1", "kind": "Service"}) == KNATIVE_SERVICE


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, "unchanged"),
        ({"status": {"a": 1}}, "unchanged"),
        ({"spec": {"a": 1}}, "configured"),
        ({"data": {"a": "b"}}, "configured"),
        ({"metadata": {"name": "a", "resourceVersion": "9", "managedFields": [1]}}, "unchanged"),
        ({"metadata": {"name": "a", "labels": {"x": "y"}}}, "configured"),
        ({"metadata": {"name": "a", "annotations": {"x": "y"}}}, "configured"),
        ({"metadata": {"name": "a", "uid": "another"}}, "configured"),
    ],
)
def test_what_counts_as_a_change(change, action):
    before = {"metadata": {"name": "a"}, "spec": {}}
    assert difference(before, {**before, **change}) == action
    assert difference(None, before) == "created"


# --- what is refused because it is only a rehearsal

ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}}
STOCK = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "shop-stock"},
}
WEBHOOK = 'admission webhook "validation.webhook.serving.knative.dev" denied the request: '
MISSING = 'pods "x" is forbidden: error looking up account d/shop: serviceaccount "shop" not found'


def rehearsed(said, account_is_there=False):
    """What becomes of a Knative service that the webhook refuses so."""

    def handle(asked):
        if asked.method == "GET":
            there = account_is_there and asked.path.endswith("/serviceaccounts/shop")
            return Answer(200, ACCOUNT) if there else status(404, "no", "NotFound", {"name": "x"})
        if asked.path.endswith("/services/shop-stock"):
            return status(400, said, "BadRequest")
        return Answer(200, asked.body)

    with StandIn(handle) as server:
        return rehearse(server.objects(), [ACCOUNT, STOCK], force=True)


@pytest.mark.parametrize(
    "said",
    [
        f"{WEBHOOK}dry run failed with {MISSING}",
        'admission webhook "strict.example" does not support dry run',
    ],
)
def test_what_this_deployment_is_about_to_make_may_be_missing(said):
    assert [change.action for change in rehearsed(said)] == ["created", "created"]


@pytest.mark.parametrize(
    "said",
    [
        'dry run failed with pods "x" is forbidden: exceeded quota: q, requested: cpu=1',
        'dry run failed with pods "x" is forbidden: violates PodSecurity "restricted:latest"',
        'dry run failed with pods "x" is forbidden: maximum memory usage per Container is 64Mi',
        'dry run failed with serviceaccount "another" not found',
        'dry run failed with secrets "shop" not found',
    ],
)
def test_what_the_pods_themselves_are_refused_for_is_told(said):
    with pytest.raises(ClusterError, match="dry run failed with"):
        rehearsed(WEBHOOK + said)


def test_what_is_there_already_is_not_about_to_be_made():
    with pytest.raises(ClusterError):
        rehearsed(f"{WEBHOOK}dry run failed with {MISSING}", account_is_there=True)


def test_all_that_a_quota_refuses_is_said_at_once():
    def handle(asked):
        if asked.method == "GET":
            return status(404, "no", "NotFound", {"name": "x"})
        said = f"{asked.body['metadata']['name']} is forbidden: exceeded quota: small"
        return status(403, said, "Forbidden")

    with StandIn(handle) as server, pytest.raises(ClusterError) as caught:
        rehearse(server.objects(), [ACCOUNT, STOCK], force=True)
    assert "shop is forbidden" in str(caught.value)
    assert "shop-stock is forbidden" in str(caught.value)
