"""The API server and the credentials are found as other Kubernetes tools find them."""

import base64
import os
import sys

import pytest
from kubernetes import config
from ruamel.yaml import YAML

from backends.knative.cluster.access import Choice, find_access
from backends.knative.cluster.errors import ConfigurationError


def kubeconfig(path, server, context="one", namespace="", current=True, user=None, **cluster):
    settings = {"cluster": context, "user": context}
    settings |= {"namespace": namespace} if namespace else {}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, **cluster}}],
        "users": [{"name": context, "user": {"token": "secret"} if user is None else user}],
        "contexts": [{"name": context, "context": settings}],
    }
    content |= {"current-context": context} if current else {}
    with path.open("w") as file:
        YAML(typ="safe").dump(content, file)
    return str(path)


def find(tmp_path, named="", **choice):
    return find_access(Choice(**choice), {"KUBECONFIG": named} if named else {}, tmp_path)


def test_kubeconfig_names_the_file(tmp_path):
    path = kubeconfig(tmp_path / "a", "https://one", namespace="shop")
    found = find(tmp_path, path)
    assert (found.server, found.namespace) == ("https://one", "shop")
    assert found.who == "user one (context one)"


def test_without_kubeconfig_the_home_folder_is_looked_at(tmp_path):
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "https://home")
    found = find(tmp_path)
    assert (found.server, found.namespace) == ("https://home", "default")


def test_several_files_are_merged_and_the_first_current_context_counts(tmp_path):
    one = kubeconfig(tmp_path / "a", "https://one")
    two = kubeconfig(tmp_path / "b", "https://two", "two")
    both = os.pathsep.join([one, str(tmp_path / "missing"), two])
    assert find(tmp_path, both).server == "https://one"
    assert find(tmp_path, both, context="two").server == "https://two"


def test_context_and_namespace_can_be_chosen(tmp_path):
    path = kubeconfig(tmp_path / "a", "https://one", namespace="shop", current=False)
    found = find(tmp_path, path, context="one", namespace="other")
    assert (found.server, found.namespace) == ("https://one", "other")


@pytest.mark.parametrize(
    ("make", "choice", "parts"),
    [
        (lambda path: None, {}, ["no Kubernetes configuration", "KUBECONFIG", "missing"]),
        (lambda path: path.write_text("a: [b"), {}, ["broken"]),
        (lambda path: path.write_text(""), {}, ["empty"]),
        (lambda path: path.write_text("- a\n- b\n"), {}, ["broken"]),
        (lambda path: path.write_text("contexts: 7\ncurrent-context: a"), {}, ["broken"]),
        (lambda path: path.mkdir(), {}, ["cannot be read: Is a directory"]),
        (lambda path: kubeconfig(path, "https://a"), {"context": "x"}, ["context x", "one"]),
        (lambda path: kubeconfig(path, "https://a", current=False), {}, ["--context", "one"]),
        (
            lambda path: kubeconfig(path, "https://a", **{"certificate-authority": "/no/ca"}),
            {},
            ["/no/ca"],
        ),
        (
            lambda path: kubeconfig(path, "https://a", **{"certificate-authority-data": "abc"}),
            {},
            ["broken"],
        ),
        (
            lambda path: kubeconfig(
                path,
                "https://a",
                user={
                    "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such"}
                },
            ),
            {},
            ["credentials of user one", "no-such"],
        ),
        (
            lambda path: kubeconfig(
                path,
                "https://a",
                user={
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "command": sys.executable,
                        "args": ["-c", "import sys; sys.exit('log in first')"],
                    }
                },
            ),
            {},
            ["credentials of user one", "log in first"],
        ),
    ],
)
def test_what_cannot_be_used_is_one_clear_message(tmp_path, make, choice, parts):
    path = tmp_path / "missing"
    make(path)
    with pytest.raises(ConfigurationError) as caught:
        find(tmp_path, str(path), **choice)
    for part in [*parts, str(path)]:
        assert part in str(caught.value), part


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = kubeconfig(tmp_path / "a", "https://one")

    def refused(*_args, **_more):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("kubernetes.config.kube_config.open", refused, raising=False)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        find(tmp_path, path)


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """The files and variables that Kubernetes gives a pod."""
    (tmp_path / "namespace").write_text("inside\n")
    (tmp_path / "token").write_text("secret")
    (tmp_path / "ca.crt").write_text("certificate")
    module = config.incluster_config
    monkeypatch.setattr(module, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(module, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr("backends.knative.cluster.access._SERVICE_ACCOUNT", tmp_path)
    variables = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_in_a_pod_its_service_account_is_used(tmp_path, pod):
    access = find_access(Choice(), pod, tmp_path)
    assert (access.server, access.namespace) == ("https://10.0.0.1:443", "inside")


def test_a_pod_has_no_contexts(tmp_path, pod):
    with pytest.raises(ConfigurationError, match="no contexts"):
        find_access(Choice(context="a"), pod, tmp_path)


def test_a_pod_without_a_token(tmp_path, pod):
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigurationError, match="automountServiceAccountToken"):
        find_access(Choice(), pod, tmp_path)


def test_credentials_are_sent(tmp_path):
    found = find(tmp_path, kubeconfig(tmp_path / "a", "https://one"))
    assert "secret" in str(found.configuration.auth_settings())
    assert base64.b64encode(b"secret").decode() not in found.who
