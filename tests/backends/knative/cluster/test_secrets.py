"""What is kept and what is made, without a server."""

import base64

import msgspec
import pytest

from backends.knative.cluster.errors import InputError
from backends.knative.cluster.secrets import keep_secrets
from backends.knative.names import Names
from backends.knative.settings import Settings
from compiler.application import load
from tests.backends.knative.cluster.running import TWO
from tests.backends.knative.cluster.standin import Answer, StandIn, status

OURS = {"app.kubernetes.io/managed-by": "mu2sls", "app.kubernetes.io/instance": "shop"}


def secret(name, labels, **data):
    encoded = {
        key.replace("_", "-"): base64.b64encode(value).decode() for key, value in data.items()
    }
    metadata = {"name": name, "namespace": "here", "labels": labels}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": encoded}


def keep(tmp_path, *there, **given):
    """The settings as they are kept, where these Secrets are there."""
    path = tmp_path / "shop.py"
    path.write_text(TWO)
    found = {item["metadata"]["name"]: item for item in there}
    settings = Settings(image="x", namespace="here", **given)

    def handle(asked):
        name = asked.path.rpartition("/")[2]
        if name in found:
            return Answer(200, found[name])
        return status(404, "not found", "NotFound", {"name": name})

    with StandIn(handle) as server:
        kept = keep_secrets(server.objects(), Names(load(path), settings), settings)
    return kept, msgspec.structs.replace(kept, wire_key=None, cluster_file=None)


def test_a_key_is_made_once(tmp_path):
    one, _ = keep(tmp_path, cluster_file=b"a:b@1.2.3.4:1")
    two, _ = keep(tmp_path, cluster_file=b"a:b@1.2.3.4:1")
    assert len(one.wire_key) == 32
    assert one.wire_key != two.wire_key
    kept, _ = keep(
        tmp_path, secret("shop-wire-key", OURS, wire_key=one.wire_key), cluster_file=b"a:b@1:1"
    )
    assert kept.wire_key == one.wire_key


def test_a_key_that_is_given_goes_first(tmp_path):
    there = secret("shop-wire-key", OURS, wire_key=b"o" * 32)
    kept, _ = keep(tmp_path, there, wire_key=b"n" * 32, cluster_file=b"a:b@1:1")
    assert kept.wire_key == b"n" * 32


@pytest.mark.parametrize(
    "labels", [{}, {**OURS, "app.kubernetes.io/instance": "other"}, {"a": "b"}], ids=str
)
def test_what_is_not_ours_is_not_rendered(tmp_path, labels):
    kept, _ = keep(
        tmp_path,
        secret("shop-wire-key", labels, wire_key=b"k" * 32),
        secret("shop-cluster-file", labels, cluster_file=b"a:b@1:1"),
    )
    assert (kept.wire_key, kept.cluster_file) == (None, None)


def test_a_config_map_needs_no_secret(tmp_path):
    kept, _ = keep(tmp_path, cluster_config_map="fdb")
    assert kept.cluster_file is None


@pytest.mark.parametrize(
    "there", [secret("shop-wire-key", OURS), secret("shop-wire-key", {}, wire_key=b"")], ids=str
)
def test_a_secret_without_content_is_said(tmp_path, there):
    with pytest.raises(InputError, match="has no wire-key"):
        keep(tmp_path, there, cluster_file=b"a:b@1:1")


def test_without_a_cluster_file(tmp_path):
    with pytest.raises(InputError, match="shop-cluster-file"):
        keep(tmp_path)


def test_nothing_else_changes(tmp_path):
    _, rest = keep(tmp_path, cluster_file=b"a:b@1:1", log_level="debug")
    assert rest == Settings(image="x", namespace="here", log_level="debug")
