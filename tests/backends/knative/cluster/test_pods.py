"""What pods say while Knative still says Unknown, and what of it is told; without a server."""

import json
import queue
import threading

import pytest

from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.kinds import KNATIVE_SERVICE, POD
from backends.knative.cluster.logs import Wanted, _Reader, follow_logs
from backends.knative.cluster.wait import Waiting, wait_until_ended, wait_until_ready
from tests.backends.knative.cluster.standin import Answer, StandIn, event, listing, status
from tests.patience import until

SERVICE = {
    "metadata": {"name": "stock", "generation": 1, "resourceVersion": "1"},
    "status": {
        "observedGeneration": 1,
        "latestCreatedRevisionName": "stock-1",
        "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Deploying"}],
    },
}


def container(name, restarts=0, **state):
    return {"name": name, "ready": False, "restartCount": restarts, "state": state}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


def pod(*containers, name="stock-1-abc", **metadata):
    status = {"phase": "Pending", "containerStatuses": list(containers)}
    return {"metadata": {"name": name, "uid": name, **metadata}, "status": status}


class Cluster:
    """Answers about one service and its pods; time passes with every question."""

    def __init__(self, pods):
        self.pods, self.time, self.logs = pods, 0.0, []

    def __call__(self, asked):
        self.time += 0.5
        if asked.query.get("watch") == "true":
            return Answer(200, [""])
        if asked.path.endswith("/log"):
            self.logs.append(asked.path + json.dumps(asked.query))
            return Answer(200, "a line\n")
        if asked.path.endswith("/pods"):
            return listing(self.pods)
        if asked.path.endswith("/services"):
            return listing([SERVICE])
        return listing([]) if asked.path.endswith("/events") else status(404, "no", "NotFound")

    def clock(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def told(cluster, timeout=300.0):
    """What is said when nothing becomes ready, and after how many seconds."""
    with StandIn(cluster) as server:
        how = Waiting(timeout, clock=cluster.clock, sleep=cluster.sleep)
        with pytest.raises(NotReady) as caught:
            wait_until_ready(server.objects(), "a=b", [(KNATIVE_SERVICE, "stock")], how)
    return str(caught.value), cluster.time


@pytest.mark.parametrize(
    "reason",
    ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CrashLoopBackOff",
     "CreateContainerConfigError"],
)  # fmt: skip
def test_a_pod_that_cannot_start_ends_the_wait_long_before_its_time(reason):
    text, seconds = told(Cluster([pod(container("node", **waiting(reason, "manifest unknown")))]))
    assert f"failed: pod stock-1-abc: container node: {reason}: manifest unknown" in text
    assert 10 < seconds < 40


def test_a_pod_that_is_only_slow_is_waited_for():
    cluster = Cluster([pod(container("node", **waiting("ContainerCreating")))])
    text, seconds = told(cluster, timeout=60)
    assert "is not ready after 60 s" in text
    assert seconds >= 60


def test_a_pod_that_pulls_its_image_at_the_second_try_is_no_failure():
    cluster = Cluster([pod(container("node", **waiting("ErrImagePull")))])

    class Once:
        def __call__(self, asked):
            if cluster.time > 8:
                cluster.pods = [pod(container("node", running={}))]
            return cluster(asked)

    with StandIn(Once()) as server:
        how = Waiting(60, clock=cluster.clock, sleep=cluster.sleep)
        with pytest.raises(NotReady, match="is not ready after 60 s"):
            wait_until_ready(server.objects(), "a=b", [(KNATIVE_SERVICE, "stock")], how)


def test_a_pod_that_is_leaving_says_nothing_about_the_new_one():
    leaving = pod(container("node", **waiting("CrashLoopBackOff")), deletionTimestamp="now")
    assert "is not ready after 30 s" in told(Cluster([leaving]), timeout=30)[0]


def test_the_sidecar_is_not_what_is_told():
    """It fails because the other container does, and only says so in every line of its log."""
    node = container("node", 3, **waiting("CrashLoopBackOff", "back-off"))
    cluster = Cluster([pod(container("queue-proxy", running={}), node)])
    text, _ = told(cluster)
    assert "container node: CrashLoopBackOff" in text
    assert "queue-proxy" not in text
    assert len(cluster.logs) == 1
    assert '"container": "node"' in cluster.logs[0]


# --- the end of a deployment


def test_what_is_deleted_is_gone_when_its_pods_are():
    last = {**pod(name="a")}
    last["metadata"]["resourceVersion"] = "11"
    revisions = [[{"metadata": {"name": "stock-1"}}], []]

    def handle(asked):
        if asked.query.get("watch") == "true":
            return Answer(200, [event("DELETED", last)])
        if asked.path.endswith("/revisions"):
            return listing(revisions.pop(0) if len(revisions) > 1 else revisions[0])
        return listing([last])

    with StandIn(handle) as server:
        wait_until_ended(server.objects(), "a=b", Waiting(30.0, clock=lambda: 0.0))
    assert revisions == [[]]


def test_pods_that_do_not_end_are_named():
    time = iter(range(100))

    def handle(asked):
        return Answer(200, [""]) if "watch" in asked.query else listing([pod(name="stock-1-abc")])

    with StandIn(handle) as server:
        how = Waiting(5.0, clock=lambda: float(next(time)), sleep=lambda _: None)
        with pytest.raises(NotReady, match="deleted, but pod stock-1-abc is not gone after 5 s"):
            wait_until_ended(server.objects(), "a=b", how)


# --- following logs


class Restarting:
    """A container whose log ends while the pod's status still says that it runs."""

    def __init__(self):
        self.asked = []
        self.first = ["2026-01-01T00:00:01.5Z one\n", "2026-01-01T00:00:02Z two\n"]
        self.second = ["unable to retrieve container logs\n", "2026-01-01T00:00:03Z three\n"]

    def __call__(self, asked):
        if asked.path.endswith("/log"):
            self.asked.append(asked.query)
            if len(self.asked) == 1:
                return Answer(200, self.first)
            return Answer(200, self.second)
        if asked.query.get("watch") == "true":
            return Answer(200, [""])
        runs = {**pod(container("node", running={}))}
        runs["status"]["phase"] = "Running"
        if len(self.asked) > 2:
            runs["status"]["containerStatuses"] = [container("node", 1, running={})]
        if asked.path.endswith("/pods"):
            return listing([runs])
        return Answer(200, runs)


def test_a_restarted_container_s_lines_come_once():
    cluster = Restarting()
    with StandIn(cluster) as server:
        left = lambda: 30.0 if len(cluster.asked) <= 4 else 0.0  # noqa: E731
        found = [line.text for line in follow_logs(server.objects(), Wanted("a=b"), left)]
    assert found == ["one", "two", "unable to retrieve container logs", "three"]


def test_what_is_read_again_is_not_said_again():
    cluster, lines, stop = Restarting(), queue.SimpleQueue(), threading.Event()
    with StandIn(cluster) as server:
        reader = _Reader(server.objects(), "stock-1-abc", "node", lines, stop)
        reading = threading.Thread(target=reader.read, args=({},))
        reading.start()
        until(lambda: len(cluster.asked) > 4, what="more questions")
        stop.set()
        reading.join()
    assert [lines.get().text for _ in range(lines.qsize())] == [
        "one", "two", "unable to retrieve container logs", "three",
    ]  # fmt: skip
    assert cluster.asked[1]["sinceTime"] == "2026-01-01T00:00:02Z"


def test_a_log_that_cannot_be_read_has_the_remedy_of_a_read():
    with StandIn(lambda _: status(400, "container is waiting to start", "BadRequest")) as server:
        with pytest.raises(Exception, match="no such log, not yet or not any more"):
            list(server.objects().pod_log("a", "node", {}))
        with pytest.raises(Exception, match="nothing was changed"):
            server.objects().list(POD)
