"""Watching misses nothing, whatever breaks."""

import itertools

import pytest

from backends.knative.cluster.absence import Absence
from backends.knative.cluster.errors import ClusterError, Forbidden, Gone, Untrusted
from backends.knative.cluster.kinds import KNATIVE_SERVICE
from backends.knative.cluster.watch import observe
from tests.backends.knative.cluster.standin import BREAK, Answer, StandIn, event, listing, status


def item(name, version, generation=1):
    metadata = {"name": name, "resourceVersion": str(version), "generation": generation}
    return {"metadata": metadata}


class Scripted:
    """Answers lists and watches one after the other; the last watch again and again."""

    def __init__(self, lists, watches):
        self.lists, self.watches = list(lists), list(watches)

    def __call__(self, asked):
        if asked.query.get("watch") != "true":
            return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        return self.watches.pop(0) if len(self.watches) > 1 else self.watches[0]


def watch(script, until, limit=50, tries=1):
    """The generations by name, as seen one after the other, until they are ``until``."""
    seen = []
    with StandIn(script) as server:
        objects = server.objects(tries=tries)
        for snapshot in observe(objects, KNATIVE_SERVICE, "a=b", lambda: 5.0, server.slept.append):
            now = {name: each["metadata"]["generation"] for name, each in snapshot.items()}
            if not seen or now != seen[-1]:
                seen.append(now)
            limit -= 1
            assert limit, seen
            if now == until:
                break
    asked = [each.query.get("resourceVersion") for each in server.asked if "watch" in each.query]
    return seen, asked, server


def test_what_changes_is_seen_in_order():
    events = [
        event("ADDED", item("b", 11)),
        event("MODIFIED", item("a", 12, 2)),
        event("DELETED", item("b", 13)),
    ]
    seen, asked, _ = watch(Scripted([listing([item("a", 9)])], [Answer(200, events)]), {"a": 2})
    assert seen == [{"a": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2}][: len(seen)]
    assert asked == ["10"]


def test_a_broken_connection_goes_on_where_it_was():
    script = Scripted(
        [listing([item("a", 9)])],
        [
            Answer(200, [event("MODIFIED", item("a", 11, 2)), BREAK]),
            BREAK,
            Answer(200, [event("MODIFIED", item("a", 12, 3))]),
        ],
    )
    seen, asked, _ = watch(script, {"a": 3}, tries=2)
    assert seen == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert asked == ["10", "11", "11"]


def test_half_an_event_is_asked_for_again():
    line = event("MODIFIED", item("a", 11, 2))
    script = Scripted([listing([item("a", 9)])], [Answer(200, [line[:20]]), Answer(200, [line])])
    seen, asked, _ = watch(script, {"a": 2})
    assert seen == [{"a": 1}, {"a": 2}]
    assert asked == ["10", "10"]


def test_events_may_come_in_any_pieces():
    text = event("ADDED", item("b", 11)) + event("MODIFIED", item("b", 12, 2))
    pieces = (
        ["".join(each) for each in itertools.batched(text, 7)]
        if hasattr(itertools, "batched")
        else [text[at : at + 7] for at in range(0, len(text), 7)]
    )
    seen, _, _ = watch(Scripted([listing([])], [Answer(200, pieces)]), {"b": 2})
    assert seen == [{}, {"b": 1}, {"b": 2}]


def test_bookmarks_move_the_version_on():
    script = Scripted(
        [listing([item("a", 9)])],
        [
            Answer(200, [event("BOOKMARK", {"metadata": {"resourceVersion": "40"}})]),
            Answer(200, [event("MODIFIED", item("a", 41, 2))]),
        ],
    )
    _, asked, _ = watch(script, {"a": 2})
    assert asked == ["10", "40"]


@pytest.mark.parametrize(
    "gone",
    [
        status(410, "too old resource version", "Expired"),
        Answer(200, [event("ERROR", status(410, "too old", "Expired").content)]),
    ],
    ids=["answer", "event"],
)
def test_a_forgotten_version_means_to_list_again(gone):
    script = Scripted(
        [listing([item("a", 9), item("old", 8)]), listing([item("a", 50, 2)], "50")],
        [gone, Answer(200, [event("MODIFIED", item("a", 51, 3))])],
    )
    seen, asked, _ = watch(script, {"a": 3})
    assert seen == [{"a": 1, "old": 1}, {"a": 2}, {"a": 3}]
    assert asked == ["10", "50"]


def failing(code, message):
    return Answer(200, [event("ERROR", status(code, message).content)])


@pytest.mark.parametrize("code", [410, 429, 500, 503, 504])
def test_an_error_in_a_watch_that_passes_means_to_list_again(code):
    script = Scripted(
        [listing([item("a", 9)]), listing([item("a", 50, 2)], "50")],
        [failing(code, "etcdserver: leader changed"), Answer(200, [event("ADDED", item("b", 51))])],
    )
    seen, asked, server = watch(script, {"a": 2, "b": 1})
    assert seen == [{"a": 1}, {"a": 2}, {"a": 2, "b": 1}]
    assert asked == ["10", "50"]
    assert server.slept == [0.2]


@pytest.mark.parametrize(
    "watches",
    [[Answer(200, ["{", BREAK])], [failing(500, "etcd is gone")], [status(503, "not yet")]],
    ids=["breaks", "event", "answer"],
)
def test_what_goes_on_for_a_minute_is_told(watches):
    script = Scripted([listing([])], watches)
    with StandIn(script) as server:
        seen = observe(
            server.objects(tries=1), KNATIVE_SERVICE, "", lambda: 5.0, server.slept.append
        )
        with pytest.raises(ClusterError, match=r"\(for 6[0-9] s now\)"):
            list(seen)
        assert 60 <= sum(server.slept) < 63 + 30


def test_a_server_that_is_away_for_less_is_waited_for():
    """Whoever lists is told nothing while it restarts."""
    away = iter([True] * 12)

    class Restarting(Scripted):
        def __call__(self, asked):
            return BREAK if next(away, False) else super().__call__(asked)

    script = Restarting([listing([item("a", 9)])], [Answer(200, [event("ADDED", item("b", 11))])])
    seen, _, _ = watch(script, {"a": 1, "b": 1})
    assert seen == [{"a": 1}, {"a": 1, "b": 1}]


def test_a_server_that_cannot_be_trusted_is_not_waited_for():
    slept = []
    error = Untrusted("certificate signed by unknown authority")
    with pytest.raises(Untrusted):
        Absence(slept.append, lambda: 0.0).wait(error)
    assert slept == []


def test_pages_that_expire_while_they_are_read_begin_anew():
    page = {"kind": "List", "metadata": {"resourceVersion": "10", "continue": "x"}}
    first = Answer(200, {**page, "items": [item("old", 9)]})
    expired = status(410, "the continue token is too old", "Expired")
    answers = [first, expired, first, listing([item("a", 9)])]
    with StandIn(lambda asked: answers.pop(0)) as server:
        found = server.objects().list(KNATIVE_SERVICE)
        asked = [each.query.get("continue", "") for each in server.asked]
    assert [each["metadata"]["name"] for each in found.items] == ["old", "a"]
    assert asked == ["", "x", "", "x"]


def test_pages_that_always_expire_are_told():
    page = {"kind": "List", "metadata": {"resourceVersion": "10", "continue": "x"}, "items": []}
    expired = status(410, "the continue token is too old", "Expired")
    with (
        StandIn(
            lambda asked: expired if "continue" in asked.query else Answer(200, page)
        ) as server,
        pytest.raises(Gone),
    ):
        server.objects().list(KNATIVE_SERVICE)


def test_an_error_event_is_an_error():
    refused = status(403, 'User "a" cannot watch resource "services" in API group "x"').content
    script = Scripted([listing([])], [Answer(200, [event("ERROR", refused)])])
    with pytest.raises(Forbidden, match='verbs: \\["watch"\\]'):
        watch(script, None)


def test_it_ends_when_time_is_over():
    left = iter([9.0, 1.5, 0.3, 0.0])
    with StandIn(Scripted([listing([])], [Answer(200, [""])])) as server:
        snapshots = list(observe(server.objects(), KNATIVE_SERVICE, "", lambda: next(left)))
    assert snapshots == [{}] * 4
    assert [each.query["timeoutSeconds"] for each in server.asked[1:]] == ["2", "2", "1"]
