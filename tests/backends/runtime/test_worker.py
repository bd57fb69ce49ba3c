"""A service's node over HTTP: envelopes in, replies out, and a word about itself."""

import asyncio

import pytest

from backends.runtime.http import Broken, Incoming, Unreachable
from backends.runtime.store import AsyncStore
from backends.runtime.wire import Answer, Call, Wire
from backends.runtime.worker import Calls, Worker
from core.errors import StoreUnavailable
from core.ids import RequestId
from core.messages import Origin, Reply, Request, Returned

KEY = b"k" * 32
REQUEST = Request(RequestId(b"r" * 16), "Hotel", "free", b"", Origin("Hotel", "free", b""))


class Store(AsyncStore):
    async def read_version(self):
        return 1


def handle(path="/call", body=b"", method="POST", store=None, answer=None, worker=None):
    async def done(request):
        return Answer(Reply(request.id, Returned(b"x")))

    calls = Calls(Wire(KEY), "Hotel".__eq__, answer or done)
    worker = worker or Worker(calls, store or Store())
    return asyncio.run(worker.handle(Incoming(method, path, {}, {}, body)))


def test_an_envelope_is_answered_with_an_envelope():
    wire = Wire(KEY)
    sealed, nonce = wire.seal(Call(REQUEST))
    outgoing = handle(body=sealed)
    assert outgoing.status == 200
    assert wire.open_answer(outgoing.body, nonce).reply == Reply(REQUEST.id, Returned(b"x"))


@pytest.mark.parametrize(
    ("body", "method", "status"),
    [
        (b"", "POST", 400),
        (b"x" * 100, "POST", 401),
        (Wire(b"y" * 32).seal(Call(REQUEST))[0], "POST", 401),
        (b"", "GET", 405),
    ],
)
def test_what_is_no_envelope_of_ours_reaches_nobody(body, method, status):
    async def never(request):
        raise AssertionError

    assert handle(body=body, method=method, answer=never).status == status


def test_another_services_request_is_sent_back():
    other = Request(REQUEST.id, "Flight", "free", b"", REQUEST.origin)
    outgoing = handle(body=Wire(KEY).seal(Call(other))[0])
    assert (outgoing.status, outgoing.body) == (421, b"the service Flight is not served here\n")
    assert outgoing.headers["Mu2sls-Failed-By"] == "client"


@pytest.mark.parametrize("error", [Broken("cut"), Unreachable("away")])
def test_a_gateway_that_hears_nothing_says_so(error):
    async def fail(request):
        raise error

    outgoing = handle(body=Wire(KEY).seal(Call(REQUEST))[0], answer=fail)
    assert outgoing.status == 502
    assert outgoing.headers["Mu2sls-Failed-By"] == "platform"


def test_a_flood_of_forged_envelopes_does_not_fill_the_log(caplog):
    calls = Calls(Wire(KEY), "Hotel".__eq__, None)
    worker = Worker(calls, Store())
    for _ in range(100):
        assert handle(body=b"x" * 100, worker=worker).status == 401
    assert len(caplog.records) == 1


def test_it_says_how_it_is():
    assert handle("/healthz", method="GET").status == 200
    ready = handle("/readyz", method="GET")
    assert ready.status == 200
    assert "Mu2sls-Failed-By" not in ready.headers
    assert handle("/else", method="GET").status == 404


def test_it_is_not_ready_without_its_store():
    class Away(AsyncStore):
        async def read_version(self):
            raise StoreUnavailable("store x is locked: wait")

    class Silent(AsyncStore):
        async def read_version(self):
            await asyncio.Event().wait()

    assert handle("/readyz", store=Away()).body == b"store x is locked: wait\n"
    silent = handle("/readyz", store=Silent())
    assert (silent.status, silent.body) == (503, b"the store did not answer within 1 s\n")
    assert handle("/healthz", store=Away()).status == 200


def test_it_is_not_ready_when_it_is_about_to_end():
    worker = Worker(None, Store())
    worker.draining = True
    assert handle("/readyz", worker=worker).status == 503


def test_an_answer_that_does_not_fit_is_told_as_such():
    async def huge(request):
        return Answer(Reply(request.id, Returned(b"x" * 5000)))

    wire = Wire(KEY)
    sealed, nonce = wire.seal(Call(REQUEST))
    worker = Worker(Calls(wire, "Hotel".__eq__, huge, limit=1000), Store())
    outgoing = handle(body=sealed, worker=worker)
    outcome = Wire(KEY).open_answer(outgoing.body, nonce).reply.outcome
    assert (outcome.kind, outcome.definite) == ("TooLarge", True)
    assert "Hotel.free" in outcome.text
