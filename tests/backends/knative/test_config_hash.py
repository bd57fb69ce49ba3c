"""The annotation that makes pods roll: what changes it, and what cannot be told from it."""

import base64
import hashlib
import time

from backends.knative import config_hash as module
from backends.knative.config_hash import CONFIG_HASH, config_hash
from backends.knative.names import content_hash
from tests.backends.knative.manifests import CLUSTER_FILE, rendered


def hashes(manifests):
    found = set()
    for manifest in manifests:
        template = (manifest.get("spec") or {}).get("template")
        if template:
            found.add(template["metadata"]["annotations"][CONFIG_HASH])
    return found


def test_all_pods_have_the_same_and_the_same_again():
    (one,) = hashes(rendered())
    module._derived.cache_clear()
    assert hashes(rendered()) == {one}


def test_whatever_pods_read_changes_it():
    one, other = b"k" * 32, b"l" * 32
    variants = [
        {"wire_key": one},
        {"wire_key": other},
        {"wire_key": None},
        {"wire_key": one, "cluster_file": CLUSTER_FILE.replace(b"hotel", b"motel")},
        {"wire_key": one, "log_level": "debug"},
    ]
    found = [hashes(rendered(**changes)) for changes in variants]
    assert len(set.union(*found)) == len(variants)
    assert hashes(rendered(wire_key=one, image="registry/app:2")) == found[0]


def secret(key):
    data = {"wire-key": base64.b64encode(key).decode()}
    return {"kind": "Secret", "metadata": {"name": "shop-wire-key"}, "data": data}


def test_a_guess_costs_what_scrypt_costs(monkeypatch):
    """And nothing else of the hash depends on the key, which would be a cheaper test."""
    asked = []
    scrypt = hashlib.scrypt

    def slow(password, **cost):
        asked.append(cost)
        return scrypt(password, **cost)

    monkeypatch.setattr(hashlib, "scrypt", slow)
    module._derived.cache_clear()
    manifests = [{"kind": "ConfigMap", "data": {}}, secret(b"guessable-password")]
    began = time.process_time()
    found = config_hash(manifests, "here/shop")
    seconds = time.process_time() - began
    (cost,) = asked
    assert 128 * cost["n"] * cost["r"] >= 1 << 25, "memory for each guess"
    assert cost["n"] * cost["r"] * cost["p"] >= 1 << 19, "work for each guess"
    assert seconds > 0.02
    assert found != content_hash(manifests)
    monkeypatch.setattr(hashlib, "scrypt", lambda _password, **_cost: b"the same for every key")
    module._derived.cache_clear()
    one = config_hash([manifests[0], secret(b"one")], "here/shop")
    assert config_hash([manifests[0], secret(b"other")], "here/shop") == one
    module._derived.cache_clear()


def test_a_guess_is_good_for_one_deployment_alone():
    manifests = [secret(b"k" * 32)]
    assert config_hash(manifests, "here/shop") != config_hash(manifests, "there/shop")


def test_without_secrets_nothing_is_slow(monkeypatch):
    monkeypatch.setattr(hashlib, "scrypt", None)
    assert config_hash([{"kind": "ConfigMap"}], "a") != config_hash([{"kind": "Other"}], "a")
