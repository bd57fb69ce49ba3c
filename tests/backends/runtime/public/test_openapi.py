"""The OpenAPI document keeps what it promises."""

import asyncio
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.runtime.public.openapi import _ELSEWHERE
from backends.runtime.public.problems import KINDS, Refusal
from core.bounds import REQUEST, cancelled
from core.callers import Caller
from core.messages import Returned
from tests.backends.runtime.public.parts import Asked, Gateway, content, failed, returned

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


def run(awaitable):
    return asyncio.run(awaitable)


def document(application):
    answer = run(Gateway(application).send("GET", "/openapi.json"))
    assert (answer.status, answer.content_type) == (200, "application/json")
    return content(answer)


class Knows:
    format = "key"

    def __init__(self, slug):
        self.slug = slug

    async def caller(self, secret):
        if self.slug == "forbidden":
            return Caller("ada")
        raise Refusal(self.slug, "why")


class Promise:
    """Validates values against parts of a document."""

    def __init__(self, application):
        self.document = document(application)

    def _resolved(self, part):
        while "$ref" in part:
            target = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = target
        return part

    def check(self, schema, value):
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole).validate(value)

    def operation(self, path, method="post"):
        return self.document["paths"][path][method]

    def check_answer(self, path, outgoing):
        response = self._resolved(self.operation(path)["responses"][str(outgoing.status)])
        schema = response["content"][outgoing.content_type]["schema"]
        self.check(schema, content(outgoing))
        for name in response["headers"]:
            if name != "Retry-After":
                assert name in outgoing.headers

    def body_schema(self, path):
        return self.operation(path)["requestBody"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("name", ["hotel", "bank", "shelf"])
def test_the_document_is_valid(name, request):
    validator = pytest.importorskip("openapi_spec_validator", reason="not installed")
    validator.validate(document(request.getfixturevalue(name)))


@pytest.mark.parametrize("name", ["hotel", "bank"])
def test_every_answer_of_the_workload_is_as_promised(name, request):
    application = request.getfixturevalue(name)
    promise, gateway, rng = Promise(application), Gateway(application), random.Random(2)
    workload = application.workload
    calls = [
        (method, workload.arguments[method](rng)) for method in workload.mix for _ in range(40)
    ]
    calls += [("Hotel.free", ("x",)), ("Hotel.reserve", ("x",))] if name == "hotel" else []
    calls += [("North.total", ()), ("Bank.transfer", ("x", "y", -1))] if name == "bank" else []
    seen = set()
    for method, args in calls:
        body = json.loads(json.dumps(args))
        promise.check(promise.body_schema(f"/{method}"), body)
        answer = run(gateway.post(f"/{method}", body))
        promise.check_answer(f"/{method}", answer)
        seen.add((method, answer.status))
    mistakes = {500} if name == "bank" else set()  # a negative amount is a ValueError
    assert {status for _, status in seen} == {200, 422} | mistakes


@pytest.mark.parametrize("slug", sorted(set(KINDS) - _ELSEWHERE - {"raised", "mistake"}))
def test_every_problem_is_as_promised(shelf, slug):
    promise = Promise(shelf)
    if slug == "unsupported-media-type":
        answer = run(Gateway(shelf).raw("/Shelf.get", b"[]", content_type="text/plain"))
    elif slug == "cross-site":
        answer = run(Gateway(shelf).post("/Shelf.get", ["x"], sec_fetch_site="cross-site"))
    elif slug in ("unauthenticated", "forbidden", "auth-unavailable"):
        gateway = Gateway(shelf, auth=Knows(slug))
        answer = run(gateway.post("/Wall.guarded", [], authorization="Bearer x"))
    elif slug == "draining":
        gateway = Gateway(shelf)
        gateway.public.draining = True
        answer = run(gateway.post("/Shelf.get", ["x"]))
    elif slug == "internal":
        answer = run(Gateway(shelf, Asked(lambda request: 1 / 0)).post("/Shelf.get", ["x"]))
    elif slug == "cancelled":
        told = shelf.program.codec.encode_exception(cancelled(REQUEST))
        answer = run(Gateway(shelf, Asked(told)).post("/Shelf.get", ["x"]))
    elif slug == "unshown":
        answer = run(Gateway(shelf, Asked(Returned(b"\xc1"))).post("/Shelf.get", ["x"]))
    else:
        kind = "".join(part.title() for part in slug.split("-"))
        ask = Asked(failed(kind, KINDS[slug].outcome == "definite"))
        answer = run(Gateway(shelf, ask).post("/Shelf.get", ["x"]))
    assert content(answer)["type"] == f"/problems/{slug}"
    promise.check_answer("/Shelf.get", answer)


def test_every_method_a_client_can_call_is_there_and_no_other(bank, shelf):
    assert set(document(bank)["paths"]) == {
        "/North.total", "/South.total", "/Bank.transfer", "/Bank.share", "/Bank.audit",
        "/requests/{key}",
    }  # fmt: skip
    assert "/Shelf._hidden" not in document(shelf)["paths"]


def test_what_the_analysis_knows_is_told(bank):
    promise = Promise(bank)
    transfer, audit = promise.operation("/Bank.transfer"), promise.operation("/Bank.audit")
    assert (transfer["x-read-only"], transfer["x-transactional"]) == (False, True)
    assert (audit["x-read-only"], audit["x-transactional"]) == (True, False)
    assert audit["x-calls"] == ["North.total", "South.total"]
    assert transfer["x-touches"] == ["Bank.reported", "North.balances", "South.balances"]
    assert transfer["summary"].startswith("Move `amount`") or "amount" in transfer["summary"]
    assert ":raises InsufficientFunds:" in transfer["description"]
    assert set(promise.document["paths"]["/Bank.audit"]) == {"get", "post"}
    assert set(promise.document["paths"]["/Bank.transfer"]) == {"post"}


FITS = [
    ("/Shelf.get", ["x"]),
    ("/Shelf.get", {"name": "x"}),
    ("/Shelf.only_position", [1, 2, 3]),
    ("/Shelf.only_name", {"first": 1, "b": 2}),
    ("/Shelf.anything", {"what": None, "x": []}),
    ("/Shelf.anything", [1, "x", {}]),
    ("/Shelf.fail", ["x"]),
    ("/Shelf.fail", ["x", "y"]),
    ("/Wall.hello", {}),
    ("/Wall.hello", []),
    ("/Shelf.level", ["high"]),
]
MISFITS = [
    ("/Shelf.get", []),
    ("/Shelf.get", {}),
    ("/Shelf.get", [1]),
    ("/Shelf.get", ["x", "y"]),
    ("/Shelf.get", {"name": "x", "more": 1}),
    ("/Shelf.get", "x"),
    ("/Shelf.only_position", {"first": 1}),
    ("/Shelf.only_position", [1, "x"]),
    ("/Shelf.only_name", [1]),
    ("/Shelf.only_name", {"first": 1, "b": "x"}),
    ("/Shelf.put", [{"name": "x"}]),
    ("/Wall.hello", [1]),
]


@pytest.mark.parametrize(("path", "body"), FITS + MISFITS)
def test_what_the_document_takes_the_gateway_takes(shelf, path, body):
    promise = Promise(shelf)
    answer = run(Gateway(shelf, Asked(returned(shelf, None))).post(path, body))
    if (path, body) in FITS:
        promise.check(promise.body_schema(path), body)
        assert answer.status == 200
    else:
        with pytest.raises(jsonschema.ValidationError):
            promise.check(promise.body_schema(path), body)
        assert answer.status == 400


def test_a_body_is_required_where_there_are_required_parameters(shelf):
    promise = Promise(shelf)
    assert promise.operation("/Shelf.get")["requestBody"]["required"]
    assert not promise.operation("/Wall.hello")["requestBody"]["required"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip

THINGS = st.fixed_dictionaries(
    {
        "name": st.text(max_size=5),
        "colour": st.sampled_from(["red", "blue"]),
        "made": st.just("2024-01-01T00:00:00Z"),
    },
    optional={
        "price": st.decimals(allow_nan=False, allow_infinity=False).map(str),
        "tags": st.lists(st.text(max_size=3), unique=True),
        "labels": st.lists(st.tuples(st.text(max_size=3), st.integers()).map(list)),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_things_that_the_document_takes_come_back_as_it_promises(shelf, data):
    promise, gateway = _made(shelf)
    thing = data.draw(THINGS)
    promise.check(promise.body_schema("/Shelf.put"), [thing])
    put = run(gateway.post("/Shelf.put", [thing]))
    promise.check_answer("/Shelf.put", put)
    got = run(gateway.post("/Shelf.get", [thing["name"]]))
    promise.check_answer("/Shelf.get", got)
    assert content(got)["name"] == thing["name"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, st.sampled_from(["/Shelf.get", "/Shelf.put", "/Shelf.mix", "/Shelf.only_position"]))
def test_whatever_is_sent_there_is_an_answer_as_promised(shelf, body, path):
    promise, gateway = _made(shelf)
    promise.check_answer(path, run(gateway.post(path, body)))


_MADE = {}


def _made(application):
    if id(application) not in _MADE:
        _MADE[id(application)] = (Promise(application), Gateway(application))
    return _MADE[id(application)]
