"""What is set aside for real: told by ``status``, and taken up again under mended code."""

import signal
from uuid import UUID, uuid4

import pytest

from tests.backends.local.running import Up, command
from tests.backends.local.shop import SHOP
from tests.patience import until

pytestmark = pytest.mark.real


@pytest.fixture
def shop(tmp_path):
    """Starts the shop, with orders of some size, and ends what ran before."""
    started = []

    def start(size, *options):
        for up in started:
            if up.process.poll() is None:
                up.signal(signal.SIGTERM)
                up.wait()
        (tmp_path / "shop.py").write_text(SHOP.replace("SIZE", str(size)))
        started.append(Up(tmp_path / "shop.py", tmp_path / "data", *options))
        return started[-1]

    yield start
    for up in started:
        up.end()


def resumed(up, *words):
    done = command("resume", *words, "--data", up.data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until_done(up, key):
    def is_done():
        return up.once("Shop.order", "tea", key=key).answer == (200, '"done"')

    until(is_done, "the order is completed")


def set_aside(up, key):
    """Order something that the shop cannot keep: what the client is told."""
    told = up.once("Shop.order", "tea", key=key)
    assert (told.status, told.value["outcome"]) == (500, "indefinite"), told.text
    assert told.value["type"].endswith("set-aside")
    return told


@pytest.mark.parametrize("key", ["order-42", str(uuid4())], ids=["text", "uuid"])
def test_resumed_under_mended_code_it_is_done_once_and_the_same_key_answers(shop, key):
    up = shop(200_000)
    told = set_aside(up, key)
    done = command("status", "--data", up.data)
    assert "set aside 1 request" in done.stdout
    line = next(line for line in done.stdout.splitlines() if "Shop.order" in line)
    request = str(UUID(line.split()[0]))
    line_of_method = SHOP.splitlines().index("    def order(self, key: str) -> str:") + 1
    place = f"{up.data.parent / 'shop.py'}:{line_of_method}: "
    assert "  since 2" in line
    assert "TooLarge" in line
    assert place in done.stdout
    assert place in told.value["detail"]

    mended = shop(1)
    assert mended.once("Shop.order", "tea", key=key).status == 500, "until it is resumed"
    assert resumed(mended, request) == f"resumed {request}  Shop.order\n"
    until_done(mended, key)
    assert mended.call("Note.count", "tea").value == 1
    assert "set aside 0 requests" in command("status", "--data", up.data).stdout
    again = command("resume", request, "--data", up.data)
    assert again.returncode == 2
    assert f"{request} is not set aside" in again.stderr


def test_what_is_forgotten_goes_around_it(shop):
    up = shop(200_000)
    key = uuid4().hex
    set_aside(up, key)
    assert up.call("Note.add", "other").status == 200
    up.signal(signal.SIGTERM)
    up.wait()

    def forgets_the_other():
        return "forgot 1 " in command("gc", "--older-than", "1s", "--data", up.data).stdout

    until(forgets_the_other, "the other request is old enough to be forgotten")
    mended = shop(1)
    assert "resumed " in resumed(mended, "--all")
    until_done(mended, key)
    assert mended.call("Note.count", "tea").value == 1


def test_all_are_resumed_while_nothing_is_up(shop):
    up = shop(200_000)
    keys = [uuid4().hex for _ in range(3)]
    for key in keys:
        set_aside(up, key)
    up.signal(signal.SIGTERM)
    up.wait()
    told = resumed(up, "--all")
    assert told.count("resumed ") == 3
    assert "once the application is up" in told
    assert "nothing is set aside" in resumed(up, "--all")
    mended = shop(1)
    for key in keys:
        until_done(mended, key)
    assert mended.call("Note.count", "tea").value == 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "give the ids of requests"),
        (["--all", str(uuid4())], "give the ids of requests"),
        (["order-42"], "'order-42' is no id of a request"),
    ],
)
def test_what_cannot_be_resumed(shop, words, why):
    up = shop(1)
    done = command("resume", *words, "--data", up.data)
    assert done.returncode == 2
    assert why in done.stderr
