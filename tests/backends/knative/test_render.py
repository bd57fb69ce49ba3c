"""Manifests: valid, complete, stable, safe; and settings with which there are none."""

import base64
import copy
import json

import msgspec
import pytest
import yaml

from backends.knative.environment import read_environment
from backends.knative.errors import RenderProblem
from backends.knative.names import CONTENT_HASH, INSTANCE, MANAGED_BY, content_hash, selector
from backends.knative.render import render
from backends.knative.settings import Resources, Scale
from backends.runtime.settings import Settings as NodeSettings
from tests.backends.knative.manifests import (
    APPS,
    KEY,
    application,
    of_kind,
    rendered,
    settings,
    written,
)
from tests.backends.knative.schema import problems

SERVING = "serving.knative.dev/v1"
EVERYTHING = {
    "pull_policy": "Always",
    "pull_secrets": ("registry",),
    "scale": Scale(min_scale=2, max_scale=10, concurrency=0),
    "resources": Resources(cpu_limit="2"),
    "store_ports": (4600,),
    "store_networks": ("10.0.4.0/24",),
    "cluster_config_map": "cluster-config",
    "app": "/app/application/apps/hotel",
    "nodes": NodeSettings(grace=20.0, attempts=5),
    "set_up": False,
    "public": False,
}


@pytest.mark.parametrize("version", ["1.23", "1.0"])
@pytest.mark.parametrize("changes", [{}, EVERYTHING], ids=["defaults", "everything"])
@pytest.mark.parametrize("app", APPS)
def test_every_manifest_of_every_application_is_valid(app, changes, version):
    for manifest in rendered(app, **changes):
        found = problems(manifest, version)
        # Knative 1.0 knew no emptyDir: there the cluster file cannot be kept up to date.
        known = {".spec.template.spec.volumes[2].emptyDir: unknown"} if version == "1.0" else set()
        assert set(found) <= known, manifest["metadata"]["name"]


def everywhere(value, place=()):
    """The places of all mappings in a manifest."""
    if isinstance(value, dict):
        yield place
        for name, each in value.items():
            yield from everywhere(each, (*place, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from everywhere(each, (*place, number))


FREE = {"labels", "annotations", "data", "matchLabels", "requests", "limits", "emptyDir"}


def test_an_unknown_field_anywhere_is_refused():
    """The validator itself, attacked at every place of every manifest."""
    tried = 0
    for manifest in rendered():
        for place in everywhere(manifest):
            if place and place[-1] in FREE:
                continue
            wrong = copy.deepcopy(manifest)
            inner = wrong
            for step in place:
                inner = inner[step]
            inner["surprise"] = "x"
            if place == ("spec", "template", "metadata") and manifest["apiVersion"] == SERVING:
                continue  # the definition keeps unknown fields there
            assert problems(wrong), (manifest["kind"], place)
            tried += 1
    assert tried > 200


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("Service", ("spec", "template", "spec", "containerConcurrency"), "64"),
        ("Service", ("spec", "template", "spec", "timeoutSeconds"), True),
        ("Service", ("spec", "template", "spec", "containers"), None),
        ("Service", ("spec", "template", "spec", "containers", 0, "image"), 5),
        ("Service", ("spec", "template", "metadata", "annotations", "a"), 1),
        ("Service", ("metadata", "labels", "a"), 1),
        ("Deployment", ("spec", "replicas"), "1"),
        ("Deployment", ("spec", "selector"), None),
        ("NetworkPolicy", ("spec", "egress"), {}),
        ("ConfigMap", ("data", "a"), 1),
        ("ServiceAccount", ("automountServiceAccountToken",), "no"),
    ],
)
def test_a_wrong_type_is_refused(kind, place, value):
    manifest = copy.deepcopy(next(m for m in rendered() if m["kind"] == kind))
    inner = manifest
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert problems(manifest)


def test_a_missing_field_is_refused():
    service = copy.deepcopy(next(iter(of_kind(rendered(), "Service").values())))
    del service["spec"]["template"]["spec"]["containers"]
    assert problems(service)
    deployment = copy.deepcopy(next(iter(of_kind(rendered(), "Deployment", "apps/v1").values())))
    del deployment["spec"]["selector"]
    assert problems(deployment)


@pytest.mark.parametrize("app", APPS)
def test_rendering_again_changes_nothing(app):
    first, second = rendered(app), rendered(app)
    assert json.dumps(first) == json.dumps(second)


def test_the_hash_tells_what_changed():
    def hashes(**changes):
        return {
            (m["kind"], m["metadata"]["name"]): m["metadata"]["annotations"][CONTENT_HASH]
            for m in rendered(**changes)
        }

    before, after = hashes(), hashes(scales={"Hotel": Scale(min_scale=3)})
    assert {name for name in before if before[name] != after[name]} == {("Service", "hotel-hotel")}
    for manifest in rendered():
        stamp = manifest["metadata"].pop("annotations")
        assert stamp == {CONTENT_HASH: content_hash(manifest)}


@pytest.mark.parametrize(
    "changes", [{"wire_key": KEY[::-1]}, {"nodes": NodeSettings(grace=1.0)}], ids=["key", "grace"]
)
def test_what_pods_read_when_they_start_rolls_them_out(changes):
    """A changed Secret alone would be seen by new pods only, who could not talk to the old."""
    before, after = of_kind(rendered(), "Service"), of_kind(rendered(**changes), "Service")
    for name, service in before.items():
        assert service["spec"]["template"] != after[name]["spec"]["template"], name


@pytest.mark.parametrize("app", APPS)
def test_everything_is_found_by_its_labels(app):
    manifests = rendered(app)
    wanted = dict(part.split("=") for part in selector(manifests[0]["metadata"]["name"]).split(","))
    assert set(wanted) == {MANAGED_BY, INSTANCE}
    for manifest in manifests:
        labels = manifest["metadata"]["labels"]
        assert wanted.items() <= labels.items()
        assert {f"app.kubernetes.io/{each}" for each in ("name", "component", "part-of")} <= set(
            labels
        )


def test_names_are_unique_and_references_resolve():
    manifests = rendered()
    names = [(m["apiVersion"], m["kind"], m["metadata"]["name"]) for m in manifests]
    assert len(names) == len(set(names))
    there = {(kind, name) for _, kind, name in names}
    for pod in pods(manifests):
        assert ("ServiceAccount", pod["serviceAccountName"]) in there
        assert ("ConfigMap", pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]) in there
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in there
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def pods(manifests):
    return [
        m["spec"]["template"]["spec"] for m in manifests if m["kind"] in ("Service", "Deployment")
    ]


def test_what_is_referred_to_comes_first():
    kinds = [manifest["kind"] for manifest in rendered()]
    first_pod = kinds.index("Service")
    assert {"ServiceAccount", "ConfigMap", "Secret", "NetworkPolicy"} == set(kinds[:first_pod])
    services = [m["metadata"]["name"] for m in rendered() if m["kind"] == "Service"]
    assert services[-2:] == ["hotel-frontend", "hotel-gateway"]


def test_services_are_internal_and_the_gateway_is_not():
    label = "networking.knative.dev/visibility"
    visible = {
        name
        for name, m in of_kind(rendered(), "Service").items()
        if label not in m["metadata"]["labels"]
    }
    assert visible == {"hotel-gateway"}
    internal = of_kind(rendered(public=False), "Service").values()
    assert all(m["metadata"]["labels"][label] == "cluster-local" for m in internal)


@pytest.mark.parametrize("app", APPS)
def test_no_container_can_do_more_than_it_needs(app):
    for pod in pods(rendered(app)):
        assert pod["automountServiceAccountToken"] is False
        assert "securityContext" not in pod  # behind a feature flag of Knative
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert {"requests", "limits"} <= set(container["resources"])


RESERVED_PORTS = {8012, 8013, 8022, 8112, 9090, 9091, 8008}
RESERVED_VARIABLES = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
RESERVED_PATHS = {"/", "/dev", "/dev/log", "/tmp", "/var", "/var/log"}


@pytest.mark.parametrize("app", APPS)
def test_knative_s_own_rules_beyond_the_schema(app):
    """What its webhook refuses (knative/serving, pkg/apis/serving/k8s_validation.go)."""
    manifests = rendered(app)
    environment = of_kind(manifests, "ConfigMap", "v1").popitem()[1]["data"]
    assert not RESERVED_VARIABLES & set(environment)
    for service in of_kind(manifests, "Service").values():
        pod = service["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["name"] != "queue-proxy"
        assert not RESERVED_VARIABLES & {each["name"] for each in container["env"]}
        (port,) = container["ports"]
        assert port["name"] in ("http1", "h2c")
        assert port["containerPort"] not in RESERVED_PORTS
        for probe in ("livenessProbe", "readinessProbe"):
            assert set(container[probe]["httpGet"]) == {"path"}  # Knative fills in the port
        ready = container["readinessProbe"]
        assert ready["successThreshold"] >= 1
        assert not {"periodSeconds", "failureThreshold", "timeoutSeconds"} & set(ready)
        volumes = {each["name"]: each for each in pod["volumes"]}
        for mount in container["volumeMounts"]:
            assert mount["mountPath"] not in RESERVED_PATHS
            assert mount.get("readOnly") or "emptyDir" in volumes[mount["name"]]
        annotations = service["spec"]["template"]["metadata"]["annotations"]
        assert all(isinstance(value, str) for value in annotations.values())


def test_the_cluster_file_can_be_written_by_foundationdb_s_client():
    """It is copied from the read-only Secret to the one place that can be written."""
    manifests = rendered()
    data = of_kind(manifests, "ConfigMap", "v1")["hotel-environment"]["data"]
    environment = {**data, "MU2SLS_SERVICE": "Hotel", "MU2SLS_APP": "apps/hotel"}
    del environment["MU2SLS_WIRE_KEY_FILE"]
    told = read_environment({**environment, "MU2SLS_WIRE_KEY": KEY.decode()})
    for pod in pods(manifests):
        writable = [
            m["mountPath"] for m in pod["containers"][0]["volumeMounts"] if not m.get("readOnly")
        ]
        assert any(told.cluster_file.startswith(f"{path}/") for path in writable)
        assert not any(told.cluster_file_from.startswith(f"{path}/") for path in writable)


def test_the_process_understands_the_environment_it_is_given(tmp_path):
    manifests = rendered(nodes=NodeSettings(grace=20.0, attempts=5), set_up=False)
    key = tmp_path / "key"
    key.write_bytes(KEY)
    data = of_kind(manifests, "ConfigMap", "v1")["hotel-environment"]["data"]
    for service in [
        *of_kind(manifests, "Service").values(),
        *of_kind(manifests, "Deployment", "apps/v1").values(),
    ]:
        (container,) = service["spec"]["template"]["spec"]["containers"]
        own = {each["name"]: each["value"] for each in container["env"]}
        given = {**data, **own, "MU2SLS_APP": "apps/hotel", "MU2SLS_WIRE_KEY_FILE": str(key)}
        told = read_environment(given)
        assert told.settings == NodeSettings(grace=20.0, attempts=5)
        assert told.addresses["Hotel"] == "http://hotel-hotel.default.svc.cluster.local"
        assert told.port == 8080
        assert not told.set_up


def test_secrets_hold_what_they_were_given_and_nothing_else_does():
    manifests = rendered()
    secrets = of_kind(manifests, "Secret", "v1")
    assert base64.b64decode(secrets["hotel-wire-key"]["data"]["wire-key"]) == KEY
    others = yaml.safe_dump([m for m in manifests if m["kind"] != "Secret"])
    assert KEY.decode() not in others
    assert base64.b64encode(KEY).decode() not in others


def test_secrets_that_are_there_already_are_left_alone():
    manifests = rendered(wire_key=None, cluster_file=None)
    assert not of_kind(manifests, "Secret", "v1")
    volumes = pods(manifests)[0]["volumes"]
    assert [v["secret"]["secretName"] for v in volumes if "secret" in v] == [
        "hotel-cluster-file",
        "hotel-wire-key",
    ]


def test_an_operator_s_config_map_can_hold_the_cluster_file():
    volumes = pods(rendered(cluster_file=None, cluster_config_map="fdb-config"))[0]["volumes"]
    assert volumes[0]["configMap"]["name"] == "fdb-config"


PING_PONG = """
from compiler import Persistent, call, service

@service
class Ping:
    def __init__(self):
        self.n: Persistent[int] = 0

    async def ping(self, depth: int) -> int:
        self.n += 1
        return call(Pong.pong, depth - 1) if depth else 0

@service
class Pong:
    def __init__(self):
        self.n: Persistent[int] = 0

    async def pong(self, depth: int) -> int:
        self.n += 1
        return call(Ping.ping, depth - 1) if depth else 0

@service
class Solo:
    def __init__(self):
        self.n: Persistent[int] = 0

    async def go(self) -> int:
        return call(Ping.ping, 3)
"""


def test_a_service_that_calls_come_back_to_has_no_hard_limit(tmp_path):
    """With one, requests that hold all places would wait for a place."""
    shop = written(tmp_path, PING_PONG)
    services = of_kind(render(shop, settings(scale=Scale(concurrency=5))), "Service")
    limits = {
        name: service["spec"]["template"]["spec"]["containerConcurrency"]
        for name, service in services.items()
    }
    assert limits == {"shop-ping": 0, "shop-pong": 0, "shop-solo": 5, "shop-gateway": 0}
    annotations = services["shop-ping"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/target"] == "5"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image": ""}, "--image"),
        ({"name": "Hotel"}, "DNS label"),
        ({"name": "a" * 48}, "--name"),
        ({"scales": {"Motel": Scale()}}, "scales has Motel"),
        ({"scales": {"upkeep": Scale()}}, "scales has upkeep"),
        ({"resources_by_service": {"x": Resources()}}, "resources_by_service has x"),
        ({"scale": Scale(min_scale=3, max_scale=2)}, "3 to 2 pods"),
        ({"scale": Scale(min_scale=-1)}, "min_scale of -1"),
        ({"scale": Scale(concurrency=-1)}, "concurrency of -1"),
        ({"scale": Scale(concurrency=1001)}, "1000 at most"),
        ({"scales": {"Hotel": Scale(concurrency=1001)}}, "Hotel cannot have a concurrency of 1001"),
        ({"image": "Registry/Hotel:1"}, "in lower case"),
        ({"image": "hotel:"}, "no name of an image"),
        ({"image": "hotel@sha256:12"}, "no name of an image"),
        ({"image": "https://registry/hotel"}, "no name of an image"),
        ({"pull_policy": "always"}, "Always"),
        ({"pull_secrets": ("a", "No_Name")}, "'No_Name'"),
        ({"service_account": "a/b"}, "'a/b'"),
        ({"cluster_config_map": "a b"}, "'a b'"),
        ({"namespace": "A"}, "no namespace 'A'"),
        ({"namespace": "a" * 64}, "no namespace"),
        ({"resources": Resources(memory_limit="512 MB")}, "memory_limit is '512 MB'"),
        ({"resources_by_service": {"upkeep": Resources(cpu_limit="x")}}, "cpu_limit is 'x'"),
        ({"store_ports": (0,)}, "no port"),
        ({"upkeep_replicas": -1}, "-1 pods"),
        ({"scale": Scale(utilization=0)}, "utilization of 0 %"),
        ({"timeout": 5}, "a timeout of 5 s"),
        ({"timeout": 601}, "a timeout of 601 s"),
        ({"wire_key": b"short"}, "5 bytes is too short"),
        ({"fdb_api_version": 620}, "630 or newer"),
        ({"uid": 0}, "root"),
        ({"log_level": "loud"}, "'loud'"),
        ({"store_networks": ("10.0.0.1/8",)}, "no CIDR block"),
        ({"cluster_file": b"nonsense"}, "no cluster file"),
        ({"cluster_file": b"a:b@10.0.0.1"}, "no cluster file"),
        ({"nodes": NodeSettings(grace=-5.0)}, "grace -5"),
        ({"cluster_file": b"a:b@10.0.0.1:0"}, "no cluster file"),
        ({"cluster_file": b"a:b@10.0.0.1:4500\nc:d@10.0.0.1:4500"}, "no cluster file"),
        ({"cluster_file": b""}, "no cluster file"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, says):
    with pytest.raises(RenderProblem) as refused:
        rendered(**changes)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "image",
    [
        "hotel",
        "hotel:1",
        "localhost/hotel:1.2_x",
        "registry.example:5000/team/hotel-app",
        "Registry.example/a__b/c",
        "[::1]:5000/hotel",
        f"r/hotel:1@sha256:{'0a' * 32}",
    ],
)
def test_images_that_there_can_be(image):
    assert {pod["containers"][0]["image"] for pod in pods(rendered(image=image))} == {image}


def test_what_knative_takes_at_most_is_rendered():
    for_all = rendered(scale=Scale(concurrency=1000), resources=Resources(cpu_limit="0.5"))
    hotel = of_kind(for_all, "Service")["hotel-hotel"]["spec"]["template"]["spec"]
    assert hotel["containerConcurrency"] == 1000


def test_manifests_are_plain_data():
    manifests = rendered()
    assert yaml.safe_load(yaml.safe_dump(manifests)) == manifests
    assert msgspec.json.decode(msgspec.json.encode(manifests)) == manifests


def test_the_addresses_follow_the_namespace_and_the_domain():
    manifests = rendered(namespace="shop", cluster_domain="corp.example", name="motel")
    data = of_kind(manifests, "ConfigMap", "v1")["motel-environment"]["data"]
    addresses = json.loads(data["MU2SLS_ADDRESSES"])
    assert addresses["Order"] == "http://motel-order.shop.svc.corp.example"
    assert set(addresses) == set(application("apps/hotel").program.services)
    assert {m["metadata"]["namespace"] for m in manifests} == {"shop"}


def test_the_gateway_alone_has_what_tells_who_callers_are():
    manifests = rendered("apps/expenses", auth="keys:expenses-auth")
    pods = {}
    for manifest in manifests:
        if manifest["kind"] in ("Service", "Deployment"):
            pods[manifest["metadata"]["name"]] = manifest["spec"]["template"]["spec"]
    having = {name for name, pod in pods.items() if "expenses-auth" in json.dumps(pod)}
    assert having == {"expenses-gateway"}
    (node,) = pods["expenses-gateway"]["containers"]
    (told,) = [each["value"] for each in node["env"] if each["name"] == "MU2SLS_AUTH"]
    (mount,) = [each for each in node["volumeMounts"] if each["name"] == "auth"]
    assert told == f"keys:{mount['mountPath']}/auth.json"
    assert mount["readOnly"]
    for manifest in manifests:
        assert problems(manifest, "1.23") == []
    assert "MU2SLS_AUTH" not in json.dumps(rendered("apps/expenses"))
