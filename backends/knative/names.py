"""What the objects of an application are called, and the labels they carry.

Every object has the labels below, so whatever an application has in a namespace is found by
``selector`` and what the last deployment made and this one does not is what to prune:

============================  ==========================================================
label                         value
============================  ==========================================================
app.kubernetes.io/name        the application's name
app.kubernetes.io/instance    the deployment's name (``Settings.name``)
app.kubernetes.io/component   what of it: a service, ``gateway``, ``upkeep`` or ``common``
app.kubernetes.io/part-of     as instance
app.kubernetes.io/managed-by  ``mu2sls``
============================  ==========================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from backends.knative.errors import RenderProblem
from backends.knative.settings import Settings
from compiler.application import Application

__all__ = [
    "CLUSTER_FILE_KEY",
    "COMMON",
    "COMPONENT",
    "CONTENT_HASH",
    "GATEWAY",
    "INSTANCE",
    "MANAGED_BY",
    "MANAGER",
    "UPKEEP",
    "WIRE_KEY_KEY",
    "Names",
    "content_hash",
    "kubernetes_name",
    "selector",
    "wire_key_name",
]

GATEWAY, UPKEEP, COMMON = "gateway", "upkeep", "common"
MANAGER = "mu2sls"
MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
_NAME, _PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
CONTENT_HASH = "mu2sls/content-hash"
"""The annotation with the hash of everything else in the object."""

CLUSTER_FILE_KEY, WIRE_KEY_KEY = "cluster-file", "wire-key"
_LONGEST = 50
"""Knative appends ``-00001`` and ``-deployment`` and wants DNS labels, of 63 characters."""


def kubernetes_name(name: str) -> str:
    """A Python name as a DNS-1035 label: ``OrderBook`` becomes ``order-book``.

    :raises RenderProblem: nothing is left of it.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    label = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if not label or not label[0].isalpha():
        raise RenderProblem(
            f"{name!r} makes no name in Kubernetes, which knows a-z, 0-9 and -, a letter first: "
            "rename it"
        )
    return label


def wire_key_name(instance: str) -> str:
    """The Secret with the key of a deployment's envelopes, under ``WIRE_KEY_KEY``."""
    return f"{instance}-wire-key"


class Names:
    """The names of one deployment.

    :ivar instance: the deployment's name, which all others begin with.
    :ivar components: the label value of every service, of the gateway and of upkeep.
    :raises RenderProblem: two services would share a name, or a name does not fit.
    """

    def __init__(self, application: Application, settings: Settings) -> None:
        self._settings = settings
        self._application = kubernetes_name(application.name)
        self.instance = settings.name or self._application
        if self.instance != kubernetes_name(self.instance):
            raise RenderProblem(
                f"the name {settings.name!r} is no DNS label: use a-z, 0-9 and -, a letter first",
                "name",
            )
        self.components = {GATEWAY: GATEWAY, UPKEEP: UPKEEP}
        taken = {GATEWAY: "the gateway", UPKEEP: "upkeep", COMMON: "what they share"}
        for service in application.program.services:
            component = kubernetes_name(service)
            if component in taken:
                raise RenderProblem(
                    f"service {service} would be called {component} in Kubernetes, but so is "
                    f"{taken[component]}: rename the service"
                )
            taken[component] = f"service {service}"
            self.components[service] = component
            self._check_length(self.of(service), f"service {service}")

    def _check_length(self, name: str, what: str) -> None:
        if len(name) > _LONGEST:
            raise RenderProblem(
                f"{what} would be called {name}, which is over {_LONGEST} characters and leaves "
                "Knative no room for its own: choose a shorter name (--name) or rename the service",
                "name",
            )

    def of(self, part: str) -> str:
        """The name of a service's, the gateway's or upkeep's objects."""
        return f"{self.instance}-{self.components[part]}"

    @property
    def environment(self) -> str:
        """The ConfigMap with what all nodes read from their environment."""
        return f"{self.instance}-environment"

    @property
    def cluster_file(self) -> str:
        """The Secret with FoundationDB's cluster file, under ``CLUSTER_FILE_KEY``."""
        return f"{self.instance}-cluster-file"

    @property
    def wire_key(self) -> str:
        """The Secret with the key of the envelopes, under ``WIRE_KEY_KEY``."""
        return wire_key_name(self.instance)

    @property
    def service_account(self) -> str:
        """The account the pods run as."""
        return self._settings.service_account or self.instance

    def address(self, service: str) -> str:
        """Where the service is called from within the cluster."""
        settings = self._settings
        return f"http://{self.of(service)}.{settings.namespace}.svc.{settings.cluster_domain}"

    def labels(self, component: str) -> dict[str, str]:
        """The labels of an object of one component."""
        return {
            _NAME: self._application,
            INSTANCE: self.instance,
            COMPONENT: component,
            _PART_OF: self.instance,
            MANAGED_BY: MANAGER,
        }

    def metadata(self, name: str, component: str) -> dict[str, Any]:
        """The metadata every object has."""
        return {
            "name": name,
            "namespace": self._settings.namespace,
            "labels": self.labels(component),
        }


def selector(instance: str) -> str:
    """The label selector of everything that was deployed under a name."""
    return f"{MANAGED_BY}={MANAGER},{INSTANCE}={instance}"


def content_hash(content: Any) -> str:
    """A hash of plain data, the same on every machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
