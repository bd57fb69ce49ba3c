"""A call through the gateway: one key, asked until the answer is known."""

import asyncio
import json
import socket
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.runtime.invoke import Call, invoke, make_body, new_key
from tests.backends.knative.cluster.standin import BREAK, Answer, StandIn
from tests.patience import patience


def problem(status, outcome, retry=None, title="Trouble"):
    body = {"title": title, "status": status, "detail": "because", "outcome": outcome}
    headers = {"Content-Type": "application/problem+json"}
    headers |= {"Retry-After": str(retry)} if retry is not None else {}
    return Answer(status, json.dumps(body), headers)


def ask(answers, timeout=None, **more):
    """The result, what the gateway was asked, what was told, and the pauses."""
    left, told, slept = list(answers), [], []

    async def sleep(seconds):
        slept.append(seconds)

    def handle(_asked):
        return left.pop(0) if len(left) > 1 else left[0]

    with StandIn(handle) as gateway:
        more["timeout"] = timeout or patience()
        call = Call(gateway.url + "/", "Hotel.reserve", b'["h1"]', "key-1", **more)
        result = asyncio.run(invoke(call, told.append, sleep))
    return result, gateway.asked, told, slept


def test_an_answer_is_an_answer():
    result, asked, told, _ = ask([Answer(200, {"room": 7})])
    assert (result.outcome, result.content) == ("returned", {"room": 7})
    assert [(each.method, each.path, each.body) for each in asked] == [
        ("POST", "/Hotel.reserve", ["h1"])
    ]
    assert told == []


@pytest.mark.parametrize("outcome", ["raised", "definite", "indefinite"])
def test_what_is_final_is_asked_once(outcome):
    result, asked, _, _ = ask([problem(422, outcome)])
    assert (result.outcome, len(asked)) == (outcome, 1)
    assert "Trouble (422): because" in result.why


def test_what_may_have_happened_is_asked_again_with_the_same_key():
    answers = [problem(504, "indefinite", 1), Answer(502, "bad gateway"), BREAK, Answer(200, 1)]
    result, asked, told, slept = ask(answers)
    assert result.outcome == "returned"
    assert len(asked) == 4
    assert {each.headers["Idempotency-Key"] for each in asked} == {"key-1"}
    assert slept[0] == 1.0
    assert all("again with the same key" in line for line in told)


def test_a_last_try_that_did_nothing_does_not_make_the_first_undone():
    result, _, _, _ = ask([Answer(502, "bad gateway"), problem(400, "definite")])
    assert result.outcome == "indefinite"
    assert "an earlier try may have taken effect" in result.why


def test_turned_away_and_then_refused_is_definite():
    result, asked, _, _ = ask([problem(503, "definite", 0), problem(400, "definite")])
    assert (result.outcome, len(asked)) == ("definite", 2)


def test_time_is_bounded():
    result, asked, _, _ = ask([Answer(503, "no pod")], timeout=0.1)
    assert (result.outcome, len(asked)) == ("indefinite", 1)


def test_nobody_there_means_nothing_was_sent():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        call = Call(url, "A.b", b"[]", "k", timeout=0.3)
        result = asyncio.run(invoke(call, lambda _line: None))
    assert result.outcome == "definite"
    assert "cannot be reached" in result.why


@pytest.mark.parametrize(
    "answer", [Answer(404, "no such host"), Answer(200, "<html>welcome</html>")], ids=str
)
def test_something_else_than_a_gateway(answer):
    result, asked, _, _ = ask([answer])
    assert len(asked) == 1
    assert "not as a gateway does" in result.why
    assert "--host" in result.why


def test_an_ingress_is_told_the_host():
    _, asked, _, _ = ask([Answer(200, 1)], host="shop-gateway.here.example.com")
    assert asked[0].headers["Host"] == "shop-gateway.here.example.com"


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ([], []),
        (["1", "true", "null", '"x"', '{"a": [1]}'], [1, True, None, "x", {"a": [1]}]),
        (["h1", "two words", "-"], ["h1", "two words", "-"]),
        (["hotel=h1", "nights=2"], {"hotel": "h1", "nights": 2}),
        (["http://a?b=c"], ["http://a?b=c"]),
        (["a="], {"a": ""}),
    ],
)
def test_arguments_are_json_or_text(arguments, body):
    assert json.loads(make_body(arguments)) == body


def test_arguments_are_not_mixed():
    with pytest.raises(ValueError, match="not both"):
        make_body(["1", "a=2"])


@given(st.lists(st.one_of(st.integers(), st.text(), st.booleans(), st.none(), st.floats(0, 1))))
def test_every_value_arrives_as_it_is(values):
    assert json.loads(make_body([json.dumps(value) for value in values])) == values


def test_a_new_key_is_a_uuid_of_version_7_each_time():
    assert uuid.UUID(new_key()).version == 7
    assert new_key() != new_key()


def test_a_gateway_out_of_reach_is_given_up_before_time_is_over():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        call = Call(url, "A.b", b"[]", "k", timeout=1_000_000.0, reach=0.3)
        result = asyncio.run(invoke(call, lambda _line: None))
    assert result.outcome == "definite"
