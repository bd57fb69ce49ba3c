"""What is asked again, how often and after how long; and what is not."""

import socket

import pytest

from backends.knative.cluster.errors import (
    Broken,
    FieldConflict,
    Forbidden,
    Modified,
    ServerFailed,
    TooBusy,
    Unauthenticated,
    Unreachable,
)
from backends.knative.cluster.kinds import KNATIVE_SERVICE, SECRET
from tests.backends.knative.cluster.standin import BREAK, Answer, StandIn, listing, status

MANIFEST = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {"name": "hotel", "namespace": "here"},
}


def after(answers, then):
    """Answers one after the other, and what comes after them."""
    left = list(answers)
    return lambda _asked: left.pop(0) if left else then


def test_a_busy_server_is_asked_again_after_the_time_it_gives():
    busy = status(429, "slow down", "TooManyRequests")
    busy.headers["Retry-After"] = "7"
    with StandIn(after([busy, busy], listing([]))) as server:
        assert server.objects().list(KNATIVE_SERVICE).items == []
    assert server.slept == [7.0, 7.0]
    assert "429" in server.told[0]
    assert "slow down" in server.told[0]
    assert "again in 7 s" in server.told[0]


def test_a_server_that_stays_busy_is_left_alone():
    with (
        StandIn(lambda _asked: status(429, "slow down")) as server,
        pytest.raises(TooBusy, match="slow down"),
    ):
        server.objects().list(KNATIVE_SERVICE)
    assert len(server.asked) == 5
    assert server.slept == [0.25, 0.5, 1.0, 2.0]


def test_nobody_waits_for_an_hour():
    busy = status(429, "slow down")
    busy.headers["Retry-After"] = "3600"
    with StandIn(lambda _asked: busy) as server, pytest.raises(TooBusy, match="3600 s"):
        server.objects().list(KNATIVE_SERVICE)
    assert len(server.asked) == 1


def test_a_date_to_retry_after_is_understood():
    busy = status(503, "soon")
    busy.headers["Retry-After"] = "Sun, 06 Nov 1994 08:49:37 GMT"
    with StandIn(after([busy], listing([]))) as server:
        server.objects().list(KNATIVE_SERVICE)
    assert server.slept == [0.0]


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_failures_of_the_server_are_retried_and_bounded(code):
    with StandIn(after([status(code, "etcd has no leader")] * 2, listing([]))) as server:
        server.objects().list(KNATIVE_SERVICE)
    assert len(server.asked) == 3
    with (
        StandIn(lambda _asked: Answer(code, "no leader")) as server,
        pytest.raises(ServerFailed, match="no leader"),
    ):
        server.objects().list(KNATIVE_SERVICE)
    assert len(server.asked) == 5


@pytest.mark.parametrize("body", ["apply", "delete"])
def test_changes_are_sent_again_too_for_they_can_be(body):
    item = {**MANIFEST, "metadata": {**MANIFEST["metadata"], "uid": "u1"}}
    with StandIn(after([BREAK, status(500, "oops")], Answer(200, item))) as server:
        if body == "apply":
            server.objects().apply(MANIFEST)
        else:
            assert server.objects().delete(KNATIVE_SERVICE, item)
    assert [each.body for each in server.asked] == [server.asked[0].body] * 3


def test_deleting_is_for_one_object_and_not_for_its_successor():
    item = {**MANIFEST, "metadata": {**MANIFEST["metadata"], "uid": "u1"}}
    with StandIn(lambda _asked: status(409, "Precondition failed: UID", "Conflict")) as server:
        assert not server.objects().delete(KNATIVE_SERVICE, item)
    assert server.asked[0].body["preconditions"] == {"uid": "u1"}
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (status(401, "Unauthorized"), Unauthenticated),
        (status(403, 'User "a" cannot list resource "secrets" in API group ""'), Forbidden),
    ],
)
def test_what_no_retry_changes_is_asked_once(given, error):
    with StandIn(lambda _asked: given) as server, pytest.raises(error):
        server.objects().get(SECRET, "key")
    assert len(server.asked) == 1


def test_a_conflict_of_fields_is_final_and_any_other_is_not():
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".spec"}]
    fields = status(409, "Apply failed", "Conflict", {"causes": causes})
    with StandIn(lambda _asked: fields) as server, pytest.raises(FieldConflict):
        server.objects().apply(MANIFEST)
    assert len(server.asked) == 1
    overtaken = status(409, "the object has been modified", "Conflict")
    with StandIn(after([overtaken], Answer(200, MANIFEST))) as server:
        server.objects().apply(MANIFEST)
    assert len(server.asked) == 2
    with StandIn(lambda _asked: overtaken) as server, pytest.raises(Modified):
        server.objects().apply(MANIFEST)


def test_a_server_that_is_not_there():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = StandIn(lambda _asked: None)
        server.server.server_close()
        objects = server.objects(tries=3)
        with pytest.raises(Unreachable) as caught:
            objects.list(KNATIVE_SERVICE)
    assert server.url in str(caught.value)
    assert "user ada" in str(caught.value)
    assert len(server.slept) == 2


def test_a_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        server = StandIn(lambda _asked: None)
        server.server.server_close()
        server.server.server_port = mute.getsockname()[1]
        with pytest.raises(Unreachable, match="cannot be reached"):
            server.objects(tries=2, answer=0.2).list(KNATIVE_SERVICE)


@pytest.mark.parametrize("text", ["<html>log in</html>", "[]", ""])
def test_something_else_than_an_api_server(text):
    with (
        StandIn(lambda _asked: Answer(200, text)) as server,
        pytest.raises(Unreachable, match="not as a Kubernetes API server"),
    ):
        server.objects().list(KNATIVE_SERVICE)


def test_an_answer_that_breaks_off():
    with (
        StandIn(lambda _asked: Answer(200, ['{"items": [', BREAK])) as server,
        pytest.raises(Broken, match="broke in mid-answer"),
    ):
        server.objects().list(KNATIVE_SERVICE)


def test_long_lists_come_in_pages():
    def handle(asked):
        if asked.query.get("continue") == "more":
            return listing([{"metadata": {"name": "b"}}])
        first = listing([{"metadata": {"name": "a"}}])
        first.content["metadata"]["continue"] = "more"
        return first

    with StandIn(handle) as server:
        found = server.objects().list(KNATIVE_SERVICE, "a=b")
    assert [each["metadata"]["name"] for each in found.items] == ["a", "b"]
    assert all(each.query["labelSelector"] == "a=b" for each in server.asked)


def test_the_path_is_where_kubernetes_serves_it():
    with StandIn(lambda _asked: Answer(200, MANIFEST)) as server:
        server.objects().apply(MANIFEST, force=True, dry_run=True)
    asked = server.asked[0]
    assert asked.path == "/apis/serving.knative.dev/v1/namespaces/here/services/hotel"
    assert asked.query == {"fieldManager": "mu2sls", "force": "true", "dryRun": "All"}
