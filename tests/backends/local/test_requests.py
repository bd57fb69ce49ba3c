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
    key, link = promised(shop, "Customers.remind", "customer-01")
    other, wraps = promised(shop, "Shop.wrap_two", "item-1", "item-2")

    def listed(*words):
        done = command("requests", *words, "--data", shop.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    until(lambda: "Customers.remind  sleeping until" in listed("--state", "sleeping"), "its sleep")
    shop.end()
    assert "Customers.remind  sleeping until" in listed("show", key)
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
        assert "Customers.remind" in listed("--method", "Customers.remind")
        assert listed("--method", "Shop.order") == "no such request is under way\n"
    finally:
        again.end()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["show", "never"], "no request is known by 'never'"),
        (["show"], "give `requests` alone"),
        (["what", "ever"], "give `requests` alone"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(shop, words, why):
    done = command("requests", *words, "--data", shop.data)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr
