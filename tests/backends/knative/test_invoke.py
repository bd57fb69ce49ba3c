"""The command ``invoke``: what is told of a call, and its exit status."""

import json

import pytest

from tests.backends.knative.cluster.running import run
from tests.backends.knative.cluster.standin import Answer, StandIn


def problem(status, outcome, retry=None, title="Trouble"):
    body = {"title": title, "status": status, "detail": "because", "outcome": outcome}
    headers = {"Content-Type": "application/problem+json"}
    headers |= {"Retry-After": str(retry)} if retry is not None else {}
    return Answer(status, json.dumps(body), headers)


def test_the_command(tmp_path):
    with StandIn(lambda asked: Answer(200, {"sum": sum(asked.body)})) as gateway:
        seen = run("invoke", "shop", "A.b", "1", "2", "--url", gateway.url)
    assert seen.status == 0
    assert json.loads(seen.out) == {"sum": 3}
    assert f"Idempotency-Key: {gateway.asked[0].headers['Idempotency-Key']}" in seen.err


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (problem(422, "raised", title="The method raised"), "The method raised (422)"),
        (problem(400, "definite"), "Nothing happened"),
        (problem(410, "indefinite"), "--key"),
    ],
)
def test_the_command_tells_how_it_failed(answer, text):
    with StandIn(lambda _asked: answer) as gateway:
        seen = run("invoke", "shop", "A.b", "--url", gateway.url, "--key", "mine")
    assert seen.status == 1
    assert text in seen.err
    assert gateway.asked[0].headers["Idempotency-Key"] == "mine"


def test_a_gateway_that_nobody_is_at():
    seen = run("invoke", "shop", "A.b", "--url", "http://127.0.0.1:1", "--timeout", "0.1")
    assert (seen.status, seen.out) == (1, "")
    assert seen.err.endswith("give its address with --url and --host.\n")
    assert "Nothing happened" in seen.err


@pytest.mark.parametrize(
    "arguments", [["Ab"], ["A.b.c"], ["A.b", "1", "a=2"], ["A.b", "--url", "ftp://x"]], ids=str
)
def test_bad_input_is_told_before_anything_is_sent(arguments):
    seen = run(
        "invoke", "shop", *arguments, *([] if "--url" in arguments else ["--url", "http://x"])
    )
    assert seen.status == 2
    assert seen.out == ""
