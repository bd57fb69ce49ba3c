"""A real API server for the tests that want one.

``KUBECONFIG=... pytest tests/backends/knative/cluster`` uses the server that is there;
``MU2SLS_START_K8S=1 pytest ...`` starts one with ``../shared/tools/kube-apiserver``. Without
either the tests that need a server are skipped. Each works in a namespace of its own.

Two kinds of server are told apart, and each skips, visibly, what wants the other:

- tests marked ``no_controllers`` play the controllers and the kubelet, or look at what nobody has
  touched: they want a server alone, such as the one that is started;
- tests marked ``controllers`` want what these do for real: a cluster with nodes and Knative.
"""

import json
import os
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from kubernetes import client
from kubernetes.dynamic import DynamicClient

from backends.knative.cluster.access import Choice, find_access
from backends.knative.cluster.api import Api
from backends.knative.cluster.explain import Asked
from backends.knative.cluster.kinds import NAMESPACE
from backends.knative.cluster.objects import Objects
from tests.backends.knative.cluster.kubelet import Kubelet
from tests.backends.knative.cluster.running import Shop

ROOT = Path(__file__).parents[4]
TOOL = ROOT.parent / "shared" / "tools" / "kube-apiserver"
BINARY = "kube-apiserver"
SERVING = "serving.knative.dev/v1"


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    """The path of a kubeconfig for a server that tests may write to."""
    given = os.environ.get("KUBECONFIG")
    if given:
        yield given
        return
    if os.environ.get("MU2SLS_START_K8S") != "1":
        pytest.skip("no API server: set KUBECONFIG, or MU2SLS_START_K8S=1 to start one")
    if not TOOL.exists():
        pytest.skip(f"MU2SLS_START_K8S=1, but there is no {TOOL}")
    built = subprocess.run([TOOL, "build"], check=True, stdout=subprocess.PIPE, text=True)
    home = tmp_path_factory.mktemp("kubernetes")
    # A home of its own, so that nobody else's server is stopped.
    (home / BINARY).symlink_to(built.stdout.split()[-1])
    environment = {**os.environ, "KUBE_HOME": str(home)}
    try:
        started = subprocess.run(
            [TOOL, "start"], check=True, env=environment, stdout=subprocess.PIPE, text=True
        )
        yield started.stdout.split()[-1]
    finally:
        processes = [int(path.read_text()) for path in (home / "run").glob("*.pid")]
        subprocess.run([TOOL, "stop"], check=True, env=environment)
        wait_until_ended(processes)


@pytest.fixture(scope="session")
def has_controllers(kubeconfig):
    """Whether anybody works on the server: every namespace then has an account called default."""
    configuration = find_access(Choice(namespace="default"), {"KUBECONFIG": kubeconfig})
    with client.ApiClient(configuration.configuration) as found:
        return "default" in Admin(found, "default").names("v1:serviceaccounts")


@pytest.fixture(autouse=True)
def fitting(request):
    """Skips a test whose mark the server does not fit."""
    for mark, wanted in (("no_controllers", False), ("controllers", True)):
        if request.node.get_closest_marker(mark) is None:
            continue
        if request.getfixturevalue("has_controllers") != wanted:
            pytest.skip(f"wants an API server with{'' if wanted else 'out'} controllers")


def wait_until_ended(processes):
    end = time.monotonic() + 30
    while any(Path(f"/proc/{each}").exists() for each in processes) and time.monotonic() < end:
        time.sleep(0.1)


@pytest.fixture
def namespace(kubeconfig, monkeypatch):
    """A namespace that is there, and KUBECONFIG set."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    monkeypatch.delenv("FDB_CLUSTER_FILE", raising=False)
    name = f"mu2sls-test-{uuid.uuid4().hex[:8]}"
    api = Api(find_access(Choice(namespace=name)))
    Objects(api).create_namespace()
    yield name
    api.ask(Asked("delete", NAMESPACE, name, name), "DELETE")
    api.close()


@pytest.fixture
def objects(namespace):
    api = Api(find_access(Choice(namespace=namespace)))
    yield Objects(api)
    api.close()


@pytest.fixture
def admin(namespace):
    """The official client without anything of ours, to look at what happened and to meddle."""
    configuration = find_access(Choice(namespace=namespace)).configuration
    with client.ApiClient(configuration) as found:
        yield Admin(found, namespace)


class Admin:
    """Whatever tests do behind the back of what they test."""

    def __init__(self, api_client, namespace):
        self.namespace = namespace
        self._client = DynamicClient(api_client, discoverer=lambda _client, _file: None)

    def ask(self, method, path, body=None, content="application/merge-patch+json"):
        """One request, with a path below the API's root or below the namespace (``v1:pods``)."""
        version, colon, rest = path.partition(":")
        if colon:
            group = "apis" if "/" in version else "api"
            path = f"/{group}/{version}/namespaces/{self.namespace}/{rest}"
        kind = content if method == "PATCH" else "application/json"
        answer = self._client.request(method, path, body=body, content_type=kind, serialize=False)
        return json.loads(answer.data)

    def create(self, path, **body):
        return self.ask("POST", path, body)

    def names(self, path):
        return {each["metadata"]["name"] for each in self.ask("GET", path)["items"]}

    def secret(self, name):
        return self.ask("GET", f"v1:secrets/{name}")

    def knative(self, name):
        return self.ask("GET", f"{SERVING}:services/{name}")

    def knative_names(self):
        return self.names(f"{SERVING}:services")

    def patch_knative(self, name, body):
        return self.ask("PATCH", f"{SERVING}:services/{name}", body)

    def set_status(self, name, path=f"{SERVING}:services", **status):
        """Play the controller: whatever is given, about the current generation."""
        item = self.ask("GET", f"{path}/{name}")
        status = {"observedGeneration": item["metadata"]["generation"], **status}
        return self.ask("PATCH", f"{path}/{name}/status", {"status": status})

    def make_ready(self, name, **more):
        kinds = ("ConfigurationsReady", "Ready", "RoutesReady")
        conditions = [{"type": kind, "status": "True"} for kind in kinds]
        url = f"http://{name}.{self.namespace}.example.com"
        self.set_status(name, conditions=conditions, url=url, **more)

    def roll_out(self, name):
        """Play the deployment controller."""
        counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        self.set_status(name, "apps/v1:deployments", **dict.fromkeys(counts, 1))


@pytest.fixture
def shop(tmp_path, namespace):
    return Shop(tmp_path, namespace)


@pytest.fixture
def kubelet(admin, has_controllers, tmp_path):
    if has_controllers:
        pytest.skip("the cluster has nodes of its own, which this test does not meddle with")
    found = Kubelet(admin, tmp_path)
    yield found
    found.stop()
