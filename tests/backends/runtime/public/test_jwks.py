"""The keys of tokens, looked up at an address: when, how often, and who waits for it."""

import asyncio
import json
import logging
import threading
import urllib.request
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.error import URLError
from urllib.response import addinfourl

import pytest

from backends.runtime.public.auth_choice import read_auth
from tests.backends.runtime.public.parts import Asked, Gateway, content, returned

jwt = pytest.importorskip("jwt", reason="PyJWT is not installed")
pytest.importorskip("cryptography", reason="it is not installed")

from backends.runtime.public import auth_jwt, jwks  # noqa: E402 - if it is there
from backends.runtime.public.jwks import Jwks  # noqa: E402


def listed(*names):
    keys = [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": n} for n in names]
    return json.dumps({"keys": keys}).encode()


@pytest.fixture
def now(monkeypatch):
    time = [1000.0]
    monkeypatch.setattr(jwks.time, "monotonic", lambda: time[0])
    return time


class Address:
    """Gives what stands there, or fails; counts."""

    def __init__(self, there):
        self.there, self.asked = there, 0

    def __call__(self):
        self.asked += 1
        if isinstance(self.there, Exception):
            raise self.there
        return self.there


def known(keys, name):
    found = asyncio.run(keys.key(name))
    return found is not None and found.key_id == name


def test_a_key_that_is_withdrawn_is_good_for_ten_minutes_at_most(now):
    address = Address(listed("a", "b"))
    keys = Jwks(address)
    assert known(keys, "a")
    address.there = listed("b")
    now[0] += 599
    assert known(keys, "a")
    assert address.asked == 1
    now[0] += 1
    assert not known(keys, "a")
    assert known(keys, "b")
    assert address.asked == 2


def test_even_if_it_was_the_last(now):
    address = Address(listed("a"))
    keys = Jwks(address)
    assert known(keys, "a")
    address.there = listed()
    now[0] += 600
    assert not known(keys, "a")
    assert keys.is_empty


@pytest.mark.parametrize("there", [OSError("no route"), b"<html>"])
def test_while_the_address_fails_the_last_keys_are_good(now, there):
    address = Address(listed("a"))
    keys = Jwks(address)
    assert known(keys, "a")
    address.there = there
    now[0] += 3600
    for _ in range(3):
        assert known(keys, "a")
    assert address.asked == 2  # and not again at once
    assert keys.failed
    address.there = listed("b")
    now[0] += 30
    assert not known(keys, "a")


def test_what_is_wrong_with_one_key_is_not_of_the_others(now):
    there = json.loads(listed("a"))
    there["keys"] += [{"kty": "RSA", "alg": ["x"]}, {"kty": ["x"]}, {"kty": "oct", "k": 7}, 3]
    assert known(Jwks(Address(json.dumps(there).encode())), "a")


# --- who waits

SAYS = {"jwks": "https://id.example.com/keys", "issuer": "https://id.example.com", "audience": "s"}


class Slow:
    """An address that answers when it is told to."""

    def __init__(self):
        self.asked, self.go = 0, threading.Event()

    def __call__(self, url):
        self.asked += 1
        self.go.wait(30)
        raise OSError("no route")


@pytest.fixture
def slow(monkeypatch):
    slow = Slow()
    monkeypatch.setattr(auth_jwt, "fetched", slow)
    yield slow
    slow.go.set()


@pytest.fixture
def auth(tmp_path):
    file = tmp_path / "jwt.json"
    file.write_text(json.dumps(SAYS))
    return read_auth(f"jwt:{file}")


TOKEN = jwt.encode({"sub": "ada"}, "secret-0123456789abcdef0123456789", headers={"kid": "a"})


def test_all_who_wait_take_the_outcome_of_one_look(shelf, auth, slow, caplog):
    gateway = Gateway(shelf, Asked(returned(shelf, 1)), auth=auth)

    async def ask():
        sent = gateway.post("/Wall.hello", [], authorization=f"Bearer {TOKEN}")
        return content(await sent)["type"]

    async def all_ask():
        asking = [asyncio.create_task(ask()) for _ in range(20)]
        while not slow.asked:
            await asyncio.sleep(0.01)
        slow.go.set()
        return await asyncio.gather(*asking)

    with caplog.at_level(logging.WARNING):
        assert set(asyncio.run(all_ask())) == {"/problems/auth-unavailable"}
    assert slow.asked == 1
    assert len([each for each in caplog.records if "cannot be had" in each.message]) == 1


def test_a_look_takes_a_place_and_no_more_than_the_time_of_the_request(shelf, auth, slow):
    gateway = Gateway(shelf, Asked(returned(shelf, 1)), auth=auth, concurrency=1, queue=0)

    def ask(**headers):
        return gateway.post("/Wall.hello", [], authorization=f"Bearer {TOKEN}", **headers)

    async def all_ask():
        first = asyncio.create_task(ask(request_timeout="2"))
        while not slow.asked:
            await asyncio.sleep(0.01)
        turned_away = await ask()
        answer = await first  # which does not wait for what stands still
        slow.go.set()
        return content(turned_away), content(answer)

    turned_away, answer = asyncio.run(all_ask())
    assert turned_away["type"] == "/problems/overloaded"
    assert answer["type"] == "/problems/auth-unavailable"
    assert "in time" in answer["detail"]


def test_whoever_gives_up_leaves_the_look_to_the_others():
    go = threading.Event()

    def load():
        go.wait(30)
        return listed("a")

    async def both():
        keys = Jwks(load)
        first, second = (asyncio.create_task(keys.key("a")) for _ in range(2))
        await asyncio.sleep(0)  # both wait
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        go.set()
        return first.cancelled(), (await second).key_id

    assert asyncio.run(both()) == (True, "a")


# --- redirects


def test_a_redirect_away_from_https_is_not_followed():
    class Elsewhere(urllib.request.HTTPSHandler):
        def https_open(self, req):
            headers = Message()
            headers["Location"] = "http://127.0.0.1:1/keys"
            answer = addinfourl(BytesIO(), headers, req.full_url, 302)
            answer.msg = "Found"
            return answer

    opener = urllib.request.build_opener(jwks.Redirects, Elsewhere)
    with pytest.raises(URLError, match="not https"):
        opener.open("https://id.example.com/keys")


def test_nor_is_one_to_where_anybody_may_stand_between():
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(302 if self.path == "/keys" else 200)
            self.send_header("Location", f"http://127.0.0.2:{self.server.server_port}/others")
            self.end_headers()
            self.wfile.write(listed("evil"))

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(URLError, match="not https"):
                jwks.fetched(f"http://127.0.0.1:{server.server_port}/keys")
        finally:
            server.shutdown()
    assert asked == ["/keys"]
