"""Routes, problems, keys, deadlines, admission and drain, with someone else to ask."""

import asyncio
import logging
import random
import time
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from backends.runtime.http import bodies, connection
from backends.runtime.http.connection import FIELD_LIMIT, URL_LIMIT
from backends.runtime.public import keys
from backends.runtime.public.problems import KINDS
from backends.runtime.public.strict_json import DEPTH_LIMIT, DIGIT_LIMIT
from backends.runtime.settings import Settings
from core.client_keys import KEY_LENGTH
from core.errors import StoreUnavailable, UnsupportedValue
from core.ids import root_id
from core.layout import client_key
from core.messages import Origin, Raised, Returned
from tests import leaping
from tests.backends.runtime.public.parts import (
    Asked,
    AwaitedStore,
    Gateway,
    content,
    failed,
    raised,
    returned,
)

TRANSFER = ("north-00", "south-00")
UUID7 = "01890a5d-ac96-774b-bcce-b302099a8057"


def run(awaitable):
    return leaping.run(awaitable)


@pytest.fixture
def shelf_gateway(shelf):
    return Gateway(shelf, Asked(returned(shelf, 1)))


def is_problem(outgoing, slug):
    kind = KINDS[slug]
    body = content(outgoing)
    assert outgoing.content_type == "application/problem+json"
    assert outgoing.status == body["status"] == kind.status
    assert body["type"] == f"/problems/{slug}"
    assert body["title"] == kind.title
    assert body["outcome"] == kind.outcome
    assert body.get("idempotency_key") == outgoing.headers.get("Idempotency-Key")
    return body["detail"]


# --- what is asked for


def test_a_call_becomes_a_root_request_and_nothing_but_that(shelf, shelf_gateway):
    before = time.time_ns()
    answer = run(
        shelf_gateway.raw(
            "/Keeper.look", b'{"name": "x"}', idempotency_key=UUID7, travel="[1,[]]",
            x_intent_recorded="true", origin="Shelf", deadline="1", last="false",
            request_path="[3]",
        )
    )  # fmt: skip
    [request] = shelf_gateway.public._ask.requests
    args = shelf.program.codec.encode((("x",), {}))
    assert (request.service, request.method, request.args) == ("Keeper", "look", args)
    assert request.origin == Origin("Keeper", "look", args)
    assert (request.id.root, request.id.path) == (UUID(UUID7).bytes, ())
    assert (request.travel, request.intent_recorded, request.last) == (None, False, True)
    assert before + 29e9 < request.deadline < time.time_ns() + 31e9
    assert (answer.status, answer.body) == (200, b"1")
    assert answer.headers["Idempotency-Key"] == UUID7


@pytest.mark.parametrize("path", ["/Shelf.get", "/Shelf/get"])
@pytest.mark.parametrize("body", [b'{"name": "x"}', b'["x"]', b' [ "x" ] '])
def test_the_same_arguments_are_the_same_request(shelf_gateway, path, body):
    run(shelf_gateway.raw(path, body))
    run(shelf_gateway.send("GET", path, query={"name": "x"}))
    one, two = shelf_gateway.public._ask.requests
    assert (one.service, one.method, one.args) == (two.service, two.method, two.args)


def test_the_order_of_names_makes_no_difference(shelf):
    gateway = Gateway(shelf, Asked(returned(shelf, 1)))
    for body in (b'{"with_what": "a", "secret": "b"}', b'{"secret": "b", "with_what": "a"}'):
        run(gateway.raw("/Shelf.fail", body))
    one, two = gateway.public._ask.requests
    assert one.args == two.args


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\n"])
def test_no_arguments(shelf_gateway, body):
    answer = run(shelf_gateway.send("POST", "/Wall.hello", body, content_type="application/json"))
    assert answer.status == 200
    assert run(shelf_gateway.send("POST", "/Wall.hello")).status == 200


# --- what is refused, before anybody is asked


MIX = (
    b'{"number": 1, "ratio": 2, "yes": true, "data": "aGk=", "when": "2024-02-29", "long": '
    b'"PT1H", "uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "pair": [1, "x"], '
    b'"ages": {"7": "g"}, "few": [1, 2]}'
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b'"number": 1', b'"number": 1.5'), "number: Expected `int`, got `float`"),
        ((b'"number": 1', b'"number": "1"'), "number: Expected `int`, got `str`"),
        ((b'"number": 1', b'"number": true'), "number: Expected `int`, got `bool`"),
        ((b'"number": 1', b'"number": null'), "number: Expected `int`, got `null`"),
        ((b'"yes": true', b'"yes": 1'), "yes: Expected `bool`"),
        ((b"aGk=", b"!"), "data: Invalid base64"),
        ((b"2024-02-29", b"2023-02-29"), "when: Invalid RFC3339"),
        ((b'[1, "x"]', b"[1]"), "pair: Expected `array` of length 2"),
        ((b'[1, "x"]', b"[1, 2]"), "pair[1]: Expected `str`, got `int`"),
        ((b'{"7"', b'{"x"'), "ages"),
        ((b'"number": 1, ', b""), "missing a required argument: 'number'"),
        ((b'"number": 1', b'"number": 1, "nombre": 2'), "unexpected keyword argument 'nombre'"),
        ((b'"number": 1', b'"number": NaN'), "NaN"),
        ((b'"few": [1, 2]', b'"few": [1, 2], "few": []'), "two members called 'few'"),
    ],
)
def test_arguments_that_do_not_fit(shelf_gateway, change, message):
    body = MIX.replace(*change)
    assert body != MIX
    assert message in is_problem(run(shelf_gateway.raw("/Shelf.mix", body)), "bad-request")
    assert shelf_gateway.public._ask.requests == []
    assert run(shelf_gateway.raw("/Shelf.mix", MIX)).status == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/Shelf.get", b'"x"', "an object with the arguments by name, or an array"),
        ("/Shelf.get", b'["x", "y"]', "too many positional arguments. It is get(name: str)"),
        ("/Shelf.only_position", b'{"first": 1}', "first"),
        ("/Shelf.only_name", b"[1]", "too many positional"),
        ("/Shelf.only_position", b'[1, 2, "3"]', "rest: Expected `int`"),
        ("/Shelf.only_name", b'{"first": 1, "more": "x"}', "rest: Expected `int`"),
        ("/Shelf.put", b'{"thing": {"name": "x"}}', "thing: Object missing required field"),
        ("/Shelf.put", b'{"thing": [', "not JSON"),
        ("/Shelf.anything", b"[" * 200_000, "nested more than"),
        ("/Wall.hello", b"[1]", "too many positional arguments"),
        (
            "/Shelf.put",
            b'{"thing": {"name": "x", "colour": "red", "made": "2024-01-01T00:00:00Z", "foo": 1}}',
            "Shelf.put: thing: Object contains unknown field `foo`",
        ),
    ],
)
def test_bodies_that_do_not_fit(shelf_gateway, path, body, message):
    assert message in is_problem(run(shelf_gateway.raw(path, body)), "bad-request")
    assert shelf_gateway.public._ask.requests == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/Shelf.gett", "did you mean Shelf.get?"),
        ("/shelf.get", "did you mean Shelf.get?"),
        ("/Shelve/get", "did you mean Shelf.get?"),
        ("/Shelf._hidden", "Shelf._hidden: what begins with an underscore is private"),
        ("/Shelf.__init__", "private to its service"),
        ("/Wardrobe.zip", "lists all methods"),
        ("/Shelf", "no method 'Shelf'"),
        ("/Shelf.get.more", "did you mean Shelf.get?"),
        ("/Shelf/get/", "there is no path '/Shelf/get/': Shelf.get is at /Shelf.get"),
        ("/Shelf.get/", "there is no path '/Shelf.get/': Shelf.get is at /Shelf.get"),
        ("/Shelf.gett/", "there is no method 'Shelf.gett': did you mean Shelf.get?"),
        ("//", "lists all methods"),
        ("/problems/nothing", "lists all methods"),
        ("/call", "lists all methods"),
        ("/../etc/passwd", "lists all methods"),
    ],
)
def test_methods_that_are_not_there(shelf_gateway, path, message):
    for method in ("POST", "GET"):
        assert message in is_problem(run(shelf_gateway.send(method, path)), "not-found")
    assert shelf_gateway.public._ask.requests == []


def test_a_private_method_is_named_as_such(bank):
    gateway = Gateway(bank, Asked(returned(bank, None)))
    detail = is_problem(run(gateway.post("/Bank._deposit", ["a", 1])), "not-found")
    assert detail.startswith("Bank._deposit: what begins with an underscore is private")
    assert gateway.public._ask.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_what_writes_is_posted(shelf_gateway, method):
    answer = run(shelf_gateway.send(method, "/Shelf.put"))
    is_problem(answer, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"
    is_problem(run(shelf_gateway.send("POST", "/openapi.json")), "method-not-allowed")


@pytest.mark.parametrize(
    "declared", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_a_body_is_declared_as_json(shelf_gateway, declared):
    answer = run(shelf_gateway.raw("/Shelf.get", b'["x"]', content_type=declared))
    is_problem(answer, "unsupported-media-type")
    assert answer.headers["Accept-Post"] == "application/json"


@pytest.mark.parametrize("declared", ["application/json; charset=utf-8", "Application/JSON"])
def test_ways_to_say_json(shelf_gateway, declared):
    assert run(shelf_gateway.raw("/Shelf.get", b'["x"]', content_type=declared)).status == 200


def test_a_body_over_the_limit(shelf):
    gateway = Gateway(shelf, Asked(returned(shelf, 1)), body_limit=20)
    is_problem(run(gateway.raw("/Shelf.get", b'["' + b"x" * 20 + b'"]')), "too-large")
    assert run(gateway.raw("/Shelf.get", b'["' + b"x" * 16 + b'"]')).status == 200


def test_a_posted_query_is_refused_rather_than_overlooked(shelf_gateway):
    answer = run(shelf_gateway.send("POST", "/Shelf.get", query={"name": "x"}))
    assert "in its body" in is_problem(answer, "bad-request")


# --- GET


def test_queries_are_read_by_type(shelf):
    gateway = Gateway(shelf)
    query = {
        "number": "-7", "ratio": "2.5", "yes": "true", "data": "aGk=", "when": "2024-02-29",
        "long": "PT1H", "uuid": UUID7, "pair": '[1, "x"]', "ages": '{"7": "g"}', "few": "[2]",
        "maybe": "null",
    }  # fmt: skip
    by_query = run(gateway.send("GET", "/Shelf.mix", query=query))
    by_body = run(
        gateway.raw(
            "/Shelf.mix",
            MIX.replace(b'"number": 1', b'"number": -7').replace(b'"ratio": 2', b'"ratio": 2.5')
            .replace(b"[1, 2]", b'[2], "maybe": null'),
        )
    )  # fmt: skip
    assert by_query.status == 200
    assert by_query.body == by_body.body
    assert b"datetime.date(2024, 2, 29)" in by_query.body
    untyped = run(gateway.send("GET", "/Shelf.anything", query={"what": "3", "else": "[1]"}))
    assert content(untyped) == ["3", [], {"else": "[1]"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [("number", "x"), ("number", "1.5"), ("pair", "[1"), ("few", "[1,1e999]"), ("when", "soon")],
)
def test_queries_that_do_not_fit(shelf_gateway, name, text):
    answer = run(shelf_gateway.send("GET", "/Shelf.mix", query={name: text}))
    assert "missing a required argument" in is_problem(answer, "bad-request")
    query = {
        "number": "1", "ratio": "2", "yes": "false", "data": "", "when": "2024-02-29",
        "long": "PT1H", "uuid": UUID7, "pair": '[1, "x"]', "ages": "{}", "few": "[]",
    }  # fmt: skip
    assert run(shelf_gateway.send("GET", "/Shelf.mix", query=query)).status == 200
    answer = run(shelf_gateway.send("GET", "/Shelf.mix", query={**query, name: text}))
    assert f" {name}: " in is_problem(answer, "bad-request")


# --- what comes back


FAILURES = [
    ("BadRequest", True, "bad-request", 400),
    ("IdReused", True, "id-reused", 422),
    ("TooLarge", True, "too-large", 413),
    ("Overloaded", True, "overloaded", 503),
    ("Interrupted", False, "interrupted", 504),
    ("Unfamiliar", False, "interrupted", 504),
    ("Asleep", False, "interrupted", 504),
    ("Expired", False, "expired", 410),
    ("SetAside", False, "set-aside", 500),
    ("TooSlow", True, "too-slow", 500),
    ("StoreUnavailable", False, "interrupted", 504),
    ("SomethingNew", True, "failed", 500),
    ("SomethingNew", False, "interrupted", 504),
    ("Overloaded", False, "interrupted", 504),
    ("Interrupted", True, "failed", 500),
]


@pytest.mark.parametrize(("kind", "definite", "slug", "status"), FAILURES)
def test_failures_keep_what_is_known(shelf, kind, definite, slug, status):
    gateway = Gateway(shelf, Asked(failed(kind, definite, "told why")))
    answer = run(gateway.post("/Shelf.get", ["x"], idempotency_key=UUID7))
    assert is_problem(answer, slug) == "told why"
    assert answer.status == status
    assert content(answer)["outcome"] == ("definite" if definite else "indefinite")
    assert content(answer)["idempotency_key"] == answer.headers["Idempotency-Key"] == UUID7
    asks_again = slug in ("overloaded", "interrupted")
    assert ("Retry-After" in answer.headers) == asks_again


def test_every_failure_of_the_core_has_a_kind_of_its_own():
    from core import errors

    told = {
        each.__name__
        for family in (errors.DefiniteFailure, errors.IndefiniteFailure)
        for each in family.__subclasses__()
    }
    assert told <= {kind for kind, *_ in FAILURES}


class Awkward:
    """What is a value and cannot be looked at."""

    def __repr__(self):
        raise LookupError("not at home")


@pytest.mark.parametrize(
    ("decoded", "says"),
    [
        (Awkward(), "LookupError: not at home"),
        ([[Awkward()]], "LookupError: not at home"),
        (UnsupportedValue("its class is gone"), "UnsupportedValue: its class is gone"),
    ],
)
def test_what_is_done_and_cannot_be_shown_is_done_all_the_same(shelf, decoded, says, monkeypatch):
    """It is committed, so nobody may be told to ask again for ever."""

    def decode(_):
        if isinstance(decoded, Exception):
            raise decoded
        return decoded

    gateway = Gateway(shelf, Asked(returned(shelf, "x")))
    monkeypatch.setattr(shelf.program.codec, "decode", decode)
    answer = run(gateway.post("/Shelf.get", ["x"]))
    assert is_problem(answer, "unshown") == says
    assert content(answer)["outcome"] == "done"


def test_an_integer_of_any_length_is_an_answer(shelf):
    for exponent in (300, 4_298, 4_299, 4_300, 50_000):
        gateway = Gateway(shelf, Asked(returned(shelf, {"n": [-(10**exponent)]})))
        answer = run(gateway.post("/Shelf.get", ["x"]))
        assert answer.status == 200
        (found,) = content(answer)["n"] if exponent > 4_299 else [-(10**exponent)]
        assert found == -(10**exponent) or int(found, 16) == -(10**exponent)


def test_an_exception_about_a_long_integer_is_an_answer(shelf):
    gateway = Gateway(shelf, Asked(raised(shelf, ValueError(10**5_000))))
    answer = run(gateway.post("/Shelf.get", ["x"]))
    assert is_problem(answer, "mistake").startswith("ValueError")
    assert int(content(answer)["args"][0], 16) == 10**5_000


def test_a_mistake_of_the_program_names_its_place_and_is_remembered(shelf, caplog):
    gateway = Gateway(shelf)
    first = run(gateway.post("/Shelf.fail", ["key", "hush"], idempotency_key="k"))
    again = run(gateway.post("/Shelf.fail", ["key", "hush"], idempotency_key="k"))
    assert is_problem(first, "mistake").startswith("KeyError: 'key' (")
    assert content(first)["place"].endswith("shelf.py:143 in Shelf.fail")
    assert (first.status, first.body) == (again.status, again.body)
    assert first.headers["Mu2sls-Failed-By"] == "application"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_problem_says_who_failed(kind):
    assert (kind.by == "client") == (400 <= kind.status < 500 and kind.slug != "raised")


def test_an_exception_is_an_answer(shelf):
    from tests.backends.runtime.public.shelf import Refused

    known = next(kind for kind in shelf.types if kind.__name__ == "Refused")
    gateway = Gateway(shelf, Asked(raised(shelf, known("x", {3: b"y"}))))
    answer = run(gateway.post("/Shelf.get", ["x"]))
    assert is_problem(answer, "raised").startswith("Refused: ('x', ")
    body = content(answer)
    assert (body["exception"], body["args"]) == ("Refused", ["x", {"3": "eQ=="}])
    assert body["outcome"] == "raised"
    assert Refused.__name__ == "Refused"


@pytest.mark.parametrize(
    ("outcome", "args"),
    [
        (Raised("builtins.Odd", b"\xc1damaged", "text \ud800"), None),
        (Raised("app.Odd", msgspec.msgpack.encode(None), ""), None),
    ],
)
def test_an_exception_whose_arguments_stayed_behind(shelf, outcome, args):
    answer = run(Gateway(shelf, Asked(outcome)).post("/Shelf.get", ["x"]))
    body = content(answer)
    assert answer.status == 422
    assert body["exception"] == "Odd"
    assert "args" not in body


def test_a_defect_of_the_gateway_is_indefinite_and_names_the_key(shelf, caplog):
    def broken(request):
        raise ZeroDivisionError("secret")

    answer = run(Gateway(shelf, Asked(broken)).post("/Shelf.get", ["x"], idempotency_key=UUID7))
    is_problem(answer, "internal")
    assert b"secret" not in answer.body
    assert "ZeroDivisionError" in caplog.text
    damaged = Gateway(shelf, Asked(Returned(b"\xc1")))  # an answer, for all that
    is_problem(run(damaged.post("/Shelf.get", ["x"])), "unshown")


def test_one_line_for_each_failure_and_no_secrets(shelf, caplog):
    caplog.set_level(logging.DEBUG, "backends.runtime.public")
    gateway = Gateway(shelf)
    run(gateway.post("/Shelf.fail", ["hush", "password"], idempotency_key="my-secret-key"))
    run(gateway.raw("/Shelf.get", b'{"password": "hush"}'))
    run(gateway.send("GET", "/x\n2024 forged line"))
    run(gateway.post("/Wall.hello"))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert "422 /problems/raised raised" in lines[0]
    assert "400 /problems/bad-request definite" in lines[1]
    assert lines[3].startswith("POST '/Wall.hello': 200, root ")
    assert not any(secret in caplog.text for secret in ("hush", "password", "my-secret-key"))
    assert not any("\n" in line for line in lines)


# --- keys


def test_without_a_key_the_answer_names_one(shelf, shelf_gateway):
    answer = run(shelf_gateway.post("/Shelf.get", ["x"]))
    drawn = UUID(answer.headers["Idempotency-Key"])
    assert drawn.version == 7
    assert abs((drawn.int >> 80) - time.time() * 1000) < 10_000
    assert shelf_gateway.public._ask.requests[0].id.root == drawn.bytes
    again = run(shelf_gateway.post("/Shelf.get", ["x"], idempotency_key=str(drawn)))
    assert again.headers["Idempotency-Key"] == str(drawn)
    assert shelf_gateway.public._ask.requests[1].id.root == drawn.bytes
    assert shelf_gateway.store.commits == 0


@pytest.mark.parametrize(
    "key",
    [
        "x", "order 7", "a/b/1", "~" * 255, '"quoted"', '"with \\"quotes\\" \\\\"', '"half', '"',
        UUID7.upper(), UUID7.replace("-", ""), "{" + UUID7 + "}", "urn:uuid:" + UUID7,
        "d9428888-122b-41e1-b85c-61aa8b0c9ab9", "01890a5d-ac96-774b-0cce-b302099a8057", '""x',
        '"one, of two"',
    ],
)  # fmt: skip
def test_any_other_key_stands_for_one_root_id(shelf_gateway, key):
    for _ in range(3):
        answer = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=key))
        assert answer.status == 200
        assert answer.headers["Idempotency-Key"] == key
    roots = {request.id.root for request in shelf_gateway.public._ask.requests}
    assert len(roots) == 1
    assert UUID(bytes=roots.pop()).version == 7
    assert shelf_gateway.store.commits == 1
    run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key="another"))
    assert shelf_gateway.store.commits == 2


THING = {"name": "cup", "colour": "red", "made": "2024-01-01T00:00:00Z"}


def test_quoted_or_not_a_key_is_the_same(shelf_gateway):
    for key in ("abc", '"abc"', UUID7, f'"{UUID7}"', 'a"b\\', '"a\\"b\\\\"'):
        run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=key))
    roots = [request.id.root for request in shelf_gateway.public._ask.requests]
    assert roots[0] == roots[1]
    assert roots[2] == roots[3] == UUID(UUID7).bytes
    assert roots[4] == roots[5]
    assert len(set(roots)) == 3


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "caf\u00e9", "a\tb", "a\x00b", "\x7f"])
def test_keys_that_cannot_be(shelf_gateway, key):
    answer = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=key))
    assert "1 to 255 printable ASCII" in is_problem(answer, "bad-request")
    assert "Idempotency-Key" not in answer.headers
    assert shelf_gateway.public._ask.requests == []


@pytest.mark.parametrize("key", ["a, b", "a,b", '"a", "b"', f"{UUID7}, {UUID7}", ","])
def test_two_keys_in_one_request(shelf_gateway, key):
    """However they came: a server, or a proxy before it, joins them with a comma."""
    answer = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=key))
    assert "give one" in is_problem(answer, "bad-request")
    assert "Idempotency-Key" not in answer.headers
    assert shelf_gateway.public._ask.requests == []


def test_a_uuid_from_the_future_is_refused(shelf_gateway):
    def ahead(seconds):
        return str(UUID(bytes=root_id(int(time.time() + seconds) * 1000, RNG)))

    answer = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=ahead(3_600)))
    assert "in the future" in is_problem(answer, "bad-request")
    forever = "ffffffff-ffff-7fff-bfff-ffffffffffff"
    is_problem(
        run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=forever)), "bad-request"
    )
    near = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key=ahead(60)))
    assert near.status == 200
    assert keys.AHEAD_SECONDS == 300


RNG = random.Random(4)


def test_what_only_reads_costs_no_commit_under_any_key(shelf_gateway):
    answer = run(shelf_gateway.post("/Shelf.get", ["x"], idempotency_key="abc"))
    assert answer.headers["Idempotency-Key"] == "abc"
    assert shelf_gateway.store.commits == 0


def test_a_request_that_does_not_fit_costs_no_commit(shelf_gateway):
    run(shelf_gateway.post("/Shelf.put", [1], idempotency_key="abc"))
    run(shelf_gateway.post("/Shelf.nothing", [], idempotency_key="abc"))
    assert shelf_gateway.store.commits == 0


def test_two_first_uses_at_the_same_time_get_the_same_root_id(shelf):
    class Slow(AwaitedStore):
        async def commit(self, *args, **named):
            await asyncio.sleep(0)
            return await super().commit(*args, **named)

    gateway = Gateway(shelf, Asked(returned(shelf, 1)), store=Slow(), backoff=0.0)

    async def both():
        calls = [gateway.post("/Shelf.put", [THING], idempotency_key="k") for _ in range(10)]
        return await asyncio.gather(*calls)

    assert {answer.status for answer in run(both())} == {200}
    assert len({request.id.root for request in gateway.public._ask.requests}) == 1
    root = gateway.public._ask.requests[0].id.root
    assert gateway.store.store.snapshot()[client_key(b"k")] == root


def test_a_store_that_cannot_say_is_indefinite(shelf):
    class Down(AwaitedStore):
        async def read_version(self):
            raise StoreUnavailable("the disk is full")

    gateway = Gateway(shelf, Asked(returned(shelf, 1)), store=Down(), backoff=0.0)
    answer = run(gateway.post("/Shelf.put", [THING], idempotency_key="k"))
    assert "the disk is full" in is_problem(answer, "interrupted")
    assert gateway.public._ask.requests == []


def test_a_store_that_never_says_is_not_waited_for_beyond_the_deadline(shelf):
    class Stuck(AwaitedStore):
        async def commit(self, *args, **named):
            await asyncio.Event().wait()

    gateway = Gateway(shelf, Asked(returned(shelf, 1)), store=Stuck())
    answer = run(gateway.post("/Shelf.put", [THING], idempotency_key="k", request_timeout="0.05"))
    assert "in time" in is_problem(answer, "interrupted")
    assert gateway.public._ask.requests == []


# --- deadlines, admission, drain


@pytest.mark.parametrize(
    ("asked", "seconds"), [("5", 5.0), ("0.25", 0.25), ("999", 30.0), (None, 30.0)]
)
def test_the_deadline_is_the_limit_or_less(shelf_gateway, asked, seconds):
    named = {} if asked is None else {"request_timeout": asked}

    async def main():
        before = time.time_ns()
        await shelf_gateway.post("/Shelf.get", ["x"], **named)
        [request] = shelf_gateway.public._ask.requests
        return (request.deadline - before) / 1e9

    assert run(main()) == pytest.approx(seconds)


@pytest.mark.parametrize("asked", ["0", "-1", "soon", "1e3", "", "inf", "0.0", "5s", "\u0665"])
def test_a_time_that_is_none(shelf_gateway, asked):
    answer = run(shelf_gateway.post("/Shelf.get", ["x"], request_timeout=asked))
    assert "positive number of seconds" in is_problem(answer, "bad-request")


def test_so_many_are_under_way_so_many_wait_and_the_rest_come_back_later(shelf):
    async def crowd():
        gate, present, most = asyncio.Event(), 0, 0

        async def ask(request):
            nonlocal present, most
            present += 1
            most = max(most, present)
            await gate.wait()
            present -= 1
            return await Asked(returned(shelf, 1))(request)

        gateway = Gateway(shelf, ask, concurrency=3, queue=2)
        calls = [asyncio.create_task(gateway.post("/Wall.hello")) for _ in range(9)]
        await asyncio.sleep(0.05)
        turned_away = [call.result() for call in calls if call.done()]
        pages = await gateway.send("GET", "/")
        gate.set()
        answers = await asyncio.gather(*calls)
        return turned_away, answers, most, pages, await gateway.post("/Wall.hello")

    turned_away, answers, most, pages, after = run(crowd())
    assert len(turned_away) == 4
    for answer in turned_away:
        is_problem(answer, "overloaded")
        assert answer.headers["Retry-After"] == "1"
    assert sum(answer.status == 200 for answer in answers) == 5
    assert (most, pages.status, after.status) == (3, 200, 200)


def test_who_waits_longer_than_its_time_is_told_so_and_gives_up_its_place(shelf):
    async def wait():
        gate = asyncio.Event()

        async def ask(request):
            await gate.wait()
            return await Asked(returned(shelf, 1))(request)

        gateway = Gateway(shelf, ask, concurrency=1, queue=1)
        first = asyncio.create_task(gateway.post("/Wall.hello"))
        await asyncio.sleep(0)
        late = await gateway.post("/Wall.hello", request_timeout="0.02")
        gone = asyncio.create_task(gateway.post("/Wall.hello"))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        gate.set()
        return late, await first, await gateway.post("/Wall.hello")

    late, first, after = run(wait())
    assert "before its turn came" in is_problem(late, "overloaded")
    assert (first.status, after.status) == (200, 200)


def test_the_time_in_the_queue_counts(shelf):
    async def wait():
        requests = Asked(returned(shelf, 1))

        async def ask(request):
            await asyncio.sleep(0.05)
            return await requests(request)

        gateway = Gateway(shelf, ask, concurrency=1)
        before = time.time_ns()
        await asyncio.gather(*(gateway.post("/Wall.hello") for _ in range(3)))
        return before, requests.requests

    before, requests = run(wait())
    assert {(request.deadline - before) / 1e9 for request in requests} == {30.0}


def test_who_drains_takes_nothing_new(shelf_gateway):
    shelf_gateway.public.draining = True
    answer = run(shelf_gateway.post("/Shelf.put", [THING], idempotency_key="k"))
    is_problem(answer, "draining")
    assert answer.headers["Connection"] == "close"
    assert content(answer)["outcome"] == "definite"
    assert shelf_gateway.public._ask.requests == []
    ready = run(shelf_gateway.send("GET", "/readyz"))
    assert (ready.status, content(ready)) == (503, {"status": "draining"})
    assert run(shelf_gateway.send("GET", "/healthz")).status == 200


def test_ready_is_who_has_a_store(shelf):
    class Stuck(AwaitedStore):
        async def read_version(self):
            await asyncio.Event().wait()

    class Down(AwaitedStore):
        async def read_version(self):
            raise StoreUnavailable("locked")

    for store, status, word in (
        (AwaitedStore(), 200, "ready"),
        (Stuck(), 503, "within 1 s"),
        (Down(), 503, "locked"),
    ):
        gateway = Gateway(shelf, Asked(), store=store)
        answer = run(gateway.send("GET", "/readyz"))
        assert answer.status == status
        assert word in content(answer)["status"]
        assert content(run(gateway.send("GET", "/healthz"))) == {"status": "ok"}


# --- the documentation


def test_every_problem_and_every_limit_is_documented():
    page = (Path(__file__).parents[4] / "docs" / "http.md").read_text()
    for slug, kind in KINDS.items():
        assert f"| {kind.status} | `/problems/{slug}` | {kind.outcome} |" in page
    numbers = Settings()
    for told in (
        f"nesting of arrays and objects | {DEPTH_LIMIT} |",
        f"digits of an integer | {DIGIT_LIMIT} |",
        f"`body_limit`, {numbers.body_limit:,} bytes",
        f"`body_budget`, {numbers.body_budget:,} bytes",
        f"| URL | {URL_LIMIT:,} bytes | 414 |",
        f"| a header, name and value | {FIELD_LIMIT:,} bytes | 431 |",
        f"| a head, from its first byte | {connection._HEAD_ARRIVES:g} s | 408 |",
        f"| a body | {bodies._ARRIVES:g} s | 408 |",
        f"`request_timeout`, {numbers.request_timeout:g} s",
        f"`concurrency`, {numbers.concurrency} ",
        f"`queue`, {numbers.queue:,} ",
        f"1 to {KEY_LENGTH} printable",
        f"more than {keys.AHEAD_SECONDS} s ahead",
    ):
        assert told in page


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_pages_of_other_sites_cannot_call(bank, site, status):
    """A form of another site's page may post without a body, and no browser asks first."""
    gateway = Gateway(bank)
    before = gateway.data()
    answer = run(gateway.post("/Bank.transfer", [*TRANSFER, 5], sec_fetch_site=site))
    assert answer.status == status
    assert (gateway.data() != before) == (status == 200)
