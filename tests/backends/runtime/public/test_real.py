"""The whole way: HTTP, JSON, keys, execution and the store, on the applications that come along."""

import asyncio
import random
import socket
import time
from uuid import UUID

import msgspec
import pytest
from multidict import CIMultiDict

from backends.runtime.http import Client, Server
from core.errors import Unknown
from core.ids import root_id
from core.memory import MemoryStore
from core.ports import Commit
from core.retention import retain
from tests.backends.runtime.public.parts import Gateway, content
from tests.direct import DirectHost


def run(awaitable):
    return asyncio.run(awaitable)


def test_a_trip_is_booked_once_under_one_key(hotel):
    gateway = Gateway(hotel)
    trip = {"customer": "ada", "flight": "flight-05", "hotel": "hotel-00"}  # one room, one seat
    first = run(gateway.post("/Frontend.book", trip, idempotency_key="ada's trip"))
    assert first.status == 200
    before = gateway.data()
    again = run(gateway.post("/Frontend/book", list(trip.values()), idempotency_key="ada's trip"))
    assert again.body == first.body
    assert gateway.data() == before
    other = run(gateway.post("/Frontend.book", trip))
    assert (other.status, content(other)["exception"]) == (422, "TransactionException")
    assert content(other)["args"] == ["no room in hotel-00 or no seat on flight-05"]
    retry = run(
        gateway.post("/Frontend.book", trip, idempotency_key=other.headers["Idempotency-Key"])
    )
    assert content(retry) == content(other)
    show = run(gateway.send("GET", "/Frontend.show", query={"flight": "flight-05", "hotel": "x"}))
    assert content(show) == [0, 0]


def test_a_key_is_for_one_request(bank):
    gateway = Gateway(bank)
    body = {"source": "north-00", "target": "south-00", "amount": 7}
    for key in ("k", "01890a5d-ac96-774b-bcce-b302099a8057"):
        assert run(gateway.post("/Bank.transfer", body, idempotency_key=key)).body == b"null"
        before = gateway.data()
        for path, other in (
            ("/Bank.transfer", {**body, "amount": 8}),
            ("/Bank.share", {"source": "north-00", "targets": ["south-00"], "amount": 7}),
        ):
            answer = run(gateway.post(path, other, idempotency_key=key))
            assert (answer.status, content(answer)["type"]) == (422, "/problems/id-reused")
            assert content(answer)["outcome"] == "definite"
        assert gateway.data() == before


def test_the_users_exceptions(bank):
    gateway = Gateway(bank)
    poor = run(gateway.post("/Bank.transfer", ["north-00", "south-00", 10_001]))
    assert content(poor)["exception"] == "InsufficientFunds"
    assert content(poor)["args"] == ["north-00", 10_000]
    odd = run(gateway.post("/Bank.transfer", ["north-00", "south-00", -1]))
    assert (odd.status, content(odd)["type"]) == (500, "/problems/mistake")
    assert content(odd)["detail"].startswith("ValueError: cannot move -1 cents")
    assert content(run(gateway.post("/Bank.audit"))) == 2_000_000


def test_asked_again_and_again_while_commits_are_lost(bank):
    """Whatever becomes of the commits, a key is served once."""
    rng = random.Random(5)

    class Unsure(DirectHost):
        def perform(self, effect):
            if isinstance(effect, Commit) and rng.random() < 0.3:
                if rng.random() < 0.5:
                    super().perform(effect)
                raise Unknown
            return super().perform(effect)

    gateway = Gateway(bank)
    gateway.host = Unsure(bank.program, gateway.store.store, time.time_ns())
    for number in range(20):
        body = ["north-01", f"south-{number:02}", 10]
        told = [
            run(gateway.post("/Bank.transfer", body, idempotency_key=f"transfer {number}"))
            for _ in range(3)
        ]
        assert {answer.status for answer in told} == {200}
    assert content(run(gateway.post("/North.total"))) == 1_000_000 - 200
    assert content(run(gateway.post("/Bank.audit"))) == 2_000_000


def test_keys_and_records_are_forgotten_together(bank):
    gateway = Gateway(bank)
    body = ["north-00", "south-00", 10]
    long_ago = str(UUID(bytes=root_id(1_000, random.Random(1))))
    run(gateway.post("/Bank.transfer", body, idempotency_key="k"))
    early = run(gateway.post("/Bank.transfer", body, idempotency_key=long_ago))
    assert early.status == 200  # nothing was forgotten yet
    gateway.host.drive(retain(time.time_ns(), 3_600 * 10**9))
    gone = run(gateway.post("/Bank.transfer", body, idempotency_key=long_ago))
    assert (gone.status, content(gone)["outcome"]) == (410, "indefinite")
    assert run(gateway.post("/Bank.transfer", body, idempotency_key="k")).status == 200
    assert content(run(gateway.post("/North.total"))) == 1_000_000 - 20
    gateway.host.drive(retain(time.time_ns() + 10**9, 0))
    left = {key[:1] for key in gateway.store.store.snapshot()}
    assert left == {b"d", b"w"}


def test_values_keep_their_types_on_the_way_to_the_method(shelf):
    gateway = Gateway(shelf)
    body = {
        "number": 2**70, "ratio": 2, "yes": True, "data": "aGk=", "when": "2024-02-29",
        "long": "PT1H", "uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "pair": [1, "x"],
        "ages": {"7": "g"}, "few": [2, 1, 2], "maybe": None,
    }  # fmt: skip
    assert content(run(gateway.post("/Shelf.mix", body)))["shown"] == [
        str(2**70), "2.0", "True", "b'hi'", "datetime.date(2024, 2, 29)",
        "datetime.timedelta(seconds=3600)", "UUID('01890a5d-ac96-774b-bcce-b302099a8057')",
        "(1, 'x')", "{7: 'g'}", "{1, 2}", "None",
    ]  # fmt: skip


THING = {
    "name": "cup", "colour": "red", "made": "2024-01-01T00:00:00Z", "price": "1.50",
    "tags": ["a", "b"], "labels": [["x", 1]], "inside": {
        "name": "tea", "colour": "blue", "made": "2024-01-01T00:00:00+01:00", "price": "0",
        "tags": [], "labels": [], "inside": None,
    },
}  # fmt: skip


def test_data_classes_go_in_and_come_out(shelf):
    gateway = Gateway(shelf)
    assert run(gateway.post("/Shelf.put", {"thing": THING})).body == b"1"
    assert content(run(gateway.send("GET", "/Shelf.get", query={"name": "cup"}))) == THING
    assert content(run(gateway.post("/Keeper.look", ["nothing"]))) is None
    both = run(gateway.post("/Keeper.both", [THING, {**THING, "name": "pot", "price": 2.5}]))
    assert both.body == b"2"
    pot = content(run(gateway.post("/Shelf.get", ["pot"])))
    assert pot["price"] == "2.5"
    twice = run(gateway.post("/Keeper.both", [THING, THING]))
    assert content(twice)["detail"] == "TransactionException: twice the same"


def test_what_json_does_not_have_still_comes_back(shelf):
    gateway = Gateway(shelf)
    assert content(run(gateway.post("/Shelf.squares", [3]))) == [
        [[0, 0], 0],
        [[1, 1], 1],
        [[2, 2], 4],
    ]
    assert content(run(gateway.post("/Shelf.numbers"))) == [None, None, 1.5]
    assert content(run(gateway.post("/Shelf.words"))) == ["apple", "fig", "pear", "quince"]
    assert content(run(gateway.post("/Shelf.level", ["high"]))) == "high"
    assert content(run(gateway.post("/Shelf.unresolved", [{"a": 1}]))) == {"a": 1}
    everything = run(gateway.raw("/Shelf.anything", b'{"what": {"b": [1.5, null]}, "x": "y"}'))
    assert content(everything) == [{"b": [1.5, None]}, [], {"x": "y"}]
    assert content(run(gateway.post("/Shelf.only_position", [1, 2, 3]))) == 6
    assert content(run(gateway.post("/Shelf.only_name", {"first": 1, "b": 2}))) == {
        "first": 1,
        "b": 2,
    }
    odd = content(run(gateway.post("/Shelf.fail", ["odd"])))
    assert (odd["exception"], odd["args"]) == ("Refused", [[1, 2], "eA==", None])
    assert content(run(gateway.post("/Shelf.fail", ["key"])))["exception"] == "KeyError"


@pytest.mark.parametrize("path", ["/Frontend.book", "/Frontend/book"])
def test_many_clients_at_once(hotel, path):
    gateway = Gateway(hotel, concurrency=8)

    async def crowd():
        trips = [[f"c{n % 5}", "flight-01", "hotel-01"] for n in range(60)]
        return await asyncio.gather(
            *(
                gateway.post(path, trip, idempotency_key=f"k{n % 30}")
                for n, trip in enumerate(trips)
            )
        )

    answers = run(crowd())
    assert {answer.status for answer in answers} <= {200, 422}
    for number in range(30):
        assert answers[number].body == answers[number + 30].body
    assert sum(answer.status == 200 for answer in answers[:30]) == 10  # rooms of hotel-01
    assert isinstance(gateway.store.store, MemoryStore)


async def exchange(gateway, ask):
    """What comes of asking a gateway over a real connection; ``ask`` is given the way to do it."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server, client = Server(gateway.public.handle, listener, 1_000), Client()
    await server.start()
    try:
        return [
            await client.request(method, base + path, *further) for method, path, *further in ask
        ]
    finally:
        await client.close()
        await server.stop(1.0)


def test_over_a_real_connection(hotel):
    """What the server below makes of the answers: types, headers, bodies."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    trip = b'["ada", "flight-03", "hotel-02"]'
    asked = [
        ("POST", "/Frontend.book", trip, headers),
        ("POST", "/Frontend.book", trip, headers),
        ("GET", "/Hotel.free?hotel=hotel%2D02"),
        ("POST", "/Frontend.book", b"[", headers),
        ("GET", "/"),
        ("POST", "/Hotel.free", b" " * 1_001, headers),
    ]
    first, again, free, broken, page, large = run(exchange(Gateway(hotel), asked))
    assert first[0] == again[0] == 200
    assert first[2] == again[2]
    assert first[1]["idempotency-key"] == "k"
    assert (free[0], free[2]) == (200, b"99999")
    assert (broken[0], broken[1]["content-type"]) == (400, "application/problem+json")
    assert page[1]["content-type"].startswith("text/html")
    assert "sha256-" in page[1]["content-security-policy"]
    assert large[0] == 413


def test_what_is_given_twice_over_a_real_connection(hotel):
    """Neither of two arguments is taken, nor either of two keys, nor the pair of them."""
    gateway = Gateway(hotel)
    before = gateway.data()
    json = ("Content-Type", "application/json")
    two_keys = CIMultiDict([json, ("Idempotency-Key", "k"), ("Idempotency-Key", "l")])
    asked = [
        ("GET", "/Hotel.free?hotel=hotel-02&hotel=hotel-03"),
        ("GET", "/Hotel.free?hotel=hotel-02&hotel=hotel-02"),
        ("POST", "/Frontend.book", b'["ada", "flight-03", "hotel-02"]', two_keys),
    ]
    for status, _, body in (answers := run(exchange(gateway, asked))):
        assert (status, msgspec.json.decode(body)["outcome"]) == (400, "definite")
    assert b"hotel is given more than once" in answers[0][2]
    assert b"Idempotency-Key: give one" in answers[2][2]
    assert gateway.data() == before
