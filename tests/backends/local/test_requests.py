"""Long requests for real: promised before a kill, kept after it, and listed."""

import json
from uuid import uuid4

import pytest

from tests.backends.local.running import ROOT, Up, command
from tests.patience import until

pytestmark = pytest.mark.real


@pytest.fixture
def shop(tmp_path):
    up = Up(ROOT / "apps" / "reminders", tmp_path / "data")
    yield up
    up.end()


def promised(up, target, *args):
    key = f"order {uuid4().hex}"
    headers = {"Content-Type": "application/json", "Idempotency-Key": key,
               "Prefer": "respond-async"}  # fmt: skip
    status, found, _ = up.request("POST", f"/{target}", json.dumps(args), headers)
    assert (status, found["preference-applied"]) == (202, "respond-async")
    return key, found["location"]


def test_what_was_promised_outlives_all_processes_and_is_listed(shop):
    key, link = promised(shop, "Customers.remind_me", "customer-01")
    other, wraps = promised(shop, "Shop.wrap_two", "item-1", "item-2")

    def listed(*words):
        done = command("requests", *words, "--data", shop.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    until(
        lambda: "Customers.remind_me  sleeping until" in listed("--state", "sleeping"), "its sleep"
    )
    shop.end()
    assert "Customers.remind_me  sleeping until" in listed("show", key)
    assert "asleep    1 request" in command("status", "--data", shop.data).stdout
    again = Up(ROOT / "apps" / "reminders", shop.data)
    try:

        def wrapped():
            return again.request("GET", wraps + "?wait=10s")[::2] == (200, b"2")

        until(wrapped, "what was promised is done")
        status, _, body = again.request("GET", link)
        assert (status, json.loads(body)["state"]) == (202, "sleeping")
        assert "done" in listed("show", other)
        assert "Shop.wrap_two" not in listed()
        assert "Customers.remind_me" in listed("--method", "Customers.remind_me")
        assert listed("--method", "Shop.order") == "no such request is under way\n"
    finally:
        again.end()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["show", "never"], "no request is known by 'never'"),
        (["show"], "give `requests` alone"),
        (["cancel"], "give the KEY of one, or --method"),
        (["cancel", "never"], "no request is known by 'never'"),
        (["resume", "never", "--method", "Shop.order"], "give the KEY of one, or --method"),
        (["resume", "--state", "sleeping"], "was not set aside"),
        (["what", "ever"], "give `requests` alone"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(shop, words, why):
    done = command("requests", *words, "--data", shop.data)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_requests_are_cancelled_one_by_its_key_or_many_by_what_they_are(shop):
    first, link = promised(shop, "Customers.remind_me", "customer-01")
    links = [promised(shop, "Customers.remind_me", f"customer-0{number}")[1] for number in (2, 3)]

    def requests(*words):
        done = command("requests", *words, "--data", shop.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    until(lambda: requests("--state", "sleeping").count("Customers.remind_me") == 3, "they sleep")
    assert "cancelled" in requests("cancel", first)

    def ended(link):
        status, _, body = shop.request("GET", link)
        return status == 409 and json.loads(body)["type"] == "/problems/cancelled"

    until(lambda: ended(link), "it is cancelled")
    status, _, _ = shop.request("DELETE", links[0])
    assert status == 202
    until(lambda: ended(links[0]), "it is cancelled over HTTP")
    told = requests("cancel", "--method", "Customers.remind_me", "--state", "sleeping")
    assert told.count("cancelled") == 1
    until(lambda: ended(links[1]), "the others are cancelled")
    assert requests("cancel", "--method", "Customers.remind_me") == "no such request is under way\n"
    assert requests("resume", "--method", "Customers.remind_me") == "no such request is under way\n"
    done = command("requests", "cancel", first, "--data", shop.data)
    assert done.returncode == 2
    assert "is done" in done.stderr
