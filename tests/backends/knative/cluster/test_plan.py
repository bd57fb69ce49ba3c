"""What a plan takes for ours, whoever answers."""

import pytest

from backends.knative.cluster.errors import InputError, NotInstalled
from backends.knative.cluster.kinds import KNATIVE_SERVICE, MANAGED, kind_of
from backends.knative.cluster.plan import difference, owned, rehearse, to_prune
from backends.knative.names import INSTANCE, MANAGED_BY
from tests.backends.knative.cluster.standin import Answer, StandIn, listing

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
