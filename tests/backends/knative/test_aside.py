"""What is set aside in a deployment: listed and taken up again through its gateway."""

import base64
import json

import pytest

from backends.runtime.invoke import new_key
from tests.backends.knative.cluster.running import run
from tests.backends.knative.cluster.standin import Answer, StandIn, listing
from tests.backends.knative.test_cli import configure
from tests.backends.local.running import Up
from tests.backends.local.shop import SHOP
from tests.patience import until

pytestmark = pytest.mark.real

KEY = "a key of the wire, for this test alone"


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    """A gateway, and a cluster that knows its key."""
    (tmp_path / "shop.py").write_text(SHOP.replace("SIZE", "200_000 if key == 'much' else 1"))
    up = Up(tmp_path / "shop.py", tmp_path / "data", env={"MU2SLS_WIRE_KEY": KEY})

    def answer(request):
        if "/secrets/" in request.path:
            data = {"wire-key": base64.b64encode(KEY.encode()).decode()}
            return Answer(200, {"kind": "Secret", "metadata": {"name": "x"}, "data": data})
        if "/services" not in request.path:
            return listing([])
        ready = {"type": "Ready", "status": "True"}
        status = {"url": up.url, "conditions": [ready], "observedGeneration": 1}
        container = {"image": "registry.example/shop:1"}
        spec = {"template": {"spec": {"containers": [container]}}}
        metadata = {"name": "shop-gateway", "generation": 1}
        return listing([{"kind": "Service", "metadata": metadata, "spec": spec, "status": status}])

    with StandIn(answer) as server:
        configure(monkeypatch, tmp_path / "kubeconfig", server.url)
        yield up
    up.end()


def set_aside(gateway):
    key = new_key()
    until(lambda: gateway.once("Shop.order", "much", key=key).status == 500, "it is set aside")
    return key


def test_status_lists_it_with_its_reason_and_line(gateway):
    assert "set aside" not in run("status", "shop").out
    request = set_aside(gateway)
    seen = run("status", "shop")
    assert f"  {request}  Shop.order  since 2" in seen.out
    assert "shop.py:22: " in seen.out
    (found,) = json.loads(run("status", "shop", "--output", "json").out)["set_aside"]
    assert (found["id"], found["method"], found["cause"]) == (request, "Shop.order", "TooLarge")
    assert found["since"] > 1e9


def test_it_is_taken_up_again_and_here_set_aside_anew(gateway):
    request = set_aside(gateway)
    assert run("resume", "shop", request).lines == [f"resumed {request}  Shop.order"]
    until(lambda: request in run("status", "shop").out, "it is set aside again")
    assert run("resume", "shop", "--all").lines == [f"resumed {request}  Shop.order"]
    assert gateway.call("Note.count", "much").value == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [([], "give the ids of requests"), ([new_key()], "is not set aside"), (["x"], "no id")],
)
def test_what_cannot_be_resumed(gateway, words, why):
    seen = run("resume", "shop", *words)
    assert (seen.status, seen.out) == (2, "")
    assert why in seen.err


def test_a_key_that_is_not_the_gateway_s(gateway, monkeypatch):
    monkeypatch.setattr(
        "backends.knative.commands.aside.read_wire_key", lambda *_: b"another key, of 20 bytes"
    )
    assert "was not sealed with this application's key" in run("resume", "shop", "--all").err
    seen = run("status", "shop")
    assert "shop-gateway" in seen.out
    assert "what is set aside is not known" in seen.err
