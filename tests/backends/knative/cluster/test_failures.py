"""Everything that a real API server refuses: one clear message, and nothing half-done."""

import base64
import http.server
import json
import re
import socket
import time
import uuid

import pytest
from ruamel.yaml import YAML

from backends.knative.cluster import kinds, plan
from backends.knative.cluster.kinds import NAMESPACE
from tests.backends.knative.cluster.conftest import ROOT
from tests.backends.knative.cluster.kubelet import certificate, secure_server


@pytest.fixture
def edit_kubeconfig(kubeconfig, tmp_path, monkeypatch):
    """Use another kubeconfig, made of the right one."""

    def edit(change):
        with open(kubeconfig) as file:
            content = YAML(typ="safe").load(file)
        change(content["clusters"][0]["cluster"], content["users"][0]["user"])
        path = tmp_path / "edited"
        with path.open("w") as file:
            YAML(typ="safe").dump(content, file)
        monkeypatch.setenv("KUBECONFIG", str(path))

    return edit


def test_no_server(shop, edit_kubeconfig):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
        edit_kubeconfig(lambda cluster, _user: cluster.update(server=url))
        seen = shop.deploy()
    assert seen.status == 2
    assert f"the API server {url} cannot be reached" in seen.err


def test_a_server_whose_certificate_is_not_trusted(shop, edit_kubeconfig, tmp_path):
    trusted, _key = certificate(tmp_path)

    def change(cluster, _user):
        cluster.pop("insecure-skip-tls-verify", None)
        cluster.pop("certificate-authority-data", None)
        cluster["certificate-authority"] = str(trusted)

    edit_kubeconfig(change)
    seen = shop.deploy()
    assert seen.status == 2
    assert "no secure connection" in seen.err
    assert "certificate" in seen.err
    assert "again in" not in seen.err


def test_credentials_that_are_not_known(shop, edit_kubeconfig):
    def change(_cluster, user):
        user.clear()
        user["token"] = "expired"

    edit_kubeconfig(change)
    seen = shop.run("status")
    assert seen.status == 1
    assert "log in again" in seen.err


@pytest.fixture
def limited(admin, edit_kubeconfig):
    """A user with the rules that a test gives, and no other rights."""

    def limit(*rules):
        admin.create("v1:serviceaccounts", metadata={"name": "ada"})
        rbac = "rbac.authorization.k8s.io/v1"
        admin.create(f"{rbac}:roles", metadata={"name": "ada"}, rules=list(rules))
        subject = {"kind": "ServiceAccount", "name": "ada", "namespace": admin.namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ada"}
        admin.create(
            f"{rbac}:rolebindings", metadata={"name": "ada"}, subjects=[subject], roleRef=role
        )
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        audience = "https://kubernetes.default.svc"
        asked["spec"] = {"audiences": [audience], "expirationSeconds": 600}
        found = admin.create("v1:serviceaccounts/ada/token", **asked)

        def change(_cluster, user):
            user.clear()
            user["token"] = found["status"]["token"]

        edit_kubeconfig(change)

    return limit


def documented_rules():
    """The rules of the Role in docs/knative.md."""
    text = (ROOT / "docs" / "knative.md").read_text()
    block = re.search(r"(?m)^    apiVersion: rbac\.(?:.*\n)(?:    .*\n)+", text)
    return YAML(typ="safe").load(re.sub(r"(?m)^    ", "", block[0]))["rules"]


RULES = documented_rules()


def test_the_role_in_the_documentation_is_enough(shop, limited):
    limited(*RULES)
    for command in (shop.deploy, shop.deploy, lambda: shop.run("delete", "--yes")):
        seen = command()
        assert seen.status == 0, seen.err
    assert "nothing of shop" in shop.run("status").err


def test_a_role_without_secrets_names_the_rule(shop, limited, admin):
    limited(*[rule for rule in RULES if "secrets" not in rule["resources"]])
    seen = shop.deploy()
    assert seen.status == 1
    assert 'apiGroups: [""], resources: ["secrets"], verbs: ["get"]' in seen.err
    assert admin.knative_names() == set()


def test_all_that_is_missing_is_said_at_once(shop, limited, admin):
    rules = [{**rule, "verbs": ["get", "list"]} for rule in RULES]
    limited(*rules)
    seen = shop.deploy()
    assert seen.status == 1
    for resource in ("services", "deployments", "networkpolicies", "configmaps", "secrets"):
        assert f'resources: ["{resource}"], verbs: ["patch"]' in seen.err
    assert admin.knative_names() == set()


def other_manager(admin, name, image):
    body = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"name": "node", "image": image}]}}},
    }
    path = f"serving.knative.dev/v1:services/{name}?fieldManager=argo&force=true"
    return admin.ask("PATCH", path, body, "application/apply-patch+yaml")


def test_fields_of_other_managers_are_not_taken_unasked(shop, admin):
    shop.deploy()
    other_manager(admin, "shop-stock", "registry.example/forked:9")
    seen = shop.deploy()
    assert seen.status == 1
    assert "is owned by argo" in seen.err
    assert ".spec.template" in seen.err
    assert "--force-conflicts" in seen.err
    assert "configured" not in seen.out
    assert shop.deploy("--force-conflicts").status == 0
    spec = admin.knative("shop-stock")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "registry.example/shop:1"
    assert shop.deploy().lines[-1].endswith("12 unchanged")


def test_a_quota_stops_everything_before_it_begins(shop, admin):
    hard = {"count/configmaps": "0"}
    admin.create("v1:resourcequotas", metadata={"name": "small"}, spec={"hard": hard})
    path = "v1:resourcequotas/small/status"
    admin.ask("PATCH", path, {"status": {"hard": hard, "used": {"count/configmaps": "0"}}})
    seen = shop.deploy()
    assert seen.status == 1
    assert "exceeded quota: small" in seen.err
    assert "larger ResourceQuota" in seen.err
    assert admin.names("v1:serviceaccounts") <= {"default"}


@pytest.fixture
def webhook(admin, has_controllers, tmp_path):
    """A validating webhook for the test's namespace: whatever ``decide`` answers."""
    if has_controllers:
        pytest.skip("a cluster's API server does not ask this machine's loopback")
    name = f"mu2sls-test-{uuid.uuid4().hex[:8]}"
    root = "/apis/admissionregistration.k8s.io"
    label = {"metadata": {"labels": {"mu2sls-test": admin.namespace}}}
    admin.ask("PATCH", f"/api/v1/namespaces/{admin.namespace}", label)
    made, servers = [], []

    def make(decide=None, side_effects="None", version="v1"):
        path = f"{root}/{version}/validatingwebhookconfigurations"

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = decide(review["request"]) | {"uid": review["request"]["uid"]}
                body = json.dumps({**review, "response": answer}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = secure_server(Handler, tmp_path)
        servers.append(server)
        port = server.server_port
        if decide is None:
            servers.pop()
            server.shutdown()
            server.server_close()
        authority = (tmp_path / "certificate.pem").read_bytes()
        rule = {
            "apiGroups": ["serving.knative.dev"],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["services"],
        }
        hook = {
            "name": "validation.example.com",
            "rules": [rule],
            "sideEffects": side_effects,
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail",
            "timeoutSeconds": 2,
            "namespaceSelector": {"matchLabels": {"mu2sls-test": admin.namespace}},
            "clientConfig": {
                "url": f"https://127.0.0.1:{port}/",
                "caBundle": base64.b64encode(authority).decode(),
            },
        }
        kind = "ValidatingWebhookConfiguration"
        body = {"apiVersion": f"admissionregistration.k8s.io/{version}", "kind": kind}
        admin.ask("POST", path, {**body, "metadata": {"name": name}, "webhooks": [hook]})
        made.append(f"{path}/{name}")
        wait_until_in_force(admin)

    def wait_until_in_force(admin):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            probe = {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Service",
                "metadata": {"name": "probe"},
            }
            try:
                admin.ask("POST", "serving.knative.dev/v1:services?dryRun=All", probe)
            except Exception:
                return
            time.sleep(0.1)

    yield make
    for path in made:
        admin.ask("DELETE", path)
    for server in servers:
        server.shutdown()
        server.server_close()


def refuse(_request):
    message = "validation failed: must not set the field(s): spec.template.spec.x"
    return {"allowed": False, "status": {"code": 400, "message": message}}


def test_a_webhook_that_refuses(shop, admin, webhook):
    webhook(refuse)
    seen = shop.deploy()
    assert seen.status == 1
    assert 'admission webhook "validation.example.com"' in seen.err
    assert "must not set the field(s)" in seen.err
    assert seen.err.count("denied the request") == 3  # all that it refuses, at once
    assert admin.names("v1:serviceaccounts") <= {"default"}


def test_a_webhook_that_cannot_be_asked(shop, admin, webhook):
    webhook()
    seen = shop.deploy()
    assert seen.status == 1
    assert "validation.example.com could not be asked" in seen.err
    assert admin.names("v1:serviceaccounts") <= {"default"}


def test_a_webhook_that_does_not_take_dry_runs(shop, admin, webhook):
    """Only webhooks of the old kind can be so, so where there are none of those, all is well."""
    versions = admin.ask("GET", "/apis/admissionregistration.k8s.io")["versions"]
    if "v1beta1" not in {each["version"] for each in versions}:
        pytest.skip("the server has no webhooks that do not take dry runs")
    webhook(lambda request: {"allowed": request["name"] != "probe"}, "Some", "v1beta1")
    seen = shop.deploy()
    assert seen.status == 0, seen.err
    assert "Knative service shop-stock created" in seen.lines
    assert "Knative service shop-stock unchanged" in shop.deploy().lines


@pytest.mark.no_controllers
def test_a_namespace_that_is_being_deleted(shop, admin):
    shop.namespace = f"{admin.namespace}-ending"
    body = {"metadata": {"name": shop.namespace}}
    admin.ask("POST", "/api/v1/namespaces", body)
    admin.ask("DELETE", f"/api/v1/namespaces/{shop.namespace}")
    seen = shop.deploy()
    assert seen.status == 1
    assert "the namespace is being deleted" in seen.err


def test_knative_is_not_there(shop, admin, monkeypatch):
    """A version of Knative's API that nobody serves: the server's own words for it."""
    later = kinds.Kind("serving.knative.dev/v9", "Service", "services", "Knative service")
    monkeypatch.setattr(plan, "KNATIVE_SERVICE", later)
    seen = shop.deploy()
    assert seen.status == 1
    assert "install Knative Serving" in seen.err
    assert "serving.knative.dev/v9" in seen.err
    assert admin.names("v1:serviceaccounts") <= {"default"}


def test_an_object_that_the_server_does_not_take(shop, admin, tmp_path, monkeypatch):
    """Settings are checked before it sees them, so one check has to look away."""
    monkeypatch.setattr("backends.knative.checks._check_resources", lambda place, resources: None)
    settings = tmp_path / "settings.yaml"
    settings.write_text("resources: {memory_request: 2Mi, memory_limit: 1Mi}\n")
    seen = shop.deploy("--settings", settings)
    assert seen.status == 1
    assert "must be less than or equal to memory limit" in seen.err
    assert admin.names("v1:serviceaccounts") <= {"default"}


def test_the_namespace_may_be_out_of_sight(shop, limited, objects):
    """Whoever may deploy need not be allowed to look at the namespace itself."""
    limited(*RULES)
    assert all("namespaces" not in rule["resources"] for rule in RULES)
    assert objects.get(NAMESPACE, shop.namespace) is not None
    assert shop.deploy().status == 0


@pytest.mark.parametrize(
    "command", [("status",), ("logs",), ("logs", "--follow"), ("delete", "-y")]
)
def test_a_namespace_that_there_is_not(shop, command):
    shop.namespace = "mu2sls-test-nowhere"
    seen = shop.run(*command)
    assert (seen.status, seen.out) == (2, "")
    assert "namespace mu2sls-test-nowhere does not exist" in seen.err
