"""Log lines of all pods: through a real API server, from a kubelet that a test plays."""

import time

import pytest

from backends.knative.cluster.access import Choice, find_access
from backends.knative.cluster.api import Api, Patience
from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.kinds import KNATIVE_SERVICE
from backends.knative.cluster.logs import Wanted, follow_logs
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.wait import Waiting, wait_until_ready
from backends.knative.names import selector
from tests.backends.knative.cluster.test_wait import failing


def for_seconds(seconds):
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


LABELS = {"app.kubernetes.io/managed-by": "mu2sls", "app.kubernetes.io/instance": "shop"}
STOCK = LABELS | {"app.kubernetes.io/component": "stock"}
GATEWAY = LABELS | {"app.kubernetes.io/component": "gateway"}


def test_every_line_says_which_pod_it_is_from(shop, kubelet):
    kubelet.run("stock-1", STOCK, ["one", "two [bold]"])
    kubelet.run("gateway-1", GATEWAY, ["three"])
    seen = shop.run("logs")
    assert seen.status == 0
    assert sorted(seen.lines) == ["gateway-1 three", "stock-1 one", "stock-1 two [bold]"]
    assert {container for _pod, container, _query in kubelet.asked} == {"node"}


def test_of_one_service_the_last_and_the_previous(shop, kubelet):
    kubelet.run("stock-1", STOCK, ["one"])
    kubelet.run("gateway-1", GATEWAY, ["three"])
    seen = shop.run("logs", "--service", "Stock", "--since", "5m", "--tail", "7", "--previous")
    assert seen.lines == ["stock-1 one"]
    ((_pod, _container, query),) = kubelet.asked
    assert query == {"sinceSeconds": "300", "tailLines": "7", "previous": "true"}


def test_without_pods(shop):
    seen = shop.run("logs")
    assert seen.status == 1
    assert "has no pods" in seen.err


def test_a_log_that_cannot_be_read_is_said(shop, kubelet, admin):
    kubelet.run("stock-1", STOCK, ["one"])
    containers = [{"name": "node", "image": "x"}]
    spec = {"containers": containers, "nodeName": "nowhere"}
    admin.create("v1:pods", metadata={"name": "lost", "labels": STOCK}, spec=spec)
    seen = shop.run("logs")
    assert seen.lines == ["stock-1 one"]
    assert "lost no log: pod lost" in seen.err


def test_following_goes_on_where_a_connection_broke(kubelet, objects):
    """Nothing is lost, and nothing comes twice."""
    kubelet.run("stock-1", STOCK, ["one", "two"])
    kubelet.later["stock-1"] = [["three", None], ["three", "four"]]
    found = []
    for line in follow_logs(objects, Wanted(selector("shop")), for_seconds(10)):
        found.append(line.text)
        if line.text == "four":
            break
    assert found == ["one", "two", "three", "four"]
    assert kubelet.asked[1][2]["sinceTime"] == "2026-01-01T00:00:02Z"


def test_following_finds_pods_that_come_later(kubelet, objects):
    kubelet.run("stock-1", STOCK, ["one"])
    found = set()
    for line in follow_logs(objects, Wanted(selector("shop")), for_seconds(10)):
        if not found:
            kubelet.run("gateway-1", GATEWAY, ["two"])
        found.add((line.pod, line.text))
        if len(found) == 2:
            break
    assert found == {("stock-1", "one"), ("gateway-1", "two")}


def test_a_failure_shows_the_last_lines_of_the_container(shop, admin, kubelet, objects):
    shop.deploy()
    labels = {"serving.knative.dev/service": "shop-stock"}
    labels |= {"serving.knative.dev/revision": "shop-stock-00001"}
    crash = {"reason": "CrashLoopBackOff", "message": "back-off 40s"}
    kubelet.run("stock-1", labels, ["starting", "FDB: no cluster file"], restarts=4, waiting=crash)
    admin.set_status(
        "shop-stock",
        conditions=failing("RevisionFailed", "failed"),
        latestCreatedRevisionName="shop-stock-00001",
    )
    with pytest.raises(NotReady) as caught:
        wait_until_ready(
            objects, selector("shop"), [(KNATIVE_SERVICE, "shop-stock")], Waiting(20, settle=0)
        )
    text = str(caught.value)
    assert "pod stock-1: container node: CrashLoopBackOff: back-off 40s" in text
    assert "last lines of container node of pod stock-1:\n    | starting\n    | FDB: no" in text
    assert kubelet.asked[0][2] == {"previous": "true", "tailLines": "20"}


def test_a_log_that_is_quiet_for_long_is_taken_up_again(kubelet, namespace):
    kubelet.run("stock-1", STOCK, ["one"])
    kubelet.pauses = [1.5]
    kubelet.later["stock-1"] = [["two"], ["two", "three"]]
    api = Api(find_access(Choice(namespace=namespace)), patience=Patience(answer=0.5))
    found = []
    for line in follow_logs(Objects(api), Wanted(selector("shop")), for_seconds(10)):
        found.append(line.text)
        if line.text == "three":
            break
    assert found == ["one", "two", "three"]
