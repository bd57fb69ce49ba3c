"""By which names the gateway is called, and from whose pages."""

import asyncio

import pytest

from backends.runtime.public import Public
from backends.runtime.public.hosts import LOCAL
from tests.backends.runtime.public.parts import Asked, Gateway, content, returned, settings

NAMES = LOCAL | {"shop.example"}


@pytest.fixture
def gateway(shelf):
    made = Gateway(shelf)
    made.public = Public(shelf, Asked(returned(shelf, 1)), made.store, settings(), NAMES)
    return made


def ask(gateway, path="/Shelf.get", **headers):
    return asyncio.run(gateway.post(path, ["x"], **headers))


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "LOCALHOST", "a.localhost", "127.0.0.1:8080", "[::1]:8080",
     "192.168.1.7", "shop.example", "Shop.Example.:443", ""],
)  # fmt: skip
def test_its_own_names_and_addresses_are_taken(gateway, host):
    assert ask(gateway, host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
     "notlocalhost", "[", "a b", "shop.example.evil"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/Shelf.get", "/", "/openapi.json"])
def test_a_name_that_somebody_else_gave_this_machine_is_refused(gateway, host, path):
    answer = ask(gateway, path, host=host)
    assert (answer.status, content(answer)["type"]) == (421, "/problems/unknown-host")
    assert gateway.public._ask.requests == []


def test_who_watches_the_process_may_call_it_as_they_like(gateway):
    answer = asyncio.run(gateway.send("GET", "/healthz", host="pod-7.somewhere"))
    assert answer.status == 200


def test_behind_an_ingress_any_name_will_do(shelf):
    gateway = Gateway(shelf, Asked(returned(shelf, 1)))
    assert ask(gateway, host="anything.example").status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8080", 200),
        ("https://LOCALHOST:8080", 200),
        ("http://evil.example", 403),
        ("http://localhost:8080.evil.example", 403),
        ("http://localhost:9090", 403),
        ("null", 403),
        ("http://[", 403),
        ("", 403),
    ],
)
def test_only_pages_of_its_own_call_methods(gateway, origin, status):
    answer = ask(gateway, host="localhost:8080", origin=origin)
    assert answer.status == status
