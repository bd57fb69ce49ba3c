"""Pods are deleted by the labels of their deployment, at once, and no others."""

from random import Random

import pytest

from backends.knative.commands.experiment import Pods
from backends.knative.names import Names
from backends.knative.settings import Settings
from compiler.application import load
from tests.backends.experiment.apps import ROOT


@pytest.fixture
def names(namespace):
    settings = Settings(image="hotel:1", namespace=namespace)
    return Names(load(ROOT / "apps" / "hotel"), settings)


def make_pod(admin, names, name, part):
    metadata = {"name": name, "labels": names.labels(names.components[part])}
    containers = [{"name": "node", "image": "hotel:1"}]
    admin.create("v1:pods", metadata=metadata, spec={"containers": containers})


def test_one_pod_of_a_service_is_deleted(admin, objects, names):
    for number in range(2):
        make_pod(admin, names, f"hotel-{number}", "Hotel")
        make_pod(admin, names, f"flight-{number}", "Flight")
    (killed,) = Pods(objects, names).kill("Hotel", "one", Random(1))
    assert admin.names("v1:pods") == {"hotel-0", "hotel-1", "flight-0", "flight-1"} - {killed}
    assert killed.startswith("hotel")


def test_all_pods_of_a_service_are_deleted(admin, objects, names):
    make_pod(admin, names, "hotel-0", "Hotel")
    make_pod(admin, names, "hotel-1", "Hotel")
    make_pod(admin, names, "upkeep-0", "upkeep")
    assert sorted(Pods(objects, names).kill("Hotel", "all", Random(1))) == ["hotel-0", "hotel-1"]
    assert Pods(objects, names).kill("platform", "one", Random(1)) == ["upkeep-0"]
    assert admin.names("v1:pods") == set()


def test_pods_of_other_deployments_stay(admin, objects, names):
    labels = {**names.labels("hotel"), "app.kubernetes.io/instance": "motel"}
    containers = [{"name": "node", "image": "motel:1"}]
    admin.create(
        "v1:pods", metadata={"name": "motel", "labels": labels}, spec={"containers": containers}
    )
    assert Pods(objects, names).kill("", "all", Random(1)) == []
    assert admin.names("v1:pods") == {"motel"}
