"""The secret of a deployment for real: what clients cannot compute, and what nothing shows."""

import asyncio
import base64
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from backends.runtime.secret import found
from backends.sqlite.store import SqliteStore
from compiler.application import load
from core.chance import request_chance
from core.ids import RequestId
from tests.backends.local.running import Up
from tests.patience import patience

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[3]

APP = """
import random
import uuid
from datetime import datetime, timezone

from compiler import Persistent, instance, service


@service
class Accounts:
    def __init__(self) -> None:
        self.resets: Persistent[dict[str, str]] = {}
        self.admin: Persistent[str] = ""
        self.at: Persistent[datetime] = datetime(2000, 1, 1)

    def forgot(self, user: str = "ann") -> str:
        token = f"{uuid.uuid4().hex} {random.randbytes(8).hex()}"
        self.resets[user] = token
        return token

    def show(self) -> tuple[str, datetime]:
        return self.admin, self.at


def setup() -> None:
    instance(Accounts).admin = uuid.uuid4().hex
    instance(Accounts).at = datetime.now(timezone.utc)
"""


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "accounts.py"
    path.write_text(APP)
    return path


def kept(folder):
    """The secret in the store of a folder."""

    async def read():
        store = SqliteStore(str(folder / "store.db"), "normal", 5.0)
        try:
            return (await found(store)).key
        finally:
            await store.close()

    return asyncio.run(read())


def of_id(key, secret):
    """The token that ``forgot`` draws under a client's id."""
    stream = request_chance(secret, RequestId(uuid.UUID(key).bytes))
    drawn = uuid.UUID(int=stream.getrandbits(128), version=4)
    return f"{drawn.hex} {stream.randbytes(8).hex()}"


def new_id():
    now = int(time.time() * 1000)
    return str(uuid.UUID(int=(now << 80) | (7 << 76) | (2 << 62) | uuid.uuid4().int % 2**62))


def shown_forms(key):
    """How a secret would stand in a text."""
    plain, json_text = repr(key)[2:-1], json.dumps(key.decode("latin-1"))[1:-1]
    return [plain, json_text, key.hex(), base64.b64encode(key).decode().rstrip("=")]


def test_tokens_follow_from_the_id_with_the_secret_alone(app, tmp_path):
    up = Up(app, tmp_path / "data")
    key = new_id()
    try:
        token = up.call("Accounts.forgot", "ann", key=key).value
        assert up.call("Accounts.forgot", "ann", key=key).value == token
        admin, at = up.call("Accounts.show").value
        secret = kept(up.data)
        pages = [up.request("GET", path)[2] for path in ("/", "/-/", "/-/look", "/openapi.json")]
    finally:
        up.end()
    assert token == of_id(key, secret)
    assert token != of_id(key, b"")
    assert admin != load(app).reference(set_up=True).instance("Accounts").admin
    assert at[:4] != "2023"
    again = Up(app, tmp_path / "data")
    try:
        other = new_id()
        assert again.call("Accounts.forgot", "ann", key=other).value == of_id(other, secret)
        assert again.call("Accounts.show").value == [admin, at]
    finally:
        again.end()
    said = [each.decode(errors="replace") for each in pages] + [up.output(), again.output()]
    assert not [form for form in shown_forms(secret) for text in said if form in text]


@pytest.mark.parametrize("module", ["sim", "backends.local run"])
def test_what_a_run_writes_down_does_not_hold_it(app, tmp_path, module):
    scenario, out, data = tmp_path / "scenario.yaml", tmp_path / "out", tmp_path / "data"
    scenario.write_text(
        f"name: secret\napp: {app}\nseed: 5\nload: [{{name: all, executor: shared-iterations,"
        " vus: 2, iterations: 20, mix: [{call: Accounts.forgot}, {call: Accounts.show}]}]\n"
        "check: [exactly_once, strict_serializable, reference, determinism]\n"
    )
    words = ["-m", *module.split(), str(scenario), "--out", str(out), "--quiet"]
    words += ["--keep", str(data)] if module != "sim" else []
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=patience()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (out / "history.jsonl").read_text() + (out / "result.json").read_text()
    said = written + done.stdout + done.stderr
    assert "Accounts.forgot" in written
    assert "what the deployment keeps secret" not in said
    if module != "sim":
        assert not [form for form in shown_forms(kept(data)) if form in said]
