"""Settings that cannot work are told before a cluster sees them."""

import pytest

from backends.knative.annotations import check_annotations
from backends.knative.checks import image_trouble
from backends.knative.errors import RenderProblem
from backends.knative.render import render
from backends.knative.settings import Resources, Scale, Settings
from backends.runtime.settings import Settings as NodeSettings
from compiler.application import load

COUNTER = load("apps/counter")
INFINITE = float("inf")


def rendered(**settings):
    return render(COUNTER, Settings(image="r.example/counter:1", **settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"platform_namespaces": ()}, "platform_namespaces is empty"),
        ({"platform_namespaces": ("",)}, "platform_namespaces has ''"),
        ({"platform_namespaces": ("a b",)}, "platform_namespaces has 'a b'"),
        ({"dns_namespace": "a\nb"}, "dns_namespace has"),
        ({"cluster_domain": ""}, "cluster_domain is ''"),
        ({"cluster_domain": "cluster.local\nx"}, "which is no domain"),
        ({"cluster_domain": "evil.example/x?"}, "which is no domain"),
        ({"uid": 0}, "do not run as root"),
        ({"auth": "keys"}, "auth is 'keys': write none, or keys:NAME"),
        ({"auth": "keys:"}, "auth is 'keys:'"),
        ({"auth": "basic:hotel-auth"}, "auth is 'basic:hotel-auth'"),
        ({"auth": "jwt:/etc/keys.json"}, "auth is 'jwt:/etc/keys.json'"),
        ({"uid": 2**31}, "do not run as root"),
        ({"upkeep_replicas": 2**31}, "upkeep cannot have"),
        ({"scale": Scale(max_scale=2**31)}, "max_scale of 2147483648"),
        ({"app": "x\ny"}, "app is"),
        ({"fdb_prefix": "x\x00"}, "fdb_prefix is"),
        ({"resources": Resources(memory_limit="1Mi")}, "memory_limit is 1Mi, less than memory"),
        ({"resources": Resources(cpu_request="2", cpu_limit="1999m")}, "cpu_limit is 1999m, less"),
        ({"resources": Resources(memory_request="1Gi", memory_limit="1e9")}, "memory_limit is 1e9"),
        ({"resources": Resources(cpu_limit="1e999")}, "no quantity"),
        ({"nodes": NodeSettings(retention=INFINITE)}, "retention inf: it has to be a number"),
    ],
)
def test_what_the_cluster_would_refuse_or_misread(settings, said):
    with pytest.raises(RenderProblem) as caught:
        rendered(**settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"resources": Resources(memory_request="1Gi", memory_limit="1024Mi")},
        {"resources": Resources(cpu_request="0.5", cpu_limit="500m")},
        {"resources": Resources(cpu_request=".5", cpu_limit="")},
        {"dns_namespace": ""},
        {"platform_namespaces": (), "network_policies": False},
    ],
)
def test_what_works(settings):
    assert rendered(**settings)


@pytest.mark.parametrize(
    ("reference", "is_name"),
    [
        ("x", False),
        ("x:1", False),
        ("registry.example/x:1", False),
        ("localhost/x", False),
        ("localhost:5000/x@sha256:" + "0" * 64, False),
        ("xy", True),
        ("r/x", True),
        ("registry.example/xy:1", True),
        ("registry.example/" + "a" * 255, True),
        ("registry.example/" + "a" * 256, False),
    ],
)
def test_names_of_images_are_as_long_as_knative_takes_them(reference, is_name):
    assert (image_trouble(reference) == "") == is_name


# --- annotations of the autoscaler


def annotations(**scale):
    (service,) = [
        each
        for each in rendered(scale=Scale(**scale))
        if each["kind"] == "Service" and each["metadata"]["name"] == "counter-counter"
    ]
    return service["spec"]["template"]["metadata"]["annotations"]


def test_annotations_reach_the_revision():
    given = {"target-burst-capacity": "0", "activation-scale": "3", "scale-down-delay": "15m"}
    found = annotations(annotations=given, min_scale=1)
    for name, value in given.items():
        assert found[f"autoscaling.knative.dev/{name}"] == value
    assert found["autoscaling.knative.dev/min-scale"] == "1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target-burst-capacity", "-1"),
        ("target-burst-capacity", "211.5"),
        ("scale-down-delay", "0s"),
        ("scale-down-delay", "1h"),
        ("scale-down-delay", "59m60s"),
        ("window", "6s"),
        ("initial-scale", "0"),
        ("panic-window-percentage", "10.0"),
    ],
)
def test_values_that_knative_takes(name, value):
    check_annotations(("scale",), "a service", {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target-burst-capacity", "-2"),
        ("target-burst-capacity", "nan"),
        ("target-burst-capacity", "0 "),
        ("activation-scale", "0"),
        ("activation-scale", "1.5"),
        ("scale-down-delay", "61m"),
        ("scale-down-delay", "15"),
        ("scale-down-delay", ""),
        ("scale-down-delay", "٣s"),
        ("window", "5s"),
        ("min-scale", "1"),
        ("autoscaling.knative.dev/window", "60s"),
        ("no-such", "1"),
    ],
)
def test_values_and_names_that_it_does_not(name, value):
    with pytest.raises(RenderProblem, match=name):
        check_annotations(("scale",), "a service", {name: value})
